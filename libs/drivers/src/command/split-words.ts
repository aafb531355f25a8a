/** Why a command line cannot be split. */
export class UnbalancedQuote extends Error {
  override readonly name = 'UnbalancedQuote';
}

const BLANK = new Set([' ', '\t', '\n', '\r']);
/** POSIX 2.2.3: inside double quotes a backslash only escapes these, and joins lines. */
const ESCAPABLE_IN_DOUBLE_QUOTES = new Set(['$', '`', '"', '\\']);

/**
 * Splits a command line into words as a POSIX shell does (quotes and backslashes), without any expansion:
 * `$`, globs, `;` and the like are ordinary characters.
 * @throws UnbalancedQuote
 */
export const splitWords = (line: string): readonly string[] => {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    const next = line.charAt(at + 1);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word = (word ?? '') + char;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else if (char === '\\' && ESCAPABLE_IN_DOUBLE_QUOTES.has(next)) {
        word = (word ?? '') + next;
        at += 1;
      } else if (char === '\\' && next === '\n') at += 1;
      else word = (word ?? '') + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '\\') {
      if (at + 1 >= line.length) throw new UnbalancedQuote('the command ends with a backslash');
      if (next !== '\n') word = (word ?? '') + next;
      at += 1;
    } else if (BLANK.has(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + char;
  }
  if (quote) throw new UnbalancedQuote(`the command has no closing ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
};
