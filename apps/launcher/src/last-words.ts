const isLogLine = (line: string): boolean => line.startsWith('{') || line.endsWith('}');

/**
 * What a process said to people at its end: the plain lines behind the last structured one.
 * @param tail the end of its log, which may begin in the middle of a line
 * @returns all of it when no such lines are there
 */
export const lastWords = (tail: string): string => {
  const lines = tail.split('\n');
  const words = lines
    .slice(lines.findLastIndex(isLogLine) + 1)
    .join('\n')
    .trim();
  return words === '' ? tail : words;
};
