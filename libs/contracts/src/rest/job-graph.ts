import { z } from 'zod';

const DEPENDENCY_STATES = ['waiting', 'dependencyConditionsFulfilled', 'dependencyConditionsNotFulfilled'] as const;

/** A job's tasks and what they wait for (`GET /fornax/v1/jobs/{id}/graph`). */
export const jobGraphSchema = z.object({
  uuid: z.string(),
  name: z.string(),
  state: z.string(),
  /** In the order in which they were submitted. */
  tasks: z.array(
    z.object({
      uuid: z.string(),
      name: z.string(),
      state: z.string(),
      creationDate: z.string(),
      endDate: z.string().nullable(),
      isCritical: z.boolean(),
    }),
  ),
  /** `from` is waited for by `to`; it may be a task of no job or of another one. */
  dependencies: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      on: z.array(z.string()),
      /** Instance n after instance n. */
      each: z.boolean(),
      state: z.enum(DEPENDENCY_STATES),
    }),
  ),
  /** The tasks that decide when the job ends, first to last. */
  criticalPath: z.array(z.string()),
  /** By the mean of what its tasks needed so far; null before one has run. */
  expectedEnd: z.string().nullable(),
});
export type WireJobGraph = z.output<typeof jobGraphSchema>;
