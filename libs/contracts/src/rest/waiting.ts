import { z } from 'zod';

const when = z.string();

/** Why a task waits, now or at a moment of the past: `GET /fornax/v1/tasks/{id}/waiting`. Instants are RFC 3339. */
export const waitingSchema = z.object({
  taskId: z.string(),
  asOf: when.describe('When it was so: now, or the moment that was asked for.'),
  state: z.string(),
  waiting: z.int().describe('Instances that wait.'),
  reason: z
    .string()
    .nullable()
    .describe(
      'no-node, nodes-drain, disks-full, nodes-away, no-node-fits, fleet-full, nodes-failing, pool-busy, pool-synchronizing, max-parallel, settling, quota, credits-exhausted, budget-exhausted, dependencies; null when nothing stands in the way.',
    ),
  detail: z.string().nullable(),
  since: when.nullable(),
  text: z.string().describe('All of it in one sentence.'),
  dependsOn: z
    .array(z.string())
    .describe('Tasks that it waits for before it waits for room; as of the past, those too that had ended.'),
  source: z
    .enum(['scheduler', 'log'])
    .describe('Who knows: the scheduler, about now; or the log, where waits of less than a second leave no trace.'),
  history: z
    .array(z.object({ reason: z.string().nullable(), detail: z.string().nullable(), at: when, sequence: z.int() }))
    .describe('The last changes of the reason, oldest first; null: nothing waited for room any more.'),
});

export type WireWaiting = z.output<typeof waitingSchema>;
