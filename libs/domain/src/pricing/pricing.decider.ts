import type { PriceList, PricingCommand, PricingEvent } from './pricing.events.js';
import { accept, reject, type Decider } from '../shared/decider.js';

export interface PricingState {
  /** Version of the list in force; 0 before the first. */
  readonly version: number;
  readonly priceList: PriceList | null;
}

const isPrice = (micros: number): boolean => Number.isSafeInteger(micros) && micros >= 0;
const hasValidPrices = ({ workMicrosPerGhzCoreHour, hardware }: PriceList): boolean =>
  [workMicrosPerGhzCoreHour, ...hardware.map((entry) => entry.microsPerCoreHour)].every((prices) =>
    [prices.flex, prices.onDemand, prices.reserved].every(isPrice),
  );

/** Price lists, one after the other. Rejections: `price-list-version` (not the next one), `bad-price-list`. */
export const pricingDecider: Decider<PricingState, PricingCommand, PricingEvent> = {
  initial: { version: 0, priceList: null },
  decide: (state, { priceList, at }) => {
    if (priceList.version !== state.version + 1) {
      return reject(
        'conflict',
        'price-list-version',
        `the next price list is version ${state.version + 1}, not ${priceList.version}`,
      );
    }
    if (!hasValidPrices(priceList))
      return reject('invalid', 'bad-price-list', 'prices are non-negative integers of micro-units');
    return accept<PricingEvent>({ type: 'PriceListPublished', priceList, at });
  },
  evolve: (_state, event) => ({ version: event.priceList.version, priceList: event.priceList }),
};
