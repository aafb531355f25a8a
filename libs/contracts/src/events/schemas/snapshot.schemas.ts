import { z } from 'zod';
import { count, instant } from './scalars.js';

export const snapshotEvents = {
  SnapshotTriggered: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({
      snapshotId: z.string(),
      taskId: z.string(),
      owner: z.string(),
      config: z.object({
        whitelist: z.string().nullable(),
        blacklist: z.string().nullable(),
        bucket: z.string(),
        prefix: z.string().nullable(),
      }),
      parts: z.array(z.object({ instance: count, leaseId: z.string(), node: z.string() })),
      dueAt: instant.exactOptional(),
      exitCode: count.exactOptional(),
      at: instant,
    }),
  },
  SnapshotProgressed: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({ leaseId: z.string(), sizeToUploadBytes: z.number(), transferredBytes: z.number(), at: instant }),
  },
  SnapshotPartUploaded: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({
      leaseId: z.string(),
      files: count,
      bytes: z.number(),
      notes: z.array(z.string()).exactOptional(),
      manifest: z.string().exactOptional(),
      sentBytes: z.number().exactOptional(),
      at: instant,
    }),
  },
  SnapshotCompleted: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({ taskId: z.string(), files: count, bytes: z.number(), at: instant }),
  },
  SnapshotFailed: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({ taskId: z.string(), reason: z.string(), at: instant }),
  },
  SnapshotPruneRequested: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({ taskId: z.string(), cause: z.enum(['asked', 'retention']), at: instant }),
  },
  SnapshotPruned: {
    version: 1,
    aggregate: 'snapshot',
    schema: z.object({ taskId: z.string(), at: instant }),
  },
} as const;
