import { describe, expect, it } from '@jest/globals';
import { pathPatternProblem } from './path-pattern.js';

describe('a regular expression over paths', () => {
  it.each([
    '',
    String.raw`^(file1|.*\.txt)$`,
    '.*wanted.*',
    '^${NAME}.*$',
    '[(?=]',
    String.raw`\(?=`,
    'a{2,1000}',
    '(?:a|b)+',
    '(?<name>a)',
    '(?i:a)',
    '[(?P]',
  ])('may be %j', (text) => expect(pathPatternProblem(text)).toBeUndefined());

  it.each([
    ['(', 1],
    ['a(b', 2],
    ['a(b)(c', 5],
    ['[ab', 1],
    ['ab*', undefined],
    ['a**', 3],
    ['*', 1],
    ['^*.txt', 2],
    ['a)b', 2],
    ['[z-a]', 4],
    ['x\\', 2],
    ['${NAME}(', 8],
    ['a(?=b)', 2],
    ['(?!a)b', 1],
    ['(?<=a)b', 1],
    ['(?<!a)b', 1],
    [String.raw`(a)\1`, 4],
    ['(?P<n>a)', 1],
    [String.raw`a(?i)\.png$`, 2],
    ['b(?', 2],
    ['a{1001}', 2],
    ['a{2,1001}', 2],
  ])('%j is refused where it is wrong', (text, at) => {
    const problem = pathPatternProblem(text);
    if (at === undefined) expect(problem).toBeUndefined();
    else
      expect(problem).toMatch(new RegExp(`^The value is not a valid regular expression: .+, at character ${at}\\.$`));
  });
});
