/** What would move the cursor, color, erase, or turn the direction of what stands beside it: C0, C1, ends of lines and paragraphs, controls of direction. */
const CONTROL = /[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;
const BUT_LINE_BREAKS = /(?!\n)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;
const BUT_LINE_BREAKS_AND_TABS = /(?![\n\t])[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;

const escapeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Text of a stranger on somebody's terminal, line breaks and all: every other control character is shown as its escape. */
export const harmless = (text: string): string => text.replace(BUT_LINE_BREAKS, escapeOf);

/** The same where one line is meant: a line break would begin a line that nobody wrote. */
export const harmlessLine = (text: string): string => text.replace(CONTROL, escapeOf);

/** What a program has printed, on a terminal: as `harmless`, and tabs stay. */
export const harmlessOutput = (text: string): string => text.replace(BUT_LINE_BREAKS_AND_TABS, escapeOf);
