import type { PriceList } from '../pricing/pricing.events.js';
import type { SchedulingPlan } from '../task/task.events.js';
import type { ExactAmount } from './exact-amount.js';
import { rate } from './rate.js';

/** An instance that nobody has run yet, and how long it is thought to take. */
export interface ThoughtInstance {
  readonly plan: SchedulingPlan;
  /** Particular hardware is asked for, and paid for. */
  readonly constrained: boolean;
  readonly milliCores: number;
  readonly ms: number;
}

/** Hardware on which it may run. */
export interface ThoughtHardware {
  readonly specificationKey: string;
  /** 0: not known. */
  readonly milliGhz: number;
}

/** What an instance costs on the cheapest and on the dearest hardware that it may run on. */
export interface PriceRange {
  readonly low: ExactAmount;
  readonly high: ExactAmount;
  /** The rules of the list by which it is so. */
  readonly rules: readonly string[];
}

/**
 * What an instance that succeeds costs by a list, without discounts, on any of this hardware. It is rated as it will be: by the same function.
 * @returns undefined where the list has no price for some of it
 */
export const priceRange = (
  list: PriceList,
  { plan, constrained, milliCores, ms }: ThoughtInstance,
  hardware: readonly ThoughtHardware[],
): PriceRange | undefined => {
  const plain = { ...list, volumeDiscounts: [], projectDiscounts: [] };
  const ratings = hardware.map(({ specificationKey, milliGhz }) => {
    const usage = { from: 0, until: ms, node: '', cpuModel: '', specificationKey, milliCores, milliGhz, memoryMB: 0 };
    return rate({ ...usage, plan, constrained, cause: null }, plain, { projectUuid: null, volume: 0n, charged: 0n });
  });
  const [first, ...rest] = ratings.flatMap((rating) => (typeof rating === 'string' ? [] : [rating]));
  if (first === undefined || rest.length + 1 < ratings.length) return undefined;
  let { amount: low, amount: high } = first;
  for (const { amount } of rest) {
    if (amount < low) low = amount;
    if (amount > high) high = amount;
  }
  return { low, high, rules: [...new Set([first, ...rest].map(({ rule }) => rule))] };
};
