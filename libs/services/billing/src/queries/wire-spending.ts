import { euroText, wireDate, type WireBudget, type WireCreditsOfAccount, type WireOwnBudget } from '@fornax/contracts';
import type { AccountCredits, UsedBudget } from './spending-reader.js';

const MICROS_PER_CENT = 10_000;
/** Half a cent is one more. */
const cents = (micros: number): number => Number((BigInt(micros) * 2n + 10_000n) / 20_000n);

/** (Contract, section 3.22.) */
export const wireBudget = ({ budget, consumedMicros }: UsedBudget): WireBudget => {
  const { budgetId, alias, totalMicros, from, until, policy, isArchived } = budget;
  const total = totalMicros / MICROS_PER_CENT;
  const consumed = cents(consumedMicros);
  return {
    uuid: budgetId,
    alias,
    consumedAmountInCents: consumed,
    totalAmountInCents: total,
    remainingAmountInCents: Math.max(0, total - consumed),
    startDateUtc: wireDate(from),
    ...(until === null ? {} : { expirationDateUtc: wireDate(until) }),
    budgetOverrunPolicy: policy,
    isArchived,
  };
};

export const wireOwnBudget = (used: UsedBudget): WireOwnBudget => {
  const { projectId, thresholds, isExhausted } = used.budget;
  return { ...wireBudget(used), projectUuid: projectId, thresholds, isActive: used.isActive, isExhausted };
};

export const wireCredits = (
  account: string,
  { state, consumedMicros, remainingMicros }: AccountCredits,
): WireCreditsOfAccount => ({
  account,
  isUnlimited: remainingMicros === undefined,
  isExhausted: state.isExhausted,
  consumed: euroText(consumedMicros),
  remaining: remainingMicros === undefined ? null : euroText(remainingMicros),
  entries: state.entries.map(({ entryId, kind, micros, note, at }) => ({
    id: entryId,
    kind,
    amount: euroText(micros),
    note,
    at: wireDate(at),
  })),
});
