import { FORECAST_BASES, SCHEDULING_PLANS } from '@fornax/domain';
import { z } from 'zod';

const count = z.int().min(0);
const basis = z.enum(FORECAST_BASES);

/** What a task has cost, what it will have cost, and what it would have elsewhere (`GET /fornax/v1/billing/tasks/{id}/cost`). */
export const taskCostSchema = z.object({
  taskId: z.string(),
  plan: z.string(),
  constrained: z.boolean(),
  currency: z.string(),
  spentMicros: z.int().describe('Of attempts that have ended, to the micro-unit.'),
  running: z.object({ attempts: count, micros: z.int() }).describe('What runs, as if it ended now.'),
  totalMicros: z.int(),
  finished: count.describe('Instances that have succeeded.'),
  forecast: z
    .object({
      lowMicros: z.int(),
      highMicros: z.int(),
      running: z.record(basis, count).describe('How many of those that run were estimated from what.'),
      waiting: count,
      waitingBasis: basis.nullable(),
    })
    .nullable()
    .describe('What it will have cost at its end; null: nothing can be said.'),
  noForecast: z.enum(['over', 'in-pool', 'unknown-length']).nullable().describe('Why nothing can be said.'),
  whatIf: z
    .array(
      z.object({
        plan: z.enum(SCHEDULING_PLANS),
        hardware: z
          .string()
          .nullable()
          .describe("The `match` of a class of hardware ('' is all other); null: none asked for."),
        micros: z.int().nullable().describe('Null: some of it has no price there.'),
        isOwn: z.boolean().describe('What it had, and was charged.'),
      }),
    )
    .readonly()
    .describe('What its ended attempts would have cost on all plans and hardware, with the time that they took.'),
});
export type TaskCost = z.output<typeof taskCostSchema>;
