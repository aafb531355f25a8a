import { OVERRUN_POLICIES } from '@fornax/domain';
import { z } from 'zod';
import { amount, signedAmount } from './price-document.js';
import { reasonSchema } from './reason.js';

/** A budget as the clients read it (contract, section 3.22). Whole cents of an euro; what is left is never less than nothing, for two clients read it unsigned. */
export const budgetSchema = z.object({
  uuid: z.string(),
  alias: z.string(),
  consumedAmountInCents: z.int(),
  totalAmountInCents: z.int(),
  remainingAmountInCents: z.int(),
  startDateUtc: z.string(),
  /** Absent: it does not expire. */
  expirationDateUtc: z.string().exactOptional(),
  budgetOverrunPolicy: z.enum(OVERRUN_POLICIES),
  isArchived: z.boolean(),
});
export type WireBudget = z.output<typeof budgetSchema>;

/** The same with what those need who look after it. */
export const ownBudgetSchema = budgetSchema.extend({
  projectUuid: z.string(),
  /** Percents of the total at which webhooks are told. */
  thresholds: z.array(z.int()).readonly(),
  /** It counts, and holds back, now. */
  isActive: z.boolean(),
  /** It was used up: by its policy nothing new is accepted or started. */
  isExhausted: z.boolean(),
});
export type WireOwnBudget = z.output<typeof ownBudgetSchema>;

const MOST_ALIAS_CHARS = 120;
const day = z.iso
  .date('The value must be a day, such as 2027-01-31.')
  .transform((text) => Date.parse(`${text}T00:00:00Z`));
const terms = {
  alias: reasonSchema.max(MOST_ALIAS_CHARS, `has at most ${MOST_ALIAS_CHARS} characters`).exactOptional(),
  /** Euros and cents, as text. */
  amount: amount.exactOptional(),
  policy: z.enum(OVERRUN_POLICIES).exactOptional(),
  thresholds: z.array(z.int()).max(20).exactOptional(),
};
export const budgetCreationSchema = z.strictObject({
  ...terms,
  project: z.string().max(128),
  amount,
  /** The first day that counts, in UTC; absent: today. */
  from: day.exactOptional(),
  /** The day before which it ends, in UTC; absent: it lasts. */
  until: day.exactOptional(),
});
export type BudgetCreation = z.output<typeof budgetCreationSchema>;
/** `"none"` takes the end away: null says nothing on this wire. */
export const budgetChangeSchema = z.strictObject({
  ...terms,
  until: z.union([z.literal('none').transform(() => null), day]).exactOptional(),
});
export type BudgetChange = z.output<typeof budgetChangeSchema>;

/** What is booked on the credits of an account. */
export const creditBookingSchema = z.strictObject({
  kind: z.enum(['grant', 'charge', 'adjustment']),
  /** Euros, as text; less than 0 for adjustments alone. */
  amount: signedAmount,
  note: reasonSchema.default(''),
  /** Of the caller's making, so that a repeated request books nothing twice. */
  id: z.uuid().exactOptional(),
});
export type CreditBookingRequest = z.output<typeof creditBookingSchema>;

export const creditsOfAccountSchema = z.object({
  account: z.string(),
  /** Nothing was ever granted: nothing is held back. */
  isUnlimited: z.boolean(),
  isExhausted: z.boolean(),
  /** Euros, as text, to the micro-euro. */
  consumed: z.string(),
  /** Null for an unlimited account. */
  remaining: z.string().nullable(),
  entries: z
    .array(z.object({ id: z.string(), kind: z.string(), amount: z.string(), note: z.string(), at: z.string() }))
    .readonly(),
});
export type WireCreditsOfAccount = z.output<typeof creditsOfAccountSchema>;
