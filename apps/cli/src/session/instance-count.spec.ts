import { expect, it } from '@jest/globals';
import { among, instancesOf, rangesText } from './instance-count.js';
import { instancesIn } from '../terminal/arguments.js';

it.each([
  [{ instanceCount: 3 }, 3],
  [{ instanceCount: 3, advancedRanges: null }, 3],
  [{ instanceCount: 0, advancedRanges: '0-199' }, 200],
  [{ instanceCount: 0, advancedRanges: '7, 3-4,17' }, 4],
  [{ instanceCount: 0, advancedRanges: '0-9,5,2-12' }, 13],
])('%j has so many instances: %d', (task, count) => {
  expect(instancesOf(task)).toBe(count);
});

it.each([
  ['0-2', '0-1', '0-1', '2'],
  ['0-999999999', '0-1', '0-1', '2-999999999'],
  ['1,3,5-9', '2-6', '3,5-6', '1,7-9'],
  ['0-10', '2,4-5,9', '2,4-5,9', '0-1,3,6-8,10'],
  ['7', '0-6', '', '7'],
])('of %s, where there are %s, there are %s and not %s', (wanted, there, yes, no) => {
  const { found, missing } = among(instancesIn(wanted), instancesIn(there));
  expect([rangesText(found), rangesText(missing)]).toEqual([yes, no]);
});
