import { expect, it } from '@jest/globals';
import { instancesOf } from './instance-count.js';

it.each([
  [{ instanceCount: 3 }, 3],
  [{ instanceCount: 3, advancedRanges: null }, 3],
  [{ instanceCount: 0, advancedRanges: '0-199' }, 200],
  [{ instanceCount: 0, advancedRanges: '7, 3-4,17' }, 4],
  [{ instanceCount: 0, advancedRanges: '0-9,5,2-12' }, 13],
])('%j has so many instances: %d', (task, count) => {
  expect(instancesOf(task)).toBe(count);
});
