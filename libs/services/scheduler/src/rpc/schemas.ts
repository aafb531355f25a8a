import { z } from 'zod';

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
