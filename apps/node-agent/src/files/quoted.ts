/** What steers a terminal or turns text around. JSON escapes only those below the space. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string =>
  character.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Shows a name that an instance chose, in quotes and no longer than `most` characters: whoever reads it may do so in a terminal. */
export const quoted = (name: string, most: number): string =>
  JSON.stringify(name.length > most ? `${name.slice(0, most).toWellFormed()}…` : name).replaceAll(UNSEEN, escaped);
