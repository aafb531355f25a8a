import type { PriceList, PricingCommand, PricingEvent } from './pricing.events.js';
import { accept, reject, type Decider, type Rejection } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import { priceListFaults } from './price-list-faults.js';

/** A list in time: it holds until its end, or until the next one begins. */
interface TimedList {
  readonly priceList: PriceList;
  readonly from: InstantMs;
}

export interface PricingState {
  /** Version of the last list; 0 before the first. */
  readonly version: number;
  /** Those that hold, held or will, in the order of their beginnings: none that another one replaced before it began. */
  readonly lists: readonly TimedList[];
}

const instant = (at: InstantMs): string => new Date(at).toISOString();
const overlap = ({ priceList: { version, validUntil }, from }: TimedList) =>
  reject(
    'invalid',
    'price-list-overlap',
    `The list overlaps with list ${version}, which holds from ${instant(from)}${validUntil === undefined ? '' : ` until ${instant(validUntil)}`}.`,
  );

/**
 * Lists follow each other in time as well: no instant is without one, none has two, and nothing that may have run already changes its price. A list
 * that does not hold yet gives way to one that begins before its end.
 */
const outOfTime = (
  { lists }: PricingState,
  next: PriceList,
  at: InstantMs,
): { readonly rejection: Rejection } | undefined => {
  const begins = next.validFrom ?? at;
  if (next.validUntil !== undefined && next.validUntil <= begins)
    return reject('invalid', 'price-list-empty', 'The list ends before it begins.');
  if (lists.length === 0) return undefined;
  const held = lists.findLast(({ from }) => from <= at);
  if (held && begins < (held.priceList.validUntil ?? held.from + 1)) return overlap(held);
  const before = lists.findLast(({ from }) => from < begins)?.priceList;
  const end = before?.validUntil;
  if (before && end !== undefined && begins > end)
    return reject(
      'invalid',
      'price-list-gap',
      `There is a gap: list ${before.version} ends at ${instant(end)}, this one is to begin then.`,
    );
  // A gap that has come about is filled from its beginning: what ran in it has no price yet.
  if (begins < at && held?.priceList.validUntil === undefined)
    return reject('invalid', 'price-list-past', 'The list would begin in the past, and change what has been priced.');
  return undefined;
};

/** Bills and credits add up what lists gave, so all are in one currency. */
const otherCurrency = ({ lists: [first] }: PricingState, { currency }: PriceList) =>
  first && first.priceList.currency !== currency
    ? reject(
        'invalid',
        'price-list-currency',
        `The price lists of this platform are in ${first.priceList.currency}: amounts in ${currency} cannot be added to them.`,
      )
    : undefined;

/**
 * Price lists, one after the other. Rejections: `price-list-version` (not the next one), `bad-price-list`, `price-list-currency`, and, about its time,
 * `price-list-empty`, `price-list-gap`, `price-list-overlap`, `price-list-past`.
 */
export const pricingDecider: Decider<PricingState, PricingCommand, PricingEvent> = {
  initial: { version: 0, lists: [] },
  decide: (state, { priceList, at }) => {
    if (priceList.version !== state.version + 1) {
      return reject(
        'conflict',
        'price-list-version',
        `the next price list is version ${state.version + 1}, not ${priceList.version}`,
      );
    }
    const [fault] = priceListFaults(priceList);
    if (fault) return reject('invalid', 'bad-price-list', `${fault.path.join('.')}: ${fault.detail}`);
    const refused = otherCurrency(state, priceList) ?? outOfTime(state, priceList, at);
    return refused ?? accept<PricingEvent>({ type: 'PriceListPublished', priceList, at });
  },
  evolve: ({ lists }, { priceList, at }) => {
    const from = priceList.validFrom ?? at;
    return {
      version: priceList.version,
      lists: [...lists.filter((list) => list.from < from), { priceList, from }],
    };
  },
};
