import { expect, it } from '@jest/globals';
import { AbsentFor } from './absent-for.js';

it('says what was absent at each look of a while, and nothing of a time at which nobody has looked', () => {
  const looks = new AbsentFor(10);
  const look = (now: number, absent: readonly string[]): readonly string[] => [...looks.among(['a', 'b'], absent, now)];
  expect(look(0, ['a', 'b'])).toEqual([]);
  expect(look(5, ['a'])).toEqual([]);
  expect(look(10, ['a', 'b'])).toEqual(['a']);
  expect(look(15, ['a', 'b'])).toEqual(['a']);
  expect(look(20, ['a', 'b'])).toEqual(['a', 'b']);
  expect(look(60, ['a', 'b'])).toEqual([]);
});
