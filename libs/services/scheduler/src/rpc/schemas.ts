import { z } from 'zod';

export const waitingRequestSchema = z.object({ taskId: z.string() });

export const waitingReplySchema = z.discriminatedUnion('known', [
  /** Not in the scheduler's view: no such task, or finished. */
  z.object({ known: z.literal(false) }),
  z.object({
    known: z.literal(true),
    taskId: z.string(),
    owner: z.string(),
    waiting: z.number(),
    reason: z.string().nullable(),
    detail: z.string().nullable(),
    /** Milliseconds since the epoch. */
    waitingSince: z.number().nullable(),
  }),
]);
export type WaitingReply = z.output<typeof waitingReplySchema>;

export const overviewReplySchema = z.object({
  unfinishedTasks: z.number(),
  queuedTasks: z.number(),
  waitingInstances: z.number(),
  leases: z.number(),
  nodes: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      cores: z.number(),
      usedCores: z.number(),
      memoryMB: z.number(),
      usedMemoryMB: z.number(),
      leases: z.number(),
    }),
  ),
});
export type OverviewReply = z.output<typeof overviewReplySchema>;
