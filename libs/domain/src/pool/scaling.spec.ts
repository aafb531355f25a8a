import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type IdleSlots, type PoolSlots, resize, wantedSlots } from './resize.js';
import {
  activePolicyOf,
  DAY_MS,
  type ElasticSize,
  boundaryTimesOf,
  nextOfTimes,
  type ScalingPolicy,
  sizeOfPolicies,
} from './scaling.js';
import { simulateScaling } from './simulate-scaling.js';

const at = (text: string): number => Date.parse(`${text}Z`);
const HOUR_MS = 3_600_000;
const weekly = (days: readonly number[], start: number, end: number) =>
  ({ type: 'Weekly', days, startMs: start * HOUR_MS, endMs: end * HOUR_MS }) as const;
const fixed = (name: string, slots: number, ...periods: ScalingPolicy['periods']): ScalingPolicy => ({
  type: 'Fixed',
  name,
  slots,
  periods,
});
const elastic = (overrides: Partial<ElasticSize> = {}): ElasticSize => ({
  minimum: 0,
  maximum: 10,
  minimumIdle: 0,
  idleMs: 90_000,
  growth: 0.2,
  periodMs: 90_000,
  ...overrides,
});
const always: ScalingPolicy = {
  type: 'ManagedTasksQueue',
  name: 'always',
  ...elastic({ minimum: 2 }),
  periods: [{ type: 'Always' }],
};

describe('the active policy', () => {
  // 2026-12-31 is a Thursday.
  const night = fixed('night', 3, weekly([4], 22, 6));
  const policies = [night, always];

  it('is the first with a period of now', () => {
    expect(activePolicyOf(policies, at('2026-12-31T21:59:59.999'))).toBe(always);
    expect(activePolicyOf(policies, at('2026-12-31T22:00:00'))).toBe(night);
  });

  it('goes on across midnight and the end of a year, and not into the next night', () => {
    expect(activePolicyOf(policies, at('2027-01-01T05:59:59.999'))).toBe(night);
    expect(activePolicyOf(policies, at('2027-01-01T06:00:00'))).toBe(always);
    expect(activePolicyOf(policies, at('2027-01-01T23:00:00'))).toBe(always);
    expect(activePolicyOf(policies, at('2026-12-31T03:00:00'))).toBe(always);
  });

  it('is none outside of all periods: the least of all holds', () => {
    const weekdays = [fixed('days', 8, weekly([1, 2, 3, 4, 5], 6, 20)), night];
    expect(activePolicyOf(weekdays, at('2026-12-27T12:00:00'))).toBeUndefined();
    expect(sizeOfPolicies(weekdays, undefined)).toMatchObject({ minimum: 3, maximum: 3 });
    expect(sizeOfPolicies([], undefined)).toMatchObject({ minimum: 0, maximum: 0 });
  });

  it('changes at boundaries only', () => {
    const period = fc.record({
      days: fc.subarray([0, 1, 2, 3, 4, 5, 6]),
      startMs: fc.integer({ min: 0, max: DAY_MS - 1 }),
      endMs: fc.integer({ min: 0, max: DAY_MS - 1 }),
    });
    fc.assert(
      fc.property(
        fc.array(period, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 40_000 * DAY_MS }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (periods, now, part) => {
          const some = periods.map((one, index) => fixed(String(index), 1, { type: 'Weekly', ...one }));
          const boundary = nextOfTimes(boundaryTimesOf(some), now) ?? now;
          expect(boundary).toBeGreaterThan(now);
          expect(boundary).toBeLessThanOrEqual(now + DAY_MS);
          const between = now + Math.floor(part * (boundary - now - 1));
          expect(activePolicyOf(some, between)?.name).toBe(activePolicyOf(some, now)?.name);
        },
      ),
    );
  });
});

