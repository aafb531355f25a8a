import type { PriceList } from '../pricing/pricing.events.js';
import { DEFAULT_PAYERS } from '../pricing/default-price-list.js';
import { BASIS_POINTS, ofMicros, priceOf, type ExactAmount } from './exact-amount.js';
import { durationMs, type Usage } from './usage.js';

/** Why an attempt has no price yet: no list holds when it started, or the price depends on a frequency that nobody knows. */
export type UnratedReason = 'no-price-list' | 'unknown-frequency';

/** The price of one attempt. */
export interface Rating {
  readonly amount: ExactAmount;
  /** The same before discounts. */
  readonly gross: ExactAmount;
  /**
   * Which rule of the list gave the amount: `work/<plan>`, `hardware/<plan>/<class>`, each followed by `+minimum` where that made it more;
   * `free/<why>` is a waiver: nothing is owed.
   */
  readonly rule: string;
  /** How long it used its node; 0 where nothing is owed. */
  readonly billedMs: number;
}

/** What a price depends on beside the usage and the list. */
export interface RatingContext {
  readonly projectUuid: string | null;
  /** What the account used before it in the same month, before discounts. */
  readonly volume: ExactAmount;
  /** What the same instance was charged before, if this is its last attempt; undefined while it will be tried again: the minimum is for instances. */
  readonly charged?: ExactAmount;
}

export const waived = (why: string): Rating => ({ amount: 0n, gross: 0n, rule: `free/${why}`, billedMs: 0 });

/** The class of hardware that a key is of: the first one that it contains. */
export const classOf = (list: PriceList, specificationKey: string): PriceList['hardware'][number] | undefined => {
  const key = specificationKey.toLowerCase();
  return list.hardware.find(({ match }) => key.includes(match.toLowerCase()));
};

/**
 * What is taken off `gross`, which comes on top of `volume` in its month. Each part of a month has its own share, with that of the project at most all of
 * it: so it makes no difference in which pieces a month is used, and none of them costs less than nothing.
 */
const discountOf = (
  gross: ExactAmount,
  { projectUuid, volume }: Pick<RatingContext, 'projectUuid' | 'volume'>,
  { volumeDiscounts = [], projectDiscounts = [] }: PriceList,
): ExactAmount => {
  const ofProject = projectDiscounts.find((discount) => discount.projectUuid === projectUuid)?.basisPoints ?? 0;
  const end = volume + gross;
  let off = (gross * BigInt(ofProject)) / BASIS_POINTS;
  for (const { fromMicros, untilMicros, basisPoints } of volumeDiscounts) {
    const from = ofMicros(fromMicros);
    const start = volume > from ? volume : from;
    const until = untilMicros === undefined || ofMicros(untilMicros) > end ? end : ofMicros(untilMicros);
    const share = Math.min(basisPoints, Number(BASIS_POINTS) - ofProject);
    if (until > start) off += ((until - start) * BigInt(share)) / BASIS_POINTS;
  }
  return off;
};

/** What an hour of a core costs: `micros` for each of `milliGhz`/1000. */
export interface UnitPrice {
  readonly micros: number;
  /** 1000 where it is hardware that is paid for. */
  readonly milliGhz: number;
  readonly rule: string;
}

/** What a list takes for an hour of a core, of this plan on this hardware. */
export const unitPrice = (
  list: PriceList,
  {
    plan,
    constrained,
    specificationKey,
    milliGhz,
  }: Pick<Usage, 'plan' | 'constrained' | 'specificationKey' | 'milliGhz'>,
): UnitPrice | UnratedReason => {
  const entry = constrained ? classOf(list, specificationKey) : undefined;
  if (entry)
    return {
      micros: entry.microsPerCoreHour[plan],
      milliGhz: 1_000,
      rule: `hardware/${plan}/${entry.match === '' ? 'any' : entry.match}`,
    };
  const known = milliGhz > 0 ? milliGhz : list.assumedMilliGhz;
  if (known === undefined) return 'unknown-frequency';
  return { micros: list.workMicrosPerGhzCoreHour[plan], milliGhz: known, rule: `work/${plan}` };
};

const baseRate = (usage: Usage, list: PriceList): Pick<Rating, 'gross' | 'rule'> | UnratedReason => {
  const unit = unitPrice(list, usage);
  if (typeof unit === 'string') return unit;
  return { gross: priceOf(unit.micros, usage.milliCores, unit.milliGhz, durationMs(usage)), rule: unit.rule };
};

/**
 * The price of one attempt (architecture, section 7), or why it has none. Without hardware constraints it is the price of the work done,
 * GHz x cores x time, so that a faster node costs about the same; with constraints it is the price of that hardware, cores x time. Discounts of
 * volume and project add up. The list says for which causes of an end the platform pays.
 */
export const rate = (
  usage: Usage,
  list: PriceList,
  { projectUuid, volume, charged }: RatingContext,
): Rating | UnratedReason => {
  const payers = list.payers ?? DEFAULT_PAYERS;
  if (usage.cause !== null && payers[usage.cause] === 'platform') return waived(usage.cause);
  const base = baseRate(usage, list);
  if (typeof base === 'string') return base;
  const { gross } = base;
  const net = gross - discountOf(gross, { projectUuid, volume }, list);
  const least = charged === undefined ? 0n : ofMicros(list.minimumMicros ?? 0) - charged;
  const isLess = net < least;
  return {
    amount: isLess ? least : net,
    gross,
    rule: isLess ? `${base.rule}+minimum` : base.rule,
    billedMs: durationMs(usage),
  };
};
