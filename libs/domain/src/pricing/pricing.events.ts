import type { FailureCause, SchedulingPlan } from '../task/task.events.js';
import type { InstantMs } from '../shared/time.js';

/** Who pays for what ran: the account, or the platform, which waives it. */
export type Payer = 'user' | 'platform';

/** A price per plan, in integer micro-units of the currency. */
export type PlanPrices = Readonly<Record<SchedulingPlan, number>>;

/** Part of what an account uses in a month, by its price before discounts, and what is taken off it. */
export interface VolumeDiscount {
  readonly fromMicros: number;
  /** Where the next part begins; absent: the rest. */
  readonly untilMicros?: number;
  /** Hundredths of a percent. */
  readonly basisPoints: number;
}

/** Prices in integer micro-units of the currency (1 EUR = 1,000,000). What is absent means what it meant in lists that are older than it. */
export interface PriceList {
  readonly version: number;
  readonly currency: string;
  /** Without hardware constraints: price of one GHz·core·hour of work, for each plan. */
  readonly workMicrosPerGhzCoreHour: PlanPrices;
  /** With hardware constraints: price of one core·hour on hardware whose specification key contains `match`; first match wins, '' matches all. */
  readonly hardware: readonly { readonly match: string; readonly microsPerCoreHour: PlanPrices }[];
  /** What starts from this instant on is priced by it; absent: from its publication. */
  readonly validFrom?: InstantMs;
  /** What starts from this instant on is not; absent: until another list begins. */
  readonly validUntil?: InstantMs;
  /** Least price of an instance whose command started and that the user pays for; absent: none. */
  readonly minimumMicros?: number;
  /** What the total of a task or a pool is rounded to; absent: one micro-unit. */
  readonly roundingMicros?: number;
  /** Who pays for attempts that failed, by their cause; absent: the user for `user` and `limit`, the platform for all others. */
  readonly payers?: Readonly<Record<FailureCause, Payer>>;
  /** In the order of `fromMicros`, one beginning where the other ends. */
  readonly volumeDiscounts?: readonly VolumeDiscount[];
  readonly projectDiscounts?: readonly { readonly projectUuid: string; readonly basisPoints: number }[];
  /** Taken for nodes whose frequency is not known, in thousandths of a GHz; absent: what they did cannot be rated. */
  readonly assumedMilliGhz?: number;
  /** Price of holding a GB (10^9 bytes) for an hour, in nano-units; absent: 0. */
  readonly storageNanosPerGbHour?: number;
  /** Price of sending out a GB, in nano-units; absent: 0. */
  readonly egressNanosPerGb?: number;
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
