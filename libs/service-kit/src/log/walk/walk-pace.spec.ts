import { describe, expect, it } from '@jest/globals';
import { nextPart, restAfterMs, STEP, stepEveryMs } from './walk-pace.js';

const DAY_MS = 86_400_000;

describe('the pace of the walk over the log', () => {
  it('comes around once in the time that is set, however long the log is', () => {
    for (const head of [STEP, 10 * STEP, 200_000]) {
      let steps = 0;
      for (let verified = 0; verified < head; steps += 1) {
        const { from, most } = nextPart(verified, head);
        expect(from).toBe(verified + 1);
        verified = from + most - 1;
      }
      expect(steps * stepEveryMs(head, DAY_MS)).toBeCloseTo(DAY_MS, -2);
    }
  });

  it('reads a log that is shorter than a step once in that time', () => {
    expect(stepEveryMs(7, DAY_MS)).toBe(DAY_MS);
    expect(stepEveryMs(0, DAY_MS)).toBe(DAY_MS);
  });

  it('begins anew at the end, and where the log is shorter than it was', () => {
    expect(nextPart(100, 100).from).toBe(1);
    expect(nextPart(100, 60).from).toBe(1);
  });

  it('rests longer after a step that was slow', () => {
    expect(restAfterMs(5)).toBe(1_000);
    expect(restAfterMs(2_000)).toBe(38_000);
  });
});
