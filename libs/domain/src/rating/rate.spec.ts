import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anEnd } from '../specs/facts.fixture.js';
import { defaultPriceList } from '../pricing/default-price-list.js';
import type { PriceList } from '../pricing/pricing.events.js';
import type { AttemptEnd } from '../task/task.events.js';
import { apportion, joined, ofMicros, PARTS_PER_MICRO, PARTS_PER_NANO, rounded, split } from './exact-amount.js';
import { rate, type Rating, type RatingContext } from './rate.js';
import { usageOf, workOf, type Usage } from './usage.js';

const HOUR_MS = 3_600_000;
const plain: RatingContext = { projectUuid: null, volume: 0n, charged: 0n };
const flex = { plan: 'flex', constrained: false, memoryMB: 256 } as const;

const usage = (ms: number, overrides: Partial<AttemptEnd> = {}, terms: Parameters<typeof usageOf>[1] = flex): Usage => {
  const found = usageOf(anEnd(0, { startedAt: 1_000, endedAt: 1_000 + ms, ...overrides }), terms);
  if (!found) throw new Error('its command never started');
  return found;
};
const rated = (of: Usage, list: PriceList = defaultPriceList, context: RatingContext = plain): Rating => {
  const rating = rate(of, list, context);
  if (typeof rating === 'string') throw new Error(rating);
  return rating;
};
const micros = (of: Usage, list?: PriceList, context?: RatingContext): number =>
  Number(rounded(rated(of, list, context).amount, PARTS_PER_MICRO));
const hardware = (ghz: number, specificationKey = 'x') => ({ specificationKey, cpuModel: 'x', cores: 8, ghz });

describe('rating an attempt', () => {
  it('prices the work done, so that a faster node costs the same for the same work', () => {
    const slow = usage(HOUR_MS, { cores: 2, hardware: hardware(2) });
    const fast = usage(HOUR_MS / 2, { cores: 2, hardware: hardware(4) });
    expect(rated(slow)).toMatchObject({ rule: 'work/flex', billedMs: HOUR_MS });
    expect([micros(slow), micros(fast)]).toEqual([16_000, 16_000]);
    expect(rated(fast).amount).toBe(rated(slow).amount);
  });

  it('prices the hardware when the user asked for it', () => {
    const terms = { plan: 'onDemand', constrained: true, memoryMB: 1 } as const;
    const xeon = usage(HOUR_MS, { cores: 2 }, terms);
    expect(rated(xeon)).toMatchObject({ rule: 'hardware/onDemand/xeon', billedMs: HOUR_MS });
    expect(micros(xeon)).toBe(40_000);
    const other = usage(HOUR_MS, { hardware: hardware(2, '4c-arm') }, terms);
    expect([micros(other), rated(other).rule]).toEqual([21_000, 'hardware/onDemand/any']);
  });

  it.each(['platform', 'node-lost', 'preempted'] as const)('is waived when the attempt was ended by %s', (cause) =>
    expect(rated(usage(HOUR_MS, { outcome: 'failure', cause }))).toEqual({
      amount: 0n,
      gross: 0n,
      rule: `free/${cause}`,
      billedMs: 0,
    }),
  );

  it.each(['user', 'limit'] as const)('is owed when the attempt failed by %s', (cause) =>
    expect(micros(usage(HOUR_MS, { outcome: 'failure', cause }))).toBe(10_000),
  );

  it('is owed or waived for another cause where the list says so', () => {
    const payers = {
      user: 'platform',
      limit: 'user',
      platform: 'platform',
      'node-lost': 'user',
      preempted: 'user',
    } as const;
    const list = { ...defaultPriceList, payers };
    expect(rated(usage(HOUR_MS, { outcome: 'failure', cause: 'user' }), list).rule).toBe('free/user');
    expect(micros(usage(HOUR_MS, { outcome: 'failure', cause: 'node-lost' }), list)).toBe(10_000);
  });

  it('has the least price of its instance, less what that was charged before', () => {
    const list = { ...defaultPriceList, minimumMicros: 100 };
    const short = usage(1);
    expect([micros(short, list), rated(short, list).rule]).toEqual([100, 'work/flex+minimum']);
    expect(micros(short, list, { ...plain, charged: ofMicros(60) })).toBe(40);
    expect(micros(short, list, { ...plain, charged: ofMicros(500) })).toBe(0);
    // It will be tried again: what it comes to is not known yet.
    expect(micros(short, list, { projectUuid: null, volume: 0n })).toBe(0);
    expect(micros(usage(HOUR_MS), list)).toBe(10_000);
    expect(micros(usage(1, { outcome: 'failure', cause: 'node-lost' }), list)).toBe(0);
  });

  it('is less for a project with a discount and beyond a volume, of both together at most all', () => {
    const list: PriceList = {
      ...defaultPriceList,
      volumeDiscounts: [
        { fromMicros: 5_000, untilMicros: 8_000, basisPoints: 1_000 },
        { fromMicros: 8_000, basisPoints: 5_000 },
      ],
      projectDiscounts: [{ projectUuid: 'astro', basisPoints: 2_000 }],
    };
    // Of 10,000 the first 5,000 have none, 3,000 have 10 % and 2,000 have 50 %.
    expect(micros(usage(HOUR_MS), list)).toBe(10_000 - 300 - 1_000);
    expect(micros(usage(HOUR_MS), list, { ...plain, volume: ofMicros(9_000) })).toBe(5_000);
    expect(micros(usage(HOUR_MS), list, { ...plain, projectUuid: 'astro' })).toBe(10_000 - 300 - 1_000 - 2_000);
    expect(micros(usage(HOUR_MS), list, { ...plain, projectUuid: 'other' })).toBe(8_700);
    const all = { ...list, projectDiscounts: [{ projectUuid: 'astro', basisPoints: 9_000 }] };
    expect(micros(usage(HOUR_MS), all, { ...plain, projectUuid: 'astro', volume: ofMicros(9_000) })).toBe(0);
  });

  it('does not guess the frequency of a node', () => {
    const unknown = usage(HOUR_MS, { hardware: hardware(0) });
    expect(rate(unknown, defaultPriceList, plain)).toBe('unknown-frequency');
    expect(micros(unknown, { ...defaultPriceList, assumedMilliGhz: 2_500 })).toBe(10_000);
  });

  it('never goes below zero when clocks disagree', () =>
    expect(rated(usage(-5_000))).toMatchObject({ amount: 0n, billedMs: 0 }));

  it('knows no usage of a command that never started', () => {
    const { startedAt: _never, ...end } = anEnd(0, { outcome: 'cancelled' });
    expect(usageOf(end, flex)).toBeUndefined();
  });
});

