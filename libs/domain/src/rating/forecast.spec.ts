import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { forecast, type Forecast, type ForecastFacts, type RunningAttempt } from './forecast.js';

const PER_MS = 7n;
const running = (ranMs: number, progress = 0): RunningAttempt => ({
  ranMs,
  progress,
  price: (ms) => PER_MS * BigInt(ms),
});
const nothing: ForecastFacts = {
  ...{ spent: 0n, running: [], waiting: 0, isInPool: false, finished: undefined, leftMs: undefined },
};
const of = (facts: Partial<ForecastFacts>): Forecast => {
  const found = forecast({ ...nothing, ...facts });
  if (typeof found === 'string') throw new Error(found);
  return found;
};

describe('the forecast of a task', () => {
  it('goes by the progress that commands tell, which may be off by one', () => {
    expect(of({ spent: 100n, running: [running(500, 50)] })).toEqual({
      low: 100n + PER_MS * 980n,
      high: 100n + PER_MS * 1_021n,
      running: { progress: 1, finished: 0, 'max-wall-time': 0 },
      waiting: 0,
    });
    // The first percent may be half of one.
    expect(of({ running: [running(500, 1)] })).toMatchObject({ low: PER_MS * 25_000n, high: PER_MS * 100_000n });
  });

  it('goes by what instances cost that have succeeded, for those that run and those that wait', () => {
    const finished = { low: 2_000n, high: 9_000n };
    expect(of({ running: [running(1_000)], waiting: 2, finished })).toEqual({
      low: 7_000n + 2n * 2_000n,
      high: 9_000n + 2n * 9_000n,
      running: { progress: 0, finished: 1, 'max-wall-time': 0 },
      waiting: 2,
      waitingBasis: 'finished',
    });
  });

  it('takes those that wait to be as those that tell their progress, while none has succeeded', () =>
    expect(of({ running: [running(500, 50)], waiting: 3 })).toMatchObject({
      low: 4n * PER_MS * 980n,
      waitingBasis: 'progress',
    }));

  it('goes at most to the end of its job', () => {
    expect(of({ running: [running(1_000)], waiting: 1, leftMs: 4_000 })).toEqual({
      low: PER_MS * 1_000n,
      high: PER_MS * 9_000n,
      running: { progress: 0, finished: 0, 'max-wall-time': 1 },
      waiting: 1,
      waitingBasis: 'max-wall-time',
    });
    expect(of({ running: [running(500, 50)], leftMs: 10 })).toMatchObject({ low: PER_MS * 510n, high: PER_MS * 510n });
  });

  it('says why it says nothing', () => {
    expect(forecast(nothing)).toBe('over');
    expect(forecast({ ...nothing, waiting: 5, isInPool: true })).toBe('in-pool');
    expect(forecast({ ...nothing, running: [running(5)] })).toBe('unknown-length');
    expect(forecast({ ...nothing, running: [running(5, 20), running(5)] })).toBe('unknown-length');
    expect(forecast({ ...nothing, waiting: 1 })).toBe('unknown-length');
    expect(forecast({ ...nothing, waiting: 1, leftMs: 9 })).toBe('unknown-length');
  });

  const facts = fc.record({
    spent: fc.bigInt(0n, 10n ** 20n),
    running: fc.array(
      fc
        .record({ ranMs: fc.nat(10 ** 9), progress: fc.double({ min: 0, max: 100, noNaN: true }) })
        .map(({ ranMs, progress }) => running(ranMs, progress < 1e-3 ? 0 : progress)),
      { maxLength: 5 },
    ),
    waiting: fc.nat(1_000),
    isInPool: fc.constant(false),
    finished: fc.option(
      fc.tuple(fc.bigInt(0n, 10n ** 12n), fc.bigInt(0n, 10n ** 12n)).map(([low, more]) => ({ low, high: low + more })),
      { nil: undefined },
    ),
    leftMs: fc.option(fc.nat(10 ** 9), { nil: undefined }),
  });

  it('never is less than what has been spent, nor its least more than its most, and counts each that runs once', () =>
    fc.assert(
      fc.property(facts, (all) => {
        const found = forecast(all);
        if (typeof found === 'string') return;
        const soFar = all.running.reduce((sum, { ranMs, price }) => sum + price(ranMs), all.spent);
        expect(found.low >= soFar).toBe(true);
        expect(found.high >= found.low).toBe(true);
        expect(Object.values(found.running).reduce((sum, count) => sum + count, 0)).toBe(all.running.length);
        const inAll = BigInt(all.running.length) * PER_MS * BigInt(all.leftMs ?? 0);
        if (all.leftMs !== undefined && all.waiting === 0) expect(found.high <= soFar + inAll).toBe(true);
      }),
    ));

  it('holds what a steady command costs in the end, at whatever percent it is asked', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 ** 8 }),
        fc.double({ min: 0.02, max: 1, noNaN: true }),
        (whole, share) => {
          const ranMs = Math.round(whole * share);
          // What a command tells is what is done, in whole percent.
          const progress = Math.floor((ranMs * 100) / whole);
          fc.pre(progress > 0);
          const { low, high } = of({ running: [running(ranMs, progress)] });
          const cost = PER_MS * BigInt(whole);
          expect(low <= cost + PER_MS && cost <= high + PER_MS).toBe(true);
        },
      ),
    ));
});
