import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { BucketReading, StorageMetered } from '../meter/meter.events.js';
import { defaultPriceList } from '../pricing/default-price-list.js';
import type { PriceList } from '../pricing/pricing.events.js';
import { emptyBill, foldBill, type BilledCommit } from './bill-fold.js';
import { split } from './exact-amount.js';
import { foldMeters, meterPrice, type MeteredUse, type MeterLine } from './meter-rating.js';

const HOUR = 3_600_000;
const priced: PriceList = { ...defaultPriceList, storageNanosPerGbHour: 31_507, egressNanosPerGb: 90_000_000 };
const reading = (change: Partial<BucketReading> = {}): BucketReading => ({
  ...{ bucket: 'b', owner: 'ada', projectUuid: 'p', from: HOUR, until: 2 * HOUR },
  ...{ byteSeconds: '3600000000000', bytesOut: '0', ...change },
});
const commit = (sequence: number, ...events: readonly { readonly type: string }[]): BilledCommit => ({
  ...{ id: `c-${sequence}`, sequence, aggregateId: 'x', events },
});
const metered = (sequence: number, ...readings: readonly BucketReading[]): BilledCommit => {
  const event: StorageMetered = { type: 'StorageMetered', part: sequence, until: 9 * HOUR, readings, at: 10 * HOUR };
  return commit(sequence, event);
};
const published = (sequence: number, priceList: PriceList, at = 0): BilledCommit =>
  commit(sequence, { type: 'PriceListPublished', priceList, at } as never);

const folded = (...commits: readonly BilledCommit[]) => {
  const [state, parked] = [emptyBill(), new Map<string, MeteredUse>()];
  const lines: MeterLine[] = [];
  for (const each of commits) {
    foldBill(state, each);
    lines.push(...foldMeters(state, parked, each).lines);
  }
  return { lines, parked };
};

describe('meters of storage', () => {
  it('cost nothing as long as no list says otherwise', () => {
    const { lines } = folded(metered(1, reading({ bytesOut: '5' })));
    expect(lines.map(({ meter, amount, priceList }) => [meter, amount, priceList.version])).toEqual([
      ['storage', 0n, 1],
      ['egress', 0n, 1],
    ]);
  });

  it('cost whole nano-units by the GB and hour, and by the GB', () => {
    const bytesOut = '2500000000';
    const { lines } = folded(published(1, priced), metered(2, reading({ bytesOut })));
    expect(lines.map(({ meter, rule, amount }) => [meter, rule, split(amount)])).toEqual([
      ['storage', 'storage', { nanos: 31_507n, rest: 0n }],
      ['egress', 'egress', { nanos: 225_000_000n, rest: 0n }],
    ]);
  });

  it('are priced by the list that held when they began, and count then', () => {
    const dearer = { ...priced, version: 2, storageNanosPerGbHour: 63_014, validFrom: 3 * HOUR };
    const late = reading({ from: 4 * HOUR, until: 5 * HOUR });
    const { lines } = folded(published(1, priced), published(2, dearer), metered(3, reading(), late));
    expect(lines.map(({ amount, countsAt }) => [split(amount).nanos, countsAt])).toEqual([
      [31_507n, HOUR],
      [63_014n, 4 * HOUR],
    ]);
  });

  it('wait where no list holds, and are never free: the list that fills the gap prices them', () => {
    const over = { ...priced, validUntil: HOUR };
    const first = folded(published(1, over), metered(2, reading()));
    expect([first.lines, first.parked.size]).toEqual([[], 1]);
    const next = { ...priced, version: 2, validFrom: HOUR };
    const { lines, parked } = folded(published(1, over), metered(2, reading()), published(3, next, 20 * HOUR));
    expect(parked.size).toBe(0);
    expect(lines).toMatchObject([
      { sequence: 2, ratedSequence: 3, priceList: { version: 2 }, quantity: 3_600_000_000_000n },
    ]);
  });

  it('cost the same however time and bytes are cut, also beyond 2^53', () =>
    fc.assert(
      fc.property(
        fc.array(fc.bigInt(0n, 2n ** 80n), { minLength: 1, maxLength: 20 }),
        fc.constantFrom('storage' as const, 'egress' as const),
        fc.nat(),
        (pieces, meter, price) => {
          const list = { ...priced, storageNanosPerGbHour: price, egressNanosPerGb: price };
          const whole = pieces.reduce((sum, piece) => sum + piece, 0n);
          const sum = pieces.reduce((all, piece) => all + meterPrice(list, meter, piece), 0n);
          expect(meterPrice(list, meter, whole)).toBe(sum);
        },
      ),
    ));

  it('read quantities that no number of JSON holds', () => {
    const byteSeconds = String(2n ** 80n + 1n);
    const { lines } = folded(published(1, priced), metered(2, reading({ byteSeconds })));
    expect(lines[0]?.quantity).toBe(2n ** 80n + 1n);
    expect(lines[0]?.amount).toBe((2n ** 80n + 1n) * 31_507n * 10n);
  });
});
