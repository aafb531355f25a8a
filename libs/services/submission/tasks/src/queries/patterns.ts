import { Invalid } from '@fornax/base';

const MAX_LENGTH = 512;
/** A counted repetition is written out by the engine: `(a{50}){50}` is 2,500 states. */
const MAX_WRITTEN_OUT = 1_000;

const invalid = (message: string): Invalid => new Invalid(message, { code: 'bad-filter' });

/** `/…/` and bare patterns are the same (contract, 5.46). */
const withoutSlashes = (text: string): string =>
  text.length >= 2 && text.startsWith('/') && text.endsWith('/') ? text.slice(1, -1) : text;

/** Options that stand in front of a .NET pattern; the database knows the same ones. */
const OPTIONS = /^\(\?[in]+\)/;

const compiles = (pattern: string): boolean => {
  try {
    new RegExp(pattern.replace(OPTIONS, ''));
    return true;
  } catch {
    return false;
  }
};

/**
 * A pattern of a caller as Postgres takes it. Its engine runs in time linear in the text, as long as nothing refers back; counted repetitions
 * are bounded in all, because they multiply when they are nested. What is left of cost is bounded by time (see PatternQueries).
 * @throws Invalid it is no pattern, or one whose cost nobody can foresee
 */
export const patternOf = (value: unknown): string => {
  if (typeof value !== 'string') throw invalid('Like needs a pattern');
  const pattern = withoutSlashes(value);
  if (pattern.length > MAX_LENGTH) throw invalid(`A pattern has at most ${MAX_LENGTH} characters`);
  if (!compiles(pattern)) throw invalid(`Not a valid pattern: ${value}`);
  return translated(pattern);
};

/** Walks over the pattern once: escapes are whole, brackets hold no operators. */
const translated = (pattern: string): string => {
  let result = '';
  let writtenOut = 1;
  for (let at = 0; at < pattern.length;) {
    const token = TOKEN.exec(pattern.slice(at))?.[0] ?? pattern.charAt(at);
    at += token.length;
    if (/^\\[1-9k]/.test(token)) throw invalid('A pattern cannot refer back to what it matched');
    if (/^\(\?(?:[=!]|<[=!])/.test(token)) throw invalid('A pattern cannot look ahead or behind');
    const counted = /^\{(\d+)(?:,(\d*))?\}$/.exec(token);
    if (counted) writtenOut *= Math.max(1, Number(counted[2] || counted[1]));
    if (writtenOut > MAX_WRITTEN_OUT) throw invalid('A pattern repeats too often');
    // A word's edge is spelled another way there, where \b is a backspace.
    result += token === '\\b' ? '\\y' : token === '\\B' ? '\\Y' : token;
  }
  return result;
};

/** An escape, a bracket expression, the head of a group, a counted repetition. */
const TOKEN = /^(?:\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?(?:<[=!]|[=!:])|\{\d+(?:,\d*)?\})/;
