/** Characters of a pattern, and of a text that is compared with one: what varies in a pattern twice is tried for each pair of places. */
const MOST_PATTERN_CHARS = 200;
const MOST_MATCHED_CHARS = 256;
const MOST_VARYING = 2;
const MOST_OPTIONAL = 4;

/** One character, an escaped one, or a class of them. */
const ATOM = /^(?:\[\^?(?:\\[\\\]^dsw-]|[^\\\]])+\]|\\[dDwWsS]|\\[^\w\s]|[^\\[\](){}|*+?^$])/u;
const TIMES = /^(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})/;

/**
 * Says what is wrong with a pattern of a document. It is a row of characters and classes, each with a number of times: no groups, alternatives, anchors,
 * references or looking around, so that comparing takes no time that anybody could make long (people of an organization write it, the service that
 * takes everybody's tasks runs it).
 */
export const patternProblem = (pattern: string): string | undefined => {
  if (pattern === '') return 'A pattern is not empty.';
  if (pattern.length > MOST_PATTERN_CHARS) return `A pattern has at most ${MOST_PATTERN_CHARS} characters.`;
  let rest = pattern;
  let varying = 0;
  let optional = 0;
  while (rest !== '') {
    const [atom = ''] = ATOM.exec(rest) ?? [];
    if (atom === '')
      return `A pattern is a row of characters and classes such as [a-z], \\d or ., each with a number of times such as + or {1,40}: ${JSON.stringify(rest.slice(0, 20))} is neither. It is compared with the whole text.`;
    rest = rest.slice(atom.length);
    const [times = ''] = TIMES.exec(rest) ?? [];
    rest = rest.slice(times.length);
    if (times === '?') optional += 1;
    else if (times !== '' && !/^\{\d+\}$/.test(times)) varying += 1;
  }
  if (varying > MOST_VARYING || optional > MOST_OPTIONAL)
    return `At most ${MOST_VARYING} parts of a pattern come a varying number of times, and at most ${MOST_OPTIONAL} are optional.`;
  try {
    new RegExp(wholeOf(pattern), 'u');
    return undefined;
  } catch {
    return 'It is not a valid regular expression.';
  }
};

const wholeOf = (pattern: string): string => `^(?:${pattern})$`;

/** Whether the whole of a text matches. @param pattern without a problem */
export const matchesPattern = (pattern: string, text: string): boolean =>
  text.length <= MOST_MATCHED_CHARS && new RegExp(wholeOf(pattern), 'u').test(text);
