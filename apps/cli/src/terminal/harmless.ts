/** What would move the cursor, color, erase, or turn the direction of what stands beside it. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
const BUT_LINE_BREAKS = /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const escapeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Text of a stranger on somebody's terminal, line breaks and all: every other control character is shown as its escape. */
export const harmless = (text: string): string => text.replace(BUT_LINE_BREAKS, escapeOf);

/** The same where one line is meant: a line break would begin a line that nobody wrote. */
export const harmlessLine = (text: string): string => text.replace(CONTROL, escapeOf);
