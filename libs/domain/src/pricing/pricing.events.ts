import type { SchedulingPlan } from '../task/task.events.js';
import type { InstantMs } from '../shared/time.js';

/** Prices in integer micro-units of the currency (1 EUR = 1,000,000). */
export interface PriceList {
  readonly version: number;
  readonly currency: string;
  /** Without hardware constraints: price of one GHz·core·hour of work, for each plan. */
  readonly workMicrosPerGhzCoreHour: Readonly<Record<SchedulingPlan, number>>;
  /** With hardware constraints: price of one core·hour on hardware whose specification key contains `match`; first match wins, '' matches all. */
  readonly hardware: readonly {
    readonly match: string;
    readonly microsPerCoreHour: Readonly<Record<SchedulingPlan, number>>;
  }[];
}

export type PricingEvent = {
  readonly type: 'PriceListPublished';
  readonly priceList: PriceList;
  readonly at: InstantMs;
};
export type PricingCommand = {
  readonly type: 'PublishPriceList';
  readonly priceList: PriceList;
  readonly at: InstantMs;
};
