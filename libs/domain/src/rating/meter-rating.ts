import type { BucketReading, StorageMetered } from '../meter/meter.events.js';
import type { PriceList } from '../pricing/pricing.events.js';
import type { InstantMs } from '../shared/time.js';
import { countsAt, priceListAt, type BilledCommit, type BillState } from './bill-fold.js';
import { PARTS_PER_NANO, type ExactAmount } from './exact-amount.js';

/** What is metered of storage: bytes held over time (in byte seconds), and bytes sent out. */
export const METERS = ['storage', 'egress'] as const;
export type Meter = (typeof METERS)[number];

const BYTES_PER_GB = 1_000_000_000n;
const SECONDS_PER_HOUR = 3_600n;
/** Parts for one nano-unit a GB and hour, and for one a GB: whole numbers, so amounts are exact. */
const STORAGE_PARTS = PARTS_PER_NANO / (BYTES_PER_GB * SECONDS_PER_HOUR);
const EGRESS_PARTS = PARTS_PER_NANO / BYTES_PER_GB;

/** What a list takes for a quantity of a meter: byte seconds, or bytes. Nothing where it does not say. */
export const meterPrice = (
  { storageNanosPerGbHour = 0, egressNanosPerGb = 0 }: PriceList,
  meter: Meter,
  quantity: bigint,
): ExactAmount =>
  meter === 'storage'
    ? BigInt(storageNanosPerGbHour) * quantity * STORAGE_PARTS
    : BigInt(egressNanosPerGb) * quantity * EGRESS_PARTS;

/** One meter of one bucket over some time, with the commit that tells it. */
export interface MeteredUse {
  readonly reading: Omit<BucketReading, 'byteSeconds' | 'bytesOut'>;
  readonly meter: Meter;
  readonly quantity: bigint;
  readonly sequence: number;
  readonly commitId: string;
  /** Its place among the readings of the commit, from 0. */
  readonly place: number;
  /** When the commit was made. */
  readonly toldAt: InstantMs;
}

/** A line of the ledger of its own kind: what one meter of one bucket costs. */
export interface MeterLine extends MeteredUse {
  readonly amount: ExactAmount;
  readonly rule: Meter;
  readonly priceList: PriceList;
  readonly ratedSequence: number;
  readonly countsAt: InstantMs;
}

export const meterKey = ({ sequence, place, meter }: Pick<MeteredUse, 'sequence' | 'place' | 'meter'>): string =>
  `${sequence} ${place} ${meter}`;

/** What one commit adds to the meters. Nothing of it ever changes, but that what is parked is priced. */
export interface MeterEntries {
  readonly lines: readonly MeterLine[];
  /** What has no price yet: no list holds at its beginning. */
  readonly parked: readonly MeteredUse[];
}

const usesIn = ({ events, sequence, id }: BilledCommit): readonly MeteredUse[] =>
  (events as readonly StorageMetered[]).flatMap((event) => {
    if (event.type !== 'StorageMetered') return [];
    return event.readings.flatMap(({ byteSeconds, bytesOut, ...reading }, place) =>
      (
        [
          ['storage', BigInt(byteSeconds)],
          ['egress', BigInt(bytesOut)],
        ] as const
      ).flatMap(([meter, quantity]) =>
        quantity > 0n ? [{ reading, meter, quantity, sequence, commitId: id, place, toldAt: event.at }] : [],
      ),
    );
  });

const lineOf = (
  { lists, closedUntil }: BillState,
  use: MeteredUse,
  rated: { readonly sequence: number; readonly at: InstantMs },
): MeterLine | undefined => {
  const { reading, meter, quantity } = use;
  const priceList = priceListAt(lists, reading.from);
  return (
    priceList && {
      ...use,
      amount: meterPrice(priceList, meter, quantity),
      rule: meter,
      priceList,
      ratedSequence: rated.sequence,
      countsAt: countsAt(reading.from, rated.at, closedUntil),
    }
  );
};

/**
 * Folds the meters of the next commit, after `foldBill` has folded it into the state: what it tells is priced by the list that held when it began, and what
 * waited for a list by one that it publishes.
 */
export const foldMeters = (state: BillState, parked: Map<string, MeteredUse>, commit: BilledCommit): MeterEntries => {
  const events = commit.events as readonly { readonly type: string; readonly at?: InstantMs }[];
  const rated = { sequence: commit.sequence, at: events.at(-1)?.at ?? 0 };
  const lines: MeterLine[] = [];
  const waiting: MeteredUse[] = [];
  if (events.some(({ type }) => type === 'PriceListPublished'))
    for (const [key, use] of parked) {
      const line = lineOf(state, use, rated);
      if (!line) continue;
      parked.delete(key);
      lines.push(line);
    }
  for (const use of usesIn(commit)) {
    const line = lineOf(state, use, rated);
    if (line) {
      lines.push(line);
      continue;
    }
    parked.set(meterKey(use), use);
    waiting.push(use);
  }
  return { lines, parked: waiting };
};
