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
      /** Room for files that instances may be promised; absent of nodes that do not say. */
      diskMB: z.number().exactOptional(),
      /** Room for files that instances were promised. Absent in replies of earlier leaders. */
      promisedDiskMB: z.number().exactOptional(),
      leases: z.number(),
    }),
  ),
});
export type OverviewReply = z.output<typeof overviewReplySchema>;
