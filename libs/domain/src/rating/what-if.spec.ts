import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultPriceList } from '../pricing/default-price-list.js';
import type { PriceList } from '../pricing/pricing.events.js';
import { AT, anEnd, concluded, requeued, submitted } from '../specs/facts.fixture.js';
import { SCHEDULING_PLANS, type AttemptEnd, type TaskEvent } from '../task/task.events.js';
import { emptyBill, foldBill, type BillLine, type PublishedPriceList } from './bill-fold.js';
import { ofMicros } from './exact-amount.js';
import { whatIf, type LineGroup } from './what-if.js';

const HOUR_MS = 3_600_000;
const held: readonly PublishedPriceList[] = [{ priceList: defaultPriceList, from: 0, sequence: 0 }];

const groupOf = ({ terms, usage, end, rating, priceList }: BillLine): LineGroup => ({
  plan: terms.plan,
  constrained: terms.constrained,
  specificationKey: end.hardware.specificationKey,
  milliGhz: usage?.milliGhz ?? 0,
  priceListVersion: priceList.version,
  isWaived: rating.rule.startsWith('free/'),
  isMinimum: rating.rule.endsWith('+minimum'),
  amount: rating.amount,
  milliCoreMs: BigInt(rating.billedMs) * BigInt(usage?.milliCores ?? 0),
});
const linesOf = (lists: readonly PublishedPriceList[], ...events: readonly TaskEvent[]): readonly BillLine[] => {
  const state = emptyBill();
  state.lists.push(...lists);
  return events.flatMap(
    (event, index) =>
      foldBill(state, { id: `c${index}`, sequence: index + 1, aggregateId: 't', events: [event] }).lines,
  );
};
const lasting = (instance: number, ms: number, more: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(instance, { startedAt: AT, endedAt: AT + ms, ...more });
const hardware = (specificationKey: string, ghz: number) => ({ specificationKey, cpuModel: 'x', cores: 8, ghz });

describe('what a task would have cost', () => {
  it('has a price under every plan, and on every class of hardware', () => {
    const end = lasting(0, HOUR_MS, { hardware: hardware('8c-epyc', 2.5) });
    const found = whatIf(linesOf(held, submitted('t'), concluded(end)).map(groupOf), held);
    expect(
      found.map(({ plan, hardware: of, amount, isOwn }) => [
        plan,
        of,
        amount === null ? null : amount / ofMicros(1),
        isOwn,
      ]),
    ).toEqual([
      ['flex', null, 10_000n, true],
      ['flex', 'epyc', 14_000n, false],
      ['flex', 'xeon', 11_000n, false],
      ['flex', '', 12_000n, false],
      ['onDemand', null, 17_500n, false],
      ['onDemand', 'epyc', 25_000n, false],
      ['onDemand', 'xeon', 20_000n, false],
      ['onDemand', '', 21_000n, false],
      ['reserved', null, 15_000n, false],
      ['reserved', 'epyc', 21_000n, false],
      ['reserved', 'xeon', 17_000n, false],
      ['reserved', '', 18_000n, false],
    ]);
  });

  it('has none where the frequency decides and nobody knows it', () => {
    const spec = { hardwareConstraints: [{ discriminator: 'SSDHardwareConstraint' } as const] };
    const end = lasting(0, HOUR_MS, { hardware: hardware('8c-xeon', 0) });
    const groups = linesOf(held, submitted('t', spec), concluded(end)).map(groupOf);
    const amounts = whatIf(groups, held).filter(({ hardware: of }) => of === null);
    expect(amounts.map(({ amount }) => amount)).toEqual([null, null, null]);
    const later = { priceList: { ...defaultPriceList, version: 2, assumedMilliGhz: 2_500 }, from: AT * 2, sequence: 9 };
    expect(whatIf(groups, [...held, later]).find(({ hardware: of }) => of === null)?.amount).toBe(ofMicros(10_000));
  });

  it('costs no less than the minimum that it cost, and what was free is not guessed from', () => {
    const list = { ...defaultPriceList, minimumMicros: 12_000 };
    const lists = [{ priceList: list, from: 0, sequence: 0 }];
    const groups = linesOf(lists, submitted('t'), concluded(lasting(0, HOUR_MS))).map(groupOf);
    const amountOf = (plan: string) =>
      whatIf(groups, lists).find((one) => one.plan === plan && one.hardware === null)?.amount;
    expect([amountOf('flex'), amountOf('onDemand')]).toEqual([ofMicros(12_000), ofMicros(17_500)]);

    const free: PriceList = {
      ...defaultPriceList,
      workMicrosPerGhzCoreHour: { flex: 0, onDemand: 7_000, reserved: 0 },
    };
    const gifts = [{ priceList: free, from: 0, sequence: 0 }];
    const nothing = whatIf(linesOf(gifts, submitted('t'), concluded(lasting(0, HOUR_MS))).map(groupOf), gifts);
    expect(nothing.slice(4, 5)).toEqual([{ plan: 'onDemand', hardware: null, amount: ofMicros(17_500), isOwn: false }]);
  });

  const someEnd = fc.record({
    ms: fc.integer({ min: 0, max: 10 * HOUR_MS }),
    cores: fc.integer({ min: 1, max: 64 }),
    key: fc.constantFrom('8c-epyc', '4c-xeon', '2c-arm'),
    ghz: fc.constantFrom(0, 1.7, 2.5, 5),
    cause: fc.constantFrom(undefined, 'user' as const, 'node-lost' as const),
    isRetried: fc.boolean(),
  });
  it('was charged exactly that on the plan and the hardware that it had', () =>
    fc.assert(
      fc.property(
        fc.array(someEnd, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(...SCHEDULING_PLANS),
        fc.boolean(),
        fc.constantFrom(0, 5, 20_000),
        fc.constantFrom([], [{ fromMicros: 9_000, basisPoints: 1_234 }]),
        (ends, plan, constrained, minimumMicros, volumeDiscounts) => {
          const priceList = { ...defaultPriceList, minimumMicros, volumeDiscounts, assumedMilliGhz: 2_000 };
          const lists = [{ priceList, from: 0, sequence: 0 }];
          const hardwareConstraints = constrained ? [{ discriminator: 'SSDHardwareConstraint' } as const] : [];
          const events = ends.flatMap(({ ms, cores, key, ghz, cause, isRetried }, instance) => {
            const more = { cores, hardware: hardware(constrained ? '8c-epyc' : key, ghz) };
            const end = lasting(instance, ms, { ...more, ...(cause ? { outcome: 'failure', cause } : {}) });
            return isRetried ? [requeued(end), concluded({ ...end, attempt: 2 })] : [concluded(end)];
          });
          const lines = linesOf(lists, submitted('t', { plan, hardwareConstraints }), ...events);
          const charged = lines.reduce((sum, { rating }) => sum + rating.amount, 0n);
          const own = whatIf(lines.map(groupOf), lists).filter(({ isOwn }) => isOwn);
          if (lines.some(({ rating }) => !rating.rule.startsWith('free/')))
            expect(own).toEqual([{ plan, hardware: constrained ? 'epyc' : null, amount: charged, isOwn: true }]);
          else expect(charged).toBe(0n);
        },
      ),
    ));
});