const aUsage = fc
  .record({
    ms: fc.nat(10 * HOUR_MS),
    cores: fc.integer({ min: 1, max: 64_000 }).map((n) => n / 1_000),
    ghz: fc.integer({ min: 800, max: 5_500 }).map((n) => n / 1_000),
    key: fc.constantFrom('amd-epyc', 'intel-xeon', 'arm'),
    plan: fc.constantFrom('flex' as const, 'onDemand' as const, 'reserved' as const),
    constrained: fc.boolean(),
  })
  .map(({ ms, cores, ghz, key, plan, constrained }) =>
    usage(ms, { cores, hardware: hardware(ghz, key) }, { plan, constrained, memoryMB: 1 }),
  );
const aShare = fc.nat(10_000);
const aList = fc
  .record({ minimumMicros: fc.nat(100_000), cuts: fc.uniqueArray(fc.nat(1_000_000), { maxLength: 4 }), share: aShare })
  .chain(({ minimumMicros, cuts, share }) =>
    fc.array(aShare, { minLength: cuts.length, maxLength: cuts.length }).map((shares): PriceList => {
      const bounds = cuts.toSorted((a, b) => a - b);
      return {
        ...defaultPriceList,
        minimumMicros,
        volumeDiscounts: bounds.map((fromMicros, index) => ({
          fromMicros,
          ...(index + 1 < bounds.length ? { untilMicros: bounds[index + 1] ?? 0 } : {}),
          basisPoints: shares[index] ?? 0,
        })),
        projectDiscounts: [{ projectUuid: 'p', basisPoints: share }],
      };
    }),
  );

