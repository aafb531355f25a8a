import { CANCEL_CAUSES } from '@fornax/domain';
import { z } from 'zod';
import { count, instant } from './scalars.js';
import {
  attemptEnd,
  dispatchedLease,
  instanceError,
  leaseRef,
  outcome,
  workSpec,
  workUpdated,
} from './work.schemas.js';

const snapshotRetention = z.object({
  last: count.exactOptional(),
  hourly: count.exactOptional(),
  daily: count.exactOptional(),
});

const taskSpec = z.object({
  ...workSpec,
  instances: z.string(),
  advancedRanges: z.string().nullable(),
  resultBucket: z.string().nullable(),
  resultsPrefix: z.string().nullable(),
  resultsWhitelist: z.string().nullable(),
  resultsBlacklist: z.string().nullable(),
  uploadResultsOnCancellation: z.boolean(),
  snapshotBucket: z.string().nullable(),
  snapshotPrefix: z.string().nullable(),
  snapshotWhitelist: z.string().nullable(),
  snapshotBlacklist: z.string().nullable(),
  snapshotIntervalSeconds: count.exactOptional(),
  snapshotRetention: snapshotRetention.exactOptional(),
  maxRetriesPerInstance: count,
  maxTotalRetries: count,
  origin: z.object({ taskId: z.string(), kind: z.enum(['clone', 'retry', 'resume', 'recover']) }).exactOptional(),
  table: z.object({ digest: z.string(), columns: z.array(z.string()), rows: count }).exactOptional(),
  pin: z.object({ inputs: z.array(z.object({ instances: z.string(), digest: z.string() })) }).exactOptional(),
  pinnedImage: z.string().exactOptional(),
  jobId: z.string().exactOptional(),
  dependencies: z
    .array(
      z.object({
        taskId: z.string(),
        on: z.array(outcome),
        as: z.enum(['dependsOn', 'advancedDependsOn', 'after']),
        each: z.boolean().exactOptional(),
      }),
    )
    .exactOptional(),
  maxParallel: count.exactOptional(),
  poolUuid: z.string().exactOptional(),
  resumeFromSnapshot: z.string().exactOptional(),
  redactOutput: z.literal(false).exactOptional(),
  waitsForPoolResources: z.boolean().exactOptional(),
});

const dependencyEnd = z.object({ taskId: z.string(), outcome });
const dependencyEnds = z.array(dependencyEnd);

export const taskEvents = {
  TaskSubmitted: {
    version: 2,
    aggregate: 'task',
    schema: z.object({ taskId: z.string(), owner: z.string(), spec: taskSpec, at: instant }),
  },
  TaskUpdated: { version: 1, aggregate: 'task', schema: workUpdated },
  TaskCancelRequested: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      because: z.enum(CANCEL_CAUSES).exactOptional(),
      at: instant,
    }),
  },
  TaskDeleteRequested: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
  TaskResourcesUpdateRequested: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
  TaskSnapshotsPlanned: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      intervalSeconds: count,
      bucket: z.string().nullable(),
      prefix: z.string().nullable(),
      whitelist: z.string().nullable(),
      blacklist: z.string().nullable(),
      retention: snapshotRetention.nullable().exactOptional(),
      at: instant,
    }),
  },
  TaskSessionOpened: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      session: z.string(),
      instance: count,
      leaseId: z.string(),
      kind: z.enum(['exec', 'forward']),
      program: z.string().exactOptional(),
      hasTerminal: z.boolean().exactOptional(),
      port: count.exactOptional(),
      /** The process of the platform that carries it. */
      carrier: z.string().exactOptional(),
      at: instant,
    }),
  },
  TaskSessionEnded: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      session: z.string(),
      instance: count,
      exitCode: count.exactOptional(),
      bytesIn: count,
      bytesOut: count,
      /** Nobody told how it ended: the process that carried it is gone, and what it had counted. */
      because: z.literal('carrier-lost').exactOptional(),
      at: instant,
    }),
  },
  InstancesDispatched: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ leases: z.array(dispatchedLease), at: instant }),
  },
  InstancesStarted: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      leases: z.array(
        z.object({
          ...leaseRef,
          startedAt: instant,
          snapshotId: z.string().exactOptional(),
          image: z.string().exactOptional(),
        }),
      ),
      at: instant,
    }),
  },
  InstancesExited: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ leases: z.array(z.object(leaseRef)), at: instant }),
  },
  InstancesConcluded: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ attempts: z.array(attemptEnd), at: instant }),
  },
  InstancesRequeued: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ attempts: z.array(attemptEnd), at: instant }),
  },
  WaitingInstancesCancelled: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ instances: z.string(), because: dependencyEnd.exactOptional(), at: instant }),
  },
  WaitingInstancesExpired: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ instances: z.string(), error: instanceError.exactOptional(), at: instant }),
  },
  WaitingReasonChanged: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ reason: z.string().nullable(), detail: z.string().nullable(), at: instant }),
  },
  DependenciesFulfilled: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ ends: dependencyEnds, at: instant }),
  },
  InstancesReleased: { version: 1, aggregate: 'task', schema: z.object({ instances: z.string(), at: instant }) },
  DependenciesFailed: { version: 1, aggregate: 'task', schema: z.object({ ends: dependencyEnds, at: instant }) },
  TaskDeleted: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
} as const;