const idleGroups = fc.array(
  fc.record({ since: fc.integer({ min: 0, max: 1_000_000 }), slots: fc.integer({ min: 1, max: 5 }) }),
  { maxLength: 5 },
);
const sizes: fc.Arbitrary<ElasticSize> = fc
  .record({
    minimum: fc.nat(20),
    more: fc.nat(20),
    minimumIdle: fc.nat(30),
    idleMs: fc.nat(200_000),
    growth: fc.double({ min: 0, max: 1, noNaN: true }),
    periodMs: fc.nat(200_000),
  })
  .map(({ more, ...size }) => ({ ...size, maximum: size.minimum + more }));
const pools: fc.Arbitrary<PoolSlots> = fc
  .record({
    busy: fc.nat(30),
    opening: fc.nat(10),
    waiting: fc.nat(100),
    idle: idleGroups,
    grewAt: fc.option(fc.integer({ min: 0, max: 1_000_000 })),
  })
  .map(({ opening, idle, ...pool }) => ({
    ...pool,
    idle: idle.toSorted((a, b) => a.since - b.since),
    open: pool.busy + opening + sumOf(idle),
  }));
const sumOf = (groups: readonly IdleSlots[]): number => groups.reduce((sum, { slots }) => sum + slots, 0);

describe('a decision about the size of a pool', () => {
  const now = 1_000_000;

  it('opens never above the most and always to the least, closes only what is idle and not wanted, and never does both', () => {
    fc.assert(
      fc.property(sizes, pools, (size, pool) => {
        const { open, close } = resize(size, pool, now);
        const least = Math.min(size.maximum, Math.max(size.minimum, size.minimumIdle));
        expect(Math.min(open, close)).toBe(0);
        expect(pool.open + open).toBeLessThanOrEqual(Math.max(pool.open, size.maximum));
        expect(pool.open + open).toBeGreaterThanOrEqual(Math.min(least, size.maximum));
        expect(close).toBeLessThanOrEqual(sumOf(pool.idle));
        if (close > 0) expect(pool.open - close).toBeGreaterThanOrEqual(wantedSlots(size, pool));
      }),
    );
  });

  it('opens a step in each period, one slot at least', () => {
    const pool = { open: 0, busy: 0, idle: [], waiting: 100, grewAt: null };
    expect(resize(elastic(), pool, now)).toEqual({ open: 2, close: 0, againAt: now + 90_000 });
    const grown = { ...pool, open: 2, grewAt: now };
    expect(resize(elastic(), grown, now + 89_999)).toEqual({ open: 0, close: 0, againAt: now + 90_000 });
    expect(resize(elastic(), grown, now + 90_000)).toMatchObject({ open: 2 });
    expect(resize(elastic({ growth: 0 }), pool, now)).toMatchObject({ open: 1 });
  });

  it('closes slots once they have been idle for long enough, and at once what is above the most', () => {
    const pool = {
      open: 5,
      busy: 1,
      idle: [
        { since: now - 90_000, slots: 1 },
        { since: now - 60_000, slots: 3 },
      ],
      waiting: 0,
      grewAt: null,
    };
    expect(resize(elastic(), pool, now)).toEqual({ open: 0, close: 1, againAt: now + 30_000 });
    expect(resize(elastic({ maximum: 3 }), pool, now)).toMatchObject({ close: 2 });
  });
});

it('looks at no more idle groups than it closes: a pool may have thousands', () => {
  let looks = 0;
  const idle = Array.from({ length: 5_000 }, (_, at) => ({
    since: at,
    get slots() {
      looks += 1;
      return 1;
    },
  }));
  const pool = { open: 5_000, busy: 0, idle, waiting: 0, grewAt: null };
  expect(resize(elastic({ maximum: 5_000, minimum: 4_990, idleMs: 0 }), pool, 10_000)).toMatchObject({ close: 10 });
  expect(resize(elastic({ maximum: 5_000, idleMs: 1e9 }), pool, 10_000)).toMatchObject({ close: 0, againAt: 1e9 });
  expect(looks).toBeLessThan(20);
});