describe('any rating', () => {
  it('is conserved: time in parts costs, together, exactly what it costs as a whole', () => {
    fc.assert(
      fc.property(aUsage, fc.double({ min: 0, max: 1, noNaN: true }), (whole, share) => {
        const cut = whole.from + Math.floor((whole.until - whole.from) * share);
        const first = rated({ ...whole, until: cut }).amount;
        const second = rated({ ...whole, from: cut }).amount;
        expect(first + second).toBe(rated(whole).amount);
      }),
    );
  });

  it('is the same again, never negative, never more than before discounts but for the minimum, and grows with time', () => {
    fc.assert(
      fc.property(aUsage, aList, fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.nat(10_000), (of, list, volume, more) => {
        // A volume is a sum of prices, and these are whole multiples of a hundredth of a percent.
        const context = { projectUuid: 'p', volume: volume - (volume % 10_000n), charged: 0n };
        const once = rated(of, list, context);
        expect(rate(of, list, context)).toEqual(once);
        expect(once.amount).toBeGreaterThanOrEqual(0n);
        const least = ofMicros(list.minimumMicros ?? 0);
        expect(once.amount <= (once.gross > least ? once.gross : least)).toBe(true);
        const longer = rated({ ...of, until: of.until + more }, list, context);
        expect(longer.amount).toBeGreaterThanOrEqual(once.amount);
      }),
    );
  });

  it('is in balance over nodes of three speeds: the same work costs the same within 2 %', () => {
    const speeds = fc.tuple(
      fc.integer({ min: 800, max: 1_800 }),
      fc.integer({ min: 1_801, max: 3_000 }),
      fc.integer({ min: 3_001, max: 5_500 }),
    );
    fc.assert(
      fc.property(speeds, fc.integer({ min: 500, max: 10 * HOUR_MS }), (milliGhz, msAtOneGhz) => {
        const amounts = milliGhz.map((speed) => {
          const of = usage(Math.round((msAtOneGhz * 1_000) / speed), { hardware: hardware(speed / 1_000) });
          expect(workOf(of)).toBe(BigInt(of.milliCores) * BigInt(speed) * BigInt(of.until - of.from));
          return rated(of).amount;
        });
        const most = amounts.reduce((a, b) => (a > b ? a : b));
        for (const amount of amounts) expect((most - amount) * 100n).toBeLessThanOrEqual(2n * most);
      }),
    );
  });
});

describe('rounding', () => {
  const someAmounts = fc.array(fc.bigInt({ min: 0n, max: 10n ** 24n }), { maxLength: 60 });

  it('shares out a total that is rounded once: each part is its own amount but for less than one unit', () => {
    fc.assert(
      fc.property(someAmounts, fc.constantFrom(PARTS_PER_NANO, PARTS_PER_MICRO, 7n), (amounts, unit) => {
        const parts = apportion(amounts, unit);
        const sum = amounts.reduce((a, b) => a + b, 0n);
        expect(parts.reduce((a, b) => a + b, 0n)).toBe(rounded(sum, unit));
        for (const [index, part] of parts.entries()) {
          const off = part * unit - (amounts[index] ?? 0n);
          expect(off < unit && off > -unit).toBe(true);
        }
      }),
    );
  });

  it('gives the larger rest more, whatever the order, and of equal ones the earlier', () => {
    expect(apportion([14n, 16n, 10n], 10n)).toEqual([1n, 2n, 1n]);
    expect(apportion([5n, 5n], 10n)).toEqual([1n, 0n]);
    expect(apportion([], 10n)).toEqual([]);
  });

  it('is by halves up', () => {
    expect([rounded(15n, 10n), rounded(14n, 10n), rounded(-15n, 10n), rounded(-16n, 10n)]).toEqual([2n, 1n, -1n, -2n]);
  });

  it('makes sixty attempts of a tenth of a second cost what one of six seconds costs', () => {
    const short = Array.from({ length: 60 }, () => rated(usage(100)).amount);
    const total = apportion(short, PARTS_PER_MICRO).reduce((a, b) => a + b, 0n);
    expect(total).toBe(17n);
    expect(micros(usage(6_000))).toBe(17);
  });

  it('keeps an amount in whole nano-units and the rest', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (amount) => {
        const { nanos, rest } = split(amount);
        expect(rest >= 0n && rest < PARTS_PER_NANO).toBe(true);
        expect(joined({ nanos, rest })).toBe(amount);
      }),
    );
  });
});
