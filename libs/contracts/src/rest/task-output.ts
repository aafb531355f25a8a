import { snapshotRetentionSchema } from './snapshot-retention.js';
import { TASK_STATES } from '@fornax/domain';
import { z } from 'zod';
import { advancedBucketSchema } from './task-creation.js';

/**
 * What a task looks like to clients (contract, sections 3.2, 3.3, 3.8, 3.19). The schemas are strict about null and about missing keys, as
 * the clients are (section 3.0): a body that parses here can be read by all of them.
 */
export const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/);
export const wireDurationSchema = z.string().regex(/^(\d+\.)?\d\d:\d\d:\d\d$/);
/** What the public description of the API types int32 or int64 is an integer on the wire (contract, section 7.1). */
export const uint = z.int32().nonnegative();
const ulong = z.int().nonnegative();
export const amount = z.number().nonnegative();

export const errorSchema = z.object({ code: z.string(), message: z.string(), debug: z.string() });
export type WireError = z.output<typeof errorSchema>;

export const completedInstanceSchema = z.object({
  results: z.array(z.string()).nullable(),
  instanceId: uint,
  wallTimeSec: amount,
  execTimeSec: amount,
  execTimeSecGHz: amount,
  peakMemoryMB: uint,
  state: z.string(),
  error: errorSchema.nullable(),
  specificationKey: z.string(),
  cpuModel: z.string(),
  coreCount: uint,
  clockRatio: amount,
  averageGHz: amount,
  executionAttemptCount: uint,
});
export type WireCompletedInstance = z.output<typeof completedInstanceSchema>;

const runningInstanceSchema = z.object({
  phase: z.enum(['download', 'dispatch', 'environment', 'execution', 'shutdown', 'upload']),
  instanceId: uint,
  maxFrequencyGHz: amount,
  currentFrequencyGHz: amount,
  cpuUsage: amount,
  maxMemoryMB: uint,
  currentMemoryMB: uint,
  memoryUsage: amount,
  networkInKbps: amount,
  networkOutKbps: amount,
  progress: amount,
  executionTimeSec: amount,
  executionTimeGHz: amount,
  specificationKey: z.string(),
  cpuModel: z.string(),
  coreCount: uint,
  executionAttemptCount: uint,
  clockRatio: amount,
  activeForwards: z.array(
    z.object({ applicationPort: uint, forwarderPort: uint, forwarderHost: z.string(), bindAddress: z.string() }),
  ),
  vpnConnections: z.array(z.object({ nodeIPAddressCidr: z.string(), vpnName: z.string() })),
});

const runningInstancesInfoSchema = z.object({
  perRunningInstanceInfo: z.array(runningInstanceSchema),
  snapshotResults: z.array(z.string()),
  timestamp: date,
  averageFrequencyGHz: amount,
  maxFrequencyGHz: amount,
  minFrequencyGHz: amount,
  averageMaxFrequencyGHz: amount,
  averageCpuUsage: amount,
  clusterPowerIndicator: amount,
  averageMemoryUsage: amount,
  averageNetworkInKbps: amount,
  averageNetworkOutKbps: amount,
  totalNetworkInKbps: amount,
  totalNetworkOutKbps: amount,
  runningCoreCountByCpuModel: z.array(z.object({ model: z.string(), core: uint, runningCoreCount: uint })),
});

