import { describe, expect, it } from '@jest/globals';
import { patternOf } from './patterns.js';

describe('a pattern of a caller', () => {
  it.each([
    ['/^abc/', '^abc'],
    ['^abc', '^abc'],
    ['/', '/'],
    ['//', ''],
    ['\\bab\\B', '\\yab\\Y'],
    ['[\\b]', '[\\b]'],
    ['\\\\b', '\\\\b'],
    ['(?i)abc', '(?i)abc'],
    ['(?:a|b){2,3}', '(?:a|b){2,3}'],
    ['a{20}b{20}', 'a{20}b{20}'],
  ])('%s is taken as %s', (given, taken) => expect(patternOf(given)).toBe(taken));

  it.each([
    ['no text', 5],
    ['no pattern', '('],
    ['one that refers back', '(a*)\\1'],
    ['one that refers back by name', '(?<x>a)\\k<x>'],
    ['one that looks ahead', '(?=a)b'],
    ['one that looks behind', '(?<!a)b'],
    ['one that repeats too often', '((a{20}){20}){20}'],
    ['one that is too long', 'a'.repeat(513)],
  ])('is refused when it is %s', (_, given) => expect(() => patternOf(given)).toThrow());
});
