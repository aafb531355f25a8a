import type { PriceList } from '../pricing/pricing.events.js';
import { SCHEDULING_PLANS, type SchedulingPlan } from '../task/task.events.js';
import { assumedIn, type PublishedPriceList } from './bill-fold.js';
import { BASIS_POINTS, type ExactAmount } from './exact-amount.js';
import { classOf, unitPrice, type UnitPrice } from './rate.js';

/** Lines of one task whose prices differ in time and cores alone, summed up. */
export interface LineGroup {
  readonly plan: SchedulingPlan;
  readonly constrained: boolean;
  readonly specificationKey: string;
  /** 0: not known. */
  readonly milliGhz: number;
  readonly priceListVersion: number;
  /** Nothing is owed, whatever the plan. */
  readonly isWaived: boolean;
  /** They cost the least that an instance costs. */
  readonly isMinimum: boolean;
  readonly amount: ExactAmount;
  /** Thousandths of a core, times milliseconds. */
  readonly milliCoreMs: bigint;
}

/** A plan and a class of hardware, by what is in its key ('' is all other hardware); null: no hardware is asked for. */
export interface Offer {
  readonly plan: SchedulingPlan;
  readonly hardware: string | null;
}
export interface WhatIf extends Offer {
  /** Null: some of it has no price there. */
  readonly amount: ExactAmount | null;
  /** It is what the task had, and cost. */
  readonly isOwn: boolean;
}

const priceOfOffer = (list: PriceList, { plan, hardware }: Offer, milliGhz: number): UnitPrice | undefined => {
  const entry = list.hardware.find(({ match }) => match === hardware);
  if (hardware !== null && !entry) return undefined;
  const found = unitPrice(
    { ...list, hardware: entry ? [entry] : [] },
    { plan, constrained: hardware !== null, specificationKey: hardware ?? '', milliGhz },
  );
  return typeof found === 'string' ? undefined : found;
};

/** What a group of lines had: which class its hardware is of, where the task asked for hardware. */
const offerOf = ({ plan, constrained, specificationKey }: LineGroup, list: PriceList): Offer => {
  const entry = constrained ? classOf(list, specificationKey) : undefined;
  return { plan, hardware: entry?.match ?? null };
};
const isSame = (a: Offer, b: Offer): boolean => a.plan === b.plan && a.hardware === b.hardware;

/**
 * What the lines of a task would have cost under every plan and on every class of hardware of their price lists, with the time that they took and the
 * discounts that they had. What the task had costs exactly what it was charged. An instance that cost the minimum costs no less elsewhere, and no other
 * one is raised to it.
 */
export const whatIf = (groups: readonly LineGroup[], lists: readonly PublishedPriceList[]): readonly WhatIf[] => {
  const listOf = (version: number): PriceList | undefined => {
    const found = lists.find(({ priceList }) => priceList.version === version)?.priceList;
    return found && assumedIn(lists, found);
  };
  const owed = groups.flatMap((group) => {
    const list = listOf(group.priceListVersion);
    return group.isWaived || !list ? [] : [{ group, list, own: offerOf(group, list) }];
  });
  const classes = [null, ...new Set(owed.flatMap(({ list }) => list.hardware.map(({ match }) => match)))];
  const offers = SCHEDULING_PLANS.flatMap((plan) => classes.map((hardware): Offer => ({ plan, hardware })));
  return offers.map((offer) => {
    let amount: ExactAmount | null = 0n;
    for (const { group, list, own } of owed) {
      const before = priceOfOffer(list, own, group.milliGhz);
      const after = priceOfOffer(list, offer, group.milliGhz);
      if (!after || !before) amount = null;
      if (amount === null || !after || !before) continue;
      amount += amountAt(group, before, after);
    }
    return { ...offer, amount, isOwn: owed.length > 0 && owed.every(({ own }) => isSame(own, offer)) };
  });
};

const unitOf = ({ micros, milliGhz }: UnitPrice): bigint => BigInt(micros) * BigInt(milliGhz);

const amountAt = ({ amount, isMinimum, milliCoreMs }: LineGroup, before: UnitPrice, after: UnitPrice): ExactAmount => {
  const [from, to] = [unitOf(before), unitOf(after)];
  if (from === to) return amount;
  const gross = to * milliCoreMs * BASIS_POINTS;
  if (isMinimum) return gross > amount ? gross : amount;
  // A price of nothing says nothing of discounts.
  return from === 0n ? gross : (amount * to) / from;
};
