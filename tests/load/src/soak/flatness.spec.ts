import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judge, medianSlope, renderVerdicts, type Sample } from './flatness.js';

const MINUTES = 60;
/** A sample a minute, a thousand tasks a minute. */
const hour = (memoryAt: (minute: number) => number, descriptorsAt: (minute: number) => number = () => 30) =>
  Array.from({ length: MINUTES }, (_, minute): Sample => ({
    atMs: minute * 60_000,
    residentMiB: memoryAt(minute),
    descriptors: descriptorsAt(minute),
    tasks: minute * 1_000,
  }));
const warmingUp = (minute: number): number => 90 + 60 * (1 - Math.exp(-minute / 4));

describe('flatness of a process', () => {
  it('takes a heap that finds its size and then swings for flat', () =>
    expect(judge(hour((minute) => warmingUp(minute) + (minute % 7) * 4))).toMatchObject({ isFlat: true, why: [] }));

  it('finds the agent that grew by 2 KiB a task', () => {
    const verdict = judge(hour((minute) => warmingUp(minute) + (minute * 2_000) / 1_024 + (minute % 7) * 4));
    expect(verdict.isFlat).toBe(false);
    expect(verdict.why).toEqual([expect.stringContaining('memory grew by')]);
    expect(verdict.kibPerTask).toBeCloseTo(2, 0);
  });

  it('allows what is known to grow, and no more', () => {
    const samples = hour((minute) => 20 + (minute * 4_000) / 1_024);
    expect(judge(samples, { kibPerTask: 6 }).isFlat).toBe(true);
    expect(judge(samples, { kibPerTask: 2 }).isFlat).toBe(false);
  });

  it('finds descriptors that are not closed', () =>
    expect(judge(hour(warmingUp, (minute) => 30 + Math.floor(minute / 5))).why).toEqual([
      expect.stringContaining('descriptors grew by'),
    ]));

  it('does not judge by a few samples', () => expect(() => judge(hour(warmingUp).slice(0, 5))).toThrow(RangeError));

  it('is not turned by any one sample', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: MINUTES - 1 }),
        fc.double({ min: 1, max: 4_000, noNaN: true }),
        (at, odd) => {
          expect(judge(hour((minute) => (minute === at ? odd : 100))).isFlat).toBe(true);
        },
      ),
    ));

  it('has the slope of a line, whatever line', () =>
    fc.assert(
      fc.property(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 500 }), (slope, start) => {
        const points = Array.from({ length: 20 }, (_, x) => [x, start + slope * x] as const);
        expect(medianSlope(points)).toBeCloseTo(slope);
      }),
    ));

  it('becomes a row for each process', () => {
    const text = renderVerdicts(new Map([['node-1', judge(hour(() => 100))]]));
    expect(text.split('\n').at(-1)).toBe('| node-1 | 100 / 100 / 100 MiB | 0.00 KiB | 30 / 30 / 30 | yes |');
  });
});
