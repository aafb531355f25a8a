import { z } from 'zod';
import { instant } from './scalars.js';

const jobSpec = z.object({
  name: z.string(),
  shortname: z.string(),
  poolId: z.string().exactOptional(),
  useDependencies: z.boolean(),
  tags: z.array(z.string()),
  maxWallTimeSeconds: z.number().exactOptional(),
  completionTimeToLiveSeconds: z.number().exactOptional(),
  autoDeleteOnCompletion: z.boolean().exactOptional(),
});

export const jobEvents = {
  JobCreated: {
    version: 1,
    aggregate: 'job',
    schema: z.object({ jobId: z.string(), owner: z.string(), spec: jobSpec, at: instant }),
  },
  JobTerminateRequested: {
    version: 1,
    aggregate: 'job',
    schema: z.object({ reason: z.enum(['user', 'wall-time']), at: instant }),
  },
  JobCompleted: { version: 1, aggregate: 'job', schema: z.object({ at: instant }) },
  JobDeleteRequested: { version: 1, aggregate: 'job', schema: z.object({ withTasks: z.boolean(), at: instant }) },
  JobDeleted: { version: 1, aggregate: 'job', schema: z.object({ at: instant }) },
} as const;
