import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lastDue, nextDue } from './periodic.js';

const period = fc.record({
  intervalSeconds: fc.integer({ min: 1, max: 604_800 }),
  since: fc.integer({ min: 0, max: 4e12 }),
});

describe('due times of periodic snapshots', () => {
  it('lie whole intervals after the plan, whatever was late', () => {
    fc.assert(
      fc.property(period, fc.integer({ min: -1e9, max: 1e9 }), (one, offset) => {
        const after = one.since + offset;
        const due = nextDue(one, after);
        expect(due).toBeGreaterThan(after);
        expect((due - one.since) % (one.intervalSeconds * 1_000)).toBe(0);
        expect(due - Math.max(after, one.since)).toBeLessThanOrEqual(one.intervalSeconds * 1_000);
      }),
    );
  });

  it('are one at a time: the last until now is the one before the next', () => {
    fc.assert(
      fc.property(period, fc.integer({ min: -1e9, max: 1e9 }), (one, offset) => {
        const now = one.since + offset;
        const last = lastDue(one, now);
        if (last === undefined) expect(nextDue(one, now)).toBe(one.since + one.intervalSeconds * 1_000);
        else expect(nextDue(one, now)).toBe(last + one.intervalSeconds * 1_000);
      }),
    );
  });
});