export const statusSchema = z.object({
  timestamp: date,
  lastUpdateTimestamp: date,
  downloadProgress: amount.max(100),
  executionProgress: amount.max(100),
  uploadProgress: amount.max(100),
  instanceCount: uint,
  downloadTime: wireDurationSchema,
  downloadTimeSec: ulong,
  environmentTime: wireDurationSchema,
  environmentTimeSec: ulong,
  executionTime: wireDurationSchema,
  executionTimeSec: ulong,
  uploadTime: wireDurationSchema,
  uploadTimeSec: ulong,
  wallTime: wireDurationSchema,
  wallTimeSec: ulong,
  executionTimeByCpuModel: z.array(z.object({ model: z.string(), time: ulong, core: uint })),
  executionTimeGhzByCpuModel: z.array(z.object({ model: z.string(), timeGhz: amount, clockRatio: amount, core: uint })),
  executionTimeByMachineSpecification: z.array(z.object({ specificationKey: z.string(), time: ulong })),
  executionTimeBySiteAndMachine: z.array(z.object({ siteUuid: z.string(), specificationKey: z.string(), time: ulong })),
  executionTimeByInstanceId: z.array(
    z.object({
      instanceId: uint,
      specificationKey: z.string(),
      siteUuid: z.string(),
      time: ulong,
      timeGhz: amount,
      clockRatio: amount,
    }),
  ),
  succeededRange: z.string(),
  executedRange: z.string(),
  failedRange: z.string(),
  cancelledRange: z.string(),
  failedOnlyRange: z.string(),
  startedOnceRange: z.string(),
  runningInstancesInfo: runningInstancesInfoSchema,
});
export type WireStatus = z.output<typeof statusSchema>;
export type WireRunningInstance = z.output<typeof runningInstanceSchema>;

const summary = {
  uuid: z.string(),
  name: z.string(),
  shortname: z.string(),
  profile: z.string().nullable(),
  poolUuid: z.string().nullable(),
  jobUuid: z.string().nullable(),
  progress: amount.max(100),
  runningInstanceCount: uint,
  runningCoreCount: uint,
  clusterInfo: z.object({ clusterCoresCount: uint }),
  executionTime: wireDurationSchema,
  wallTime: wireDurationSchema,
  state: z.enum(TASK_STATES),
  previousState: z.enum(TASK_STATES).nullable(),
  totalInstanceCount: uint,
  instanceCount: uint,
  maxRetriesPerInstance: uint,
  advancedRanges: z.string().min(1).nullable(),
  stateTransitionTime: date,
  previousStateTransitionTime: date,
  lastModified: date,
  creationDate: date,
  endDate: date,
  waitForPoolResourcesSynchronization: z.boolean().nullable(),
} as const;

export const taskSummarySchema = z.object(summary);
export type WireTaskSummary = z.output<typeof taskSummarySchema>;

const owner = z.object({ uuid: z.string(), name: z.string().describe('Its e-mail.') });
/** A task in a project that an organization shares, and whose it is. */
export const ownedTaskSummarySchema = taskSummarySchema.extend({ owner });
export type WireOwnedTaskSummary = z.output<typeof ownedTaskSummarySchema>;
/** Whose something is, and what the caller may do with it. */
export const rightsSchema = z.object({
  owner,
  may: z
    .enum(['look', 'tend', 'own'])
    .describe('`tend` is to stop, delete, refresh and repeat it as it was, `own` is all.'),
});
export type WireRights = z.output<typeof rightsSchema>;
/** What the caller may do with a task. */
export const taskRightsSchema = rightsSchema.extend({
  mayClone: z.boolean().describe('Whether you may make a task of your own that is like it.'),
});
export type WireTaskRights = z.output<typeof taskRightsSchema>;

const outcome = z.enum(['success', 'failure', 'cancelled']);
const dependencyState = z.enum(['waiting', 'dependencyConditionsFulfilled', 'dependencyConditionsNotFulfilled']);

/** What tasks and pools show of what was asked for both alike (contract, sections 3.2 and 3.5). */
export const askedShown = {
  constants: z.array(z.object({ key: z.string(), value: z.string() })),
  forcedConstants: z.array(z.unknown()),
  constraints: z.array(z.unknown()),
  secretsAccessRights: z.object({
    bySecret: z.array(z.object({ key: z.string() })),
    byPrefix: z.array(z.object({ prefix: z.string() })),
  }),
  tags: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
};

