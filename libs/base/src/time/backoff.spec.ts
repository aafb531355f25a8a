import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './backoff.js';

const most = (): number => 0;
const least = (): number => 1;

describe('the wait between two tries', () => {
  it('doubles with each failure up to the longest', () => {
    expect([0, 1, 2, 3, 7, 50].map((failures) => backoffMs(failures, undefined, most))).toEqual([
      100, 100, 200, 400, 5_000, 5_000,
    ]);
    expect([1, 2, 9].map((failures) => backoffMs(failures, { firstMs: 4, longestMs: 250 }, most))).toEqual([4, 8, 250]);
  });

  it('is spread by a half, or wholly among rivals', () => {
    expect(backoffMs(1, undefined, least)).toBe(50);
    expect(backoffMs(3, { firstMs: 4, longestMs: 250, spread: 1 }, least)).toBe(0);
  });

  it('never leaves its bounds, however many failures there were', () =>
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (failures, chance) => {
        const ms = backoffMs(failures, { firstMs: 200, longestMs: 5_000 }, () => chance);
        expect(ms).toBeGreaterThanOrEqual(100);
        expect(ms).toBeLessThanOrEqual(5_000);
      }),
    ));
});
