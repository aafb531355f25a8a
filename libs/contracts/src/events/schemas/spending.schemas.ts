import { OVERRUN_POLICIES } from '@fornax/domain';
import { z } from 'zod';
import { count, instant } from './scalars.js';

const signed = z.int();
const booked = z.object({
  accountId: z.string(),
  entryId: z.string(),
  micros: signed,
  note: z.string(),
  consumedMicros: signed,
  at: instant,
});
const terms = {
  alias: z.string(),
  totalMicros: count,
  policy: z.enum(OVERRUN_POLICIES),
  until: instant.nullable(),
  thresholds: z.array(count),
};
const about = { budgetId: z.string(), projectId: z.string(), at: instant };

export const spendingEvents = {
  CreditsGranted: { version: 1, aggregate: 'spending', schema: booked },
  CreditsCharged: { version: 1, aggregate: 'spending', schema: booked },
  CreditsAdjusted: { version: 1, aggregate: 'spending', schema: booked },
  CreditsExhausted: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({ accountId: z.string(), consumedMicros: signed, remainingMicros: signed, at: instant }),
  },
  CreditsRestored: { version: 1, aggregate: 'spending', schema: z.object({ accountId: z.string(), at: instant }) },
  BudgetCreated: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({ ...about, owner: z.string(), from: instant, ...terms }),
  },
  BudgetChanged: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({ budgetId: z.string(), at: instant, consumedMicros: signed, ...terms }),
  },
  BudgetThresholdReached: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({ ...about, percent: count, consumedMicros: signed, totalMicros: count }),
  },
  BudgetExhausted: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({
      ...about,
      policy: z.enum(OVERRUN_POLICIES),
      consumedMicros: signed,
      totalMicros: count,
      until: instant.nullable().exactOptional(),
    }),
  },
  BudgetReleased: { version: 1, aggregate: 'spending', schema: z.object(about) },
  BudgetArchived: {
    version: 1,
    aggregate: 'spending',
    schema: z.object({ budgetId: z.string(), at: instant }),
  },
} as const;
