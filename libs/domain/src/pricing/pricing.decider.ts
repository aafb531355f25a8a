import type { PriceList, PricingCommand, PricingEvent } from './pricing.events.js';
import { accept, reject, type Decider, type Rejection } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import { priceListFaults } from './price-list-faults.js';

export interface PricingState {
  /** Version of the last list; 0 before the first. */
  readonly version: number;
  readonly priceList: PriceList | null;
  /** From when the last list holds. */
  readonly from: InstantMs;
}

const instant = (at: InstantMs): string => new Date(at).toISOString();

/** Lists follow each other in time as well: no instant is without one, none has two, and nothing that may have run already changes its price. */
const outOfTime = (
  { version, priceList, from }: PricingState,
  next: PriceList,
  at: InstantMs,
): { readonly rejection: Rejection } | undefined => {
  const begins = next.validFrom ?? at;
  if (next.validUntil !== undefined && next.validUntil <= begins)
    return reject('invalid', 'price-list-empty', 'The list ends before it begins.');
  if (!priceList) return undefined;
  const end = priceList.validUntil;
  if (end !== undefined && begins > end)
    return reject(
      'invalid',
      'price-list-gap',
      `There is a gap: list ${version} ends at ${instant(end)}, this one is to begin then.`,
    );
  if (begins < (end ?? from + 1))
    return reject(
      'invalid',
      'price-list-overlap',
      `The list overlaps with list ${version}, which holds from ${instant(from)}${end === undefined ? '' : ` until ${instant(end)}`}.`,
    );
  // A gap that has come about is filled from its beginning: what ran in it has no price yet.
  if (end === undefined && begins < at)
    return reject('invalid', 'price-list-past', 'The list would begin in the past, and change what has been priced.');
  return undefined;
};

/**
 * Price lists, one after the other. Rejections: `price-list-version` (not the next one), `bad-price-list`, and, about its time, `price-list-empty`,
 * `price-list-gap`, `price-list-overlap`, `price-list-past`.
 */
export const pricingDecider: Decider<PricingState, PricingCommand, PricingEvent> = {
  initial: { version: 0, priceList: null, from: 0 },
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
    return outOfTime(state, priceList, at) ?? accept<PricingEvent>({ type: 'PriceListPublished', priceList, at });
  },
  evolve: (_state, { priceList, at }) => ({
    version: priceList.version,
    priceList,
    from: priceList.validFrom ?? at,
  }),
};