export const taskSchema = z.object({
  ...summary,
  errors: z.array(errorSchema),
  resourceBuckets: z.array(z.string()),
  advancedResourceBuckets: z.array(advancedBucketSchema),
  resultBucket: z.string().nullable(),
  resultsBucket: z.string().nullable(),
  resultsBucketPrefix: z.string().nullable(),
  resultsCacheTTLSec: uint.nullable(),
  resultsWhitelist: z.string().nullable(),
  resultsBlacklist: z.string().nullable(),
  resultsCount: uint,
  snapshotInterval: uint,
  snapshotWhitelist: z.string().nullable(),
  snapshotBlacklist: z.string().nullable(),
  snapshotBucket: z.string().nullable(),
  snapshotBucketPrefix: z.string().nullable(),
  completedInstances: z.array(completedInstanceSchema),
  status: statusSchema.nullable(),
  ...askedShown,
  privileges: z.object({ exportApiAndStorageCredentialsInEnvironment: z.boolean() }),
  retrySettings: z.object({ maxTotalRetries: uint.nullable(), maxPerInstanceRetries: uint.nullable() }),
  hardwareConstraints: z.array(z.looseObject({ discriminator: z.string() })),
  forcedNetworkRules: z.array(z.unknown()),
  schedulingType: z.enum(['flex', 'onDemand', 'reserved']),
  targetedReservedMachineKey: z.string().nullable(),
  targetedReservationName: z.string().nullable(),
  projectUuid: z.string().nullable(),
  maxTimeQueueSeconds: uint.nullable(),
  defaultResourcesCacheTTLSec: uint,
  uploadResultsOnCancellation: z.boolean().nullable(),
  autoDeleteOnCompletion: z.boolean(),
  completionTimeToLive: wireDurationSchema,
  dependencies: z
    .object({
      dependsOn: z.array(z.string()),
      advancedDependsOn: z.array(
        z.object({
          taskUuid: z.string(),
          taskFinalStateCondition: z.array(outcome),
          state: dependencyState,
          actualFinalState: outcome.nullable(),
        }),
      ),
      state: dependencyState,
    })
    .nullable(),
  /** Ours, unknown to the clients: remarks of the platform about this task. */
  notes: z.array(z.string()),
  fornax: z.object({
    waitingReason: z.string().nullable(),
    notes: z.array(z.string()),
    /** The task that this one was made from, by clone, retry, resume or recover. */
    origin: z.object({ taskId: z.string(), kind: z.enum(['clone', 'retry', 'resume', 'recover']) }).nullable(),
    /** Every task that this one waits for or waited for, however it was asked for. */
    dependencies: z.array(
      z.object({
        taskUuid: z.string(),
        on: z.array(outcome),
        as: z.enum(['dependsOn', 'advancedDependsOn', 'after']),
        /** Instance n after instance n. */
        each: z.boolean(),
        state: dependencyState,
        actualFinalState: outcome.nullable(),
      }),
    ),
    /** Most instances on nodes at once; null: as many as there is room for. */
    maxParallel: uint.nullable(),
    /** The table of parameters: row n is of instance n. The rows themselves are with the instances. */
    table: z.object({ columns: z.array(z.string()), rows: uint }).nullable(),
    /** With which snapshot instances begin: `latest`, one of its origin, or null: with none. */
    resumeFromSnapshot: z.string().nullable(),
    /** Values of its secrets are taken out of what its instances print. */
    redactOutput: z.boolean(),
    /** Which complete snapshots are kept; null: all. */
    snapshotRetention: snapshotRetentionSchema.nullable(),
    /** It runs with the inputs that its origin had, or not at all. */
    pinned: z.boolean(),
    /** Digests of the images that its instances ran in, the first 16. More than one: a tag was given to another image meanwhile, or the table names them. */
    images: z.array(z.string()),
  }),
});
export type WireTask = z.output<typeof taskSchema>;