describe('a simulated pool', () => {
  const from = at('2026-12-28T00:00:00');
  const run = (size: ElasticSize, instances: number, hours: number) =>
    simulateScaling({
      scaling: { elastic: size },
      demand: [{ at: from, instances }],
      from,
      to: from + hours * HOUR_MS,
      opensInMs: 30_000,
      maxPoints: 10_000,
    });

  it('comes to rest under steady demand, at what is wanted, and neither opens nor closes from then on', () => {
    fc.assert(
      fc.property(sizes, fc.nat(60), (size, instances) => {
        const { points, isComplete, closed } = run(size, instances, 24);
        expect(isComplete).toBe(true);
        const last = points.at(-1);
        const busy = Math.min(instances, size.maximum);
        expect(last).toMatchObject({ open: wantedSlots(size, { busy, waiting: instances - busy }), busy });
        expect(closed).toBe(0);
      }),
    );
  });

  it('grows by steps for a burst, waits until slots are idle for long enough, and goes back', () => {
    const simulation = simulateScaling({
      scaling: { elastic: elastic({ minimum: 1 }) },
      demand: [
        { at: from, instances: 0 },
        { at: from + 60_000, instances: 4 },
        { at: from + 600_000, instances: 0 },
      ],
      from,
      to: from + HOUR_MS,
      opensInMs: 30_000,
      maxPoints: 1_000,
    });
    const seen = simulation.points.map(({ at: when, open, busy, waiting }) => [
      (when - from) / 1000,
      open,
      busy,
      waiting,
    ]);
    expect(seen).toEqual([
      [0, 1, 0, 0],
      [30, 1, 0, 0],
      [60, 1, 1, 3],
      [90, 3, 1, 3],
      [120, 3, 3, 1],
      [180, 4, 3, 1],
      [210, 4, 4, 0],
      [600, 4, 0, 0],
      [690, 1, 0, 0],
    ]);
    expect(simulation).toMatchObject({ opened: 4, closed: 3, isComplete: true });
    expect(simulation.waitingMs).toBe(3 * 60_000 + 90_000);
  });

  it('follows the windows of policies', () => {
    const scaling = {
      policies: [fixed('day', 3, weekly([1, 2, 3, 4, 5], 6, 20)), fixed('rest', 1, { type: 'Always' })],
    };
    const { points } = simulateScaling({
      scaling,
      demand: [],
      from,
      to: from + DAY_MS,
      opensInMs: 0,
      maxPoints: 1_000,
    });
    const changes = points.filter(({ policy }, index) => policy !== points[index - 1]?.policy);
    expect(changes.map(({ at: when, policy, open }) => [(when - from) / HOUR_MS, policy, open])).toEqual([
      [0, 'rest', 1],
      [6, 'day', 3],
      [20, 'rest', 1],
    ]);
  });

  it('takes from the idle what work needs, the newest first, and closes the oldest', () => {
    const demand = [5, 3, 0, 4, 0, 1].map((instances, at) => ({ at: from + at * 1_000, instances }));
    const { points, closed } = simulateScaling({
      scaling: { elastic: elastic({ growth: 1, idleMs: 3_500 }) },
      demand,
      from,
      to: from + 60_000,
      opensInMs: 0,
      maxPoints: 100,
    });
    expect(points.map(({ at: when, open, ready, busy }) => [when - from, open, ready, busy])).toEqual([
      [0, 5, 5, 5],
      [1_000, 5, 5, 3],
      [2_000, 5, 5, 0],
      [3_000, 5, 5, 4],
      [4_000, 5, 5, 0],
      [4_500, 4, 4, 0],
      [5_000, 4, 4, 1],
      [7_500, 1, 1, 1],
    ]);
    expect(closed).toBe(4);
  });

  it('ends early, and says so, where it would have too many points', () =>
    expect(
      simulateScaling({
        scaling: { policies: [always] },
        demand: Array.from({ length: 50 }, (_, index) => ({ at: from + index * 1_000, instances: index % 2 })),
        from,
        to: from + HOUR_MS,
        opensInMs: 0,
        maxPoints: 10,
      }),
    ).toMatchObject({ isComplete: false }));
});
