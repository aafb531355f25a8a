import type { AttemptEnd } from '../task/task.events.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { anEnd } from '../specs/facts.fixture.js';
import { defaultPriceList, rate, type RatingTerms } from './rate.js';

const HOUR_MS = 3_600_000;
const lasting = (ms: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(0, { startedAt: 1_000, endedAt: 1_000 + ms, ...overrides });
const flex = { plan: 'flex', constrained: false } as const;

describe('rating an attempt', () => {
  it('prices the work done, so that a faster node costs the same for the same work', () => {
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: 2 };
    const slow = rate(lasting(HOUR_MS, { cores: 2, hardware }), flex, defaultPriceList);
    const fast = rate(lasting(HOUR_MS / 2, { cores: 2, hardware: { ...hardware, ghz: 4 } }), flex, defaultPriceList);
    expect(slow).toEqual({ amountMicros: 16_000, rule: 'work/flex', billedMs: HOUR_MS });
    expect(fast.amountMicros).toBe(16_000);
  });

  it('prices the hardware when the user asked for it', () => {
    const terms = { plan: 'onDemand', constrained: true } as const;
    expect(rate(lasting(HOUR_MS, { cores: 2 }), terms, defaultPriceList)).toEqual({
      amountMicros: 40_000,
      rule: 'hardware/onDemand/xeon',
      billedMs: HOUR_MS,
    });
    const other = { specificationKey: '4c-arm', cpuModel: 'x', cores: 4, ghz: 2 };
    expect(rate(lasting(HOUR_MS, { hardware: other }), terms, defaultPriceList)).toMatchObject({
      amountMicros: 21_000,
      rule: 'hardware/onDemand/any',
    });
  });

  it.each(['platform', 'node-lost', 'preempted'] as const)('is free when the attempt was ended by %s', (cause) =>
    expect(rate(lasting(HOUR_MS, { outcome: 'failure', cause }), flex, defaultPriceList)).toEqual({
      amountMicros: 0,
      rule: `free/${cause}`,
      billedMs: 0,
    }),
  );

  it('is free when the command never started', () => {
    const { startedAt: _never, ...end } = lasting(HOUR_MS, { outcome: 'cancelled' });
    expect(rate(end, flex, defaultPriceList)).toEqual({ amountMicros: 0, rule: 'free/not-started', billedMs: 0 });
  });

  it.each(['user', 'limit'] as const)('is owed when the attempt failed by %s', (cause) =>
    expect(rate(lasting(HOUR_MS, { outcome: 'failure', cause }), flex, defaultPriceList).amountMicros).toBeGreaterThan(
      0,
    ),
  );

  it('never goes below zero when clocks disagree', () =>
    expect(rate(lasting(-5_000), flex, defaultPriceList)).toMatchObject({ amountMicros: 0, billedMs: 0 }));

  it('rounds half a micro-unit up', () => {
    const list = { ...defaultPriceList, workMicrosPerGhzCoreHour: { flex: 1, onDemand: 1, reserved: 1 } };
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 1, ghz: 1 };
    expect(rate(lasting(HOUR_MS / 2, { hardware }), flex, list).amountMicros).toBe(1);
    expect(rate(lasting(HOUR_MS / 2 - 1, { hardware }), flex, list).amountMicros).toBe(0);
  });
});

describe('any rating', () => {
  const duration = fc.nat(10 * HOUR_MS);
  const hardware = fc.record({
    specificationKey: fc.constantFrom('amd-epyc', 'intel-xeon', 'arm'),
    cpuModel: fc.constant('x'),
    cores: fc.constant(8),
    ghz: fc.integer({ min: 8, max: 55 }).map((n) => n / 10),
  });
  const terms = fc.record({
    plan: fc.constantFrom('flex' as const, 'onDemand' as const, 'reserved' as const),
    constrained: fc.boolean(),
  });
  const amount = (ms: number, cores: number, facts: AttemptEnd['hardware'], conditions: RatingTerms) =>
    rate(lasting(ms, { cores, hardware: facts }), conditions, defaultPriceList).amountMicros;

  it('adds up, but for the rounding of each line, and grows with time and cores', () => {
    fc.assert(
      fc.property(
        duration,
        duration,
        fc.integer({ min: 1, max: 64 }),
        hardware,
        terms,
        (a, b, cores, facts, conditions) => {
          const whole = amount(a + b, cores, facts, conditions);
          const parts = amount(a, cores, facts, conditions) + amount(b, cores, facts, conditions);
          expect(Number.isSafeInteger(whole)).toBe(true);
          expect(Math.abs(whole - parts)).toBeLessThanOrEqual(1);
          expect(whole).toBeGreaterThanOrEqual(amount(a, cores, facts, conditions));
          expect(amount(a, cores + 1, facts, conditions)).toBeGreaterThanOrEqual(amount(a, cores, facts, conditions));
        },
      ),
    );
  });
});
