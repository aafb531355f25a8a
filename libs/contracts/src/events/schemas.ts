import type { Aggregate } from '../subjects/subjects.js';
import type { FornaxEvent } from './commit.js';
import { z } from 'zod';

/**
 * The stored form of every event: the payload (`data`) of its CloudEvent, that is the event without its type.
 * What a schema does not describe is never written. The assertion at the end of this file does not compile when a schema and its
 * TypeScript type differ in any field.
 */
const instant = z.number();
const count = z.number().int().nonnegative();
const plan = z.enum(['flex', 'onDemand', 'reserved']);

const constant = z.union([
  z.object({ key: z.string(), value: z.string() }),
  z.object({ key: z.string(), sealed: z.string() }),
]);

const resourceBucket = z.object({
  bucket: z.string(),
  prefix: z.string().exactOptional(),
  stripPrefix: z.string().exactOptional(),
  cacheTtlSeconds: z.number().int().nonnegative().exactOptional(),
});

const hardwareConstraint = z.union([
  z.object({
    discriminator: z.enum(['MinimumCoreHardwareConstraint', 'MaximumCoreHardwareConstraint']),
    coreCount: z.number(),
  }),
  z.object({ discriminator: z.literal('MinimumRamCoreRatioHardwareConstraint'), minimumMemoryGBCoreRatio: z.number() }),
  z.object({ discriminator: z.literal('MaximumRamCoreRatioHardwareConstraint'), maximumMemoryGBCoreRatio: z.number() }),
  z.object({ discriminator: z.literal('MinimumRamHardwareConstraint'), minimumMemoryMB: z.number() }),
  z.object({ discriminator: z.literal('MaximumRamHardwareConstraint'), maximumMemoryMB: z.number() }),
  z.object({ discriminator: z.literal('MinimumDiskHardwareConstraint'), minimumDiskMB: z.number() }),
  z.object({ discriminator: z.literal('SpecificHardwareConstraint'), specificationKey: z.string() }),
  z.object({
    discriminator: z.enum([
      'GpuHardwareConstraint',
      'NoGpuHardwareConstraint',
      'SSDHardwareConstraint',
      'NoSSDHardwareConstraint',
    ]),
  }),
  z.object({ discriminator: z.literal('CpuModelHardwareConstraint'), cpuModel: z.string() }),
]);

const outcome = z.enum(['success', 'failure', 'cancelled']);

/** What tasks and pools have alike. */
const workSpec = {
  name: z.string(),
  shortname: z.string(),
  profile: z.string(),
  profileVersion: count,
  constants: z.array(constant),
  wrappedKey: z.string().exactOptional(),
  resources: z.array(resourceBucket),
  request: z.object({ cores: z.number(), memoryMB: z.number(), diskMB: z.number().exactOptional() }),
  hardwareConstraints: z.array(hardwareConstraint),
  plan,
  tags: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  maxTimeQueueSeconds: z.number().exactOptional(),
  completionTimeToLiveSeconds: z.number().exactOptional(),
  autoDeleteOnCompletion: z.boolean().exactOptional(),
  projectUuid: z.string().exactOptional(),
  echo: z.record(z.string(), z.unknown()),
};

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
  maxRetriesPerInstance: count,
  maxTotalRetries: count,
  origin: z.object({ taskId: z.string(), kind: z.enum(['clone', 'retry', 'resume', 'recover']) }).exactOptional(),
  table: z.object({ digest: z.string(), columns: z.array(z.string()), rows: count }).exactOptional(),
  pin: z.object({ inputs: z.array(z.object({ instances: z.string(), digest: z.string() })) }).exactOptional(),
  jobId: z.string().exactOptional(),
  dependencies: z
    .array(
      z.object({ taskId: z.string(), on: z.array(outcome), as: z.enum(['dependsOn', 'advancedDependsOn', 'after']) }),
    )
    .exactOptional(),
  poolUuid: z.string().exactOptional(),
  waitsForPoolResources: z.boolean().exactOptional(),
});

const elasticSize = {
  minimum: count,
  maximum: count,
  minimumIdle: count,
  idleMs: z.number(),
  growth: z.number(),
  periodMs: z.number(),
};
const scalingPolicy = z.intersection(
  z.object({
    name: z.string(),
    periods: z.array(
      z.union([
        z.object({ type: z.literal('Always') }),
        z.object({ type: z.literal('Weekly'), days: z.array(count), startMs: z.number(), endMs: z.number() }),
      ]),
    ),
  }),
  z.union([
    z.object({ type: z.literal('Fixed'), slots: count }),
    z.object({ type: z.literal('ManagedTasksQueue'), ...elasticSize }),
  ]),
);
const poolSize = z.union([
  z.object({ type: z.literal('fixed'), nodes: count }),
  z.object({ type: z.literal('elastic'), ...elasticSize }),
  z.object({ type: z.literal('policies'), policies: z.array(scalingPolicy) }),
]);
const poolSpec = z.object({
  ...workSpec,
  size: poolSize,
  slotsPerNode: count,
  preparation: z.string().nullable(),
  tasksWaitForResources: z.boolean(),
  instanceCount: count,
  scaling: z.string().nullable(),
  elasticProperty: z.string().nullable(),
});

const dependencyEnds = z.array(z.object({ taskId: z.string(), outcome }));

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

const leaseRef = { instance: count, leaseId: z.string() };
const dispatchedLease = z.object({
  ...leaseRef,
  attempt: count,
  node: z.string(),
  nodeEpoch: count,
  inSlot: z.string().exactOptional(),
});
const instanceError = z.object({ code: z.string(), message: z.string(), debug: z.string() });
const attemptEnd = z.object({
  ...leaseRef,
  attempt: count,
  node: z.string(),
  outcome,
  cause: z.enum(['user', 'platform', 'node-lost', 'preempted', 'limit']).exactOptional(),
  exitCode: z.number().int().exactOptional(),
  signal: z.string().exactOptional(),
  startedAt: instant.exactOptional(),
  endedAt: instant,
  cores: z.number(),
  inSlot: z.string().exactOptional(),
  cpuMs: z.number().exactOptional(),
  peakMemoryMB: z.number().exactOptional(),
  downloadMs: z.number().exactOptional(),
  environmentMs: z.number().exactOptional(),
  uploadMs: z.number().exactOptional(),
  averageGHz: z.number().exactOptional(),
  hardware: z.object({ specificationKey: z.string(), cpuModel: z.string(), cores: z.number(), ghz: z.number() }),
  uploadedFiles: count,
  uploadedBytes: z.number(),
  results: z.array(z.string()).exactOptional(),
  folder: z.string().exactOptional(),
  manifest: z.string().exactOptional(),
  inputs: z.string().exactOptional(),
  error: instanceError.exactOptional(),
  notes: z.array(z.string()).exactOptional(),
});

const nodeHardware = z.object({
  specificationKey: z.string(),
  cpuModel: z.string(),
  cores: z.number(),
  memoryMB: z.number(),
  ghz: z.number(),
  ssd: z.boolean(),
  gpus: z.number(),
  wayOut: z.boolean().exactOptional(),
  slots: z.boolean().exactOptional(),
  diskMB: z.number().exactOptional(),
});
const aboutNode = { nodeId: z.string(), at: instant };

const role = z.enum(['user', 'auditor', 'coordinator', 'operator']);
const planQuotas = z.object({ maxInstances: z.number(), maxCores: z.number() });
const computingQuotas = planQuotas.extend({ flex: planQuotas.exactOptional(), onDemand: planQuotas.exactOptional() });
const storageQuotas = z.object({
  maxBuckets: z.number().exactOptional(),
  maxStorageBytes: z.number().exactOptional(),
  maxObjects: z.number().exactOptional(),
});
const organisationQuotas = computingQuotas.extend(storageQuotas.shape);
const quotas = organisationQuotas.extend({
  maxTasks: z.number(),
  maxJobs: z.number().exactOptional(),
  maxPools: z.number().exactOptional(),
  maxBuckets: z.number(),
  maxStorageBytes: z.number(),
});
/** With whom a bucket is shared. */
const grantee = z.object({ kind: z.enum(['user', 'project', 'organization']), id: z.string() });
const aboutAccount = { accountId: z.string(), at: instant };
const aboutProject = { projectId: z.string(), at: instant };
const namedProject = { ...aboutProject, name: z.string(), description: z.string() };

const perPlan = z.object({ flex: z.number().int(), onDemand: z.number().int(), reserved: z.number().int() });

/** Version and payload schema of every event type, as written today. Older versions are read through `upcasters`. */
export const eventSchemas = {
  TaskSubmitted: {
    version: 2,
    aggregate: 'task',
    schema: z.object({ taskId: z.string(), owner: z.string(), spec: taskSpec, at: instant }),
  },
  TaskUpdated: {
    version: 1,
    aggregate: 'task',
    schema: z.object({
      tags: z.array(z.string()).exactOptional(),
      constants: z.array(constant).exactOptional(),
      wrappedKey: z.string().exactOptional(),
      at: instant,
    }),
  },
  TaskCancelRequested: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
  TaskDeleteRequested: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
  TaskResourcesUpdateRequested: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },
  InstancesDispatched: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ leases: z.array(dispatchedLease), at: instant }),
  },
  InstancesStarted: {
    version: 1,
    aggregate: 'task',
    schema: z.object({ leases: z.array(z.object({ ...leaseRef, startedAt: instant })), at: instant }),
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
    schema: z.object({ instances: z.string(), at: instant }),
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
  DependenciesFailed: { version: 1, aggregate: 'task', schema: z.object({ ends: dependencyEnds, at: instant }) },
  TaskDeleted: { version: 1, aggregate: 'task', schema: z.object({ at: instant }) },

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
  PoolCreated: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ poolId: z.string(), owner: z.string(), spec: poolSpec, at: instant }),
  },
  PoolUpdated: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({
      tags: z.array(z.string()).exactOptional(),
      constants: z.array(constant).exactOptional(),
      wrappedKey: z.string().exactOptional(),
      at: instant,
    }),
  },
  PoolScalingChanged: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({
      size: poolSize,
      scaling: z.string().nullable(),
      elasticProperty: z.string().nullable(),
      at: instant,
    }),
  },
  PoolResourcesUpdateRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolCloseRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolDeleteRequested: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolResized: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ opened: z.string(), closed: z.string(), policyName: z.string().nullable(), at: instant }),
  },
  SlotsDispatched: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ leases: z.array(dispatchedLease), at: instant }),
  },
  SlotsReady: {
    version: 1,
    aggregate: 'pool',
    schema: z.object({ leases: z.array(z.object({ ...leaseRef, startedAt: instant })), at: instant }),
  },
  SlotsEnded: { version: 1, aggregate: 'pool', schema: z.object({ attempts: z.array(attemptEnd), at: instant }) },
  PoolClosed: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
  PoolFailed: { version: 1, aggregate: 'pool', schema: z.object({ error: instanceError, at: instant }) },
  PoolDeleted: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },

  NodeJoined: {
    version: 1,
    aggregate: 'node',
    schema: z.object({
      ...aboutNode,
      epoch: count,
      bootId: z.string(),
      hardware: nodeHardware,
      driver: z.string(),
      warnings: z.array(z.string()),
      leasesAhead: count.exactOptional(),
    }),
  },
  NodeLost: {
    version: 1,
    aggregate: 'node',
    schema: z.object({ ...aboutNode, epoch: count, cause: z.enum(['heartbeat', 'rejoined', 'left', 'revoked']) }),
  },
  NodeDrained: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeResumed: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeDiskFilled: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, epoch: count }) },
  NodeDiskFreed: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, epoch: count }) },
  NodeRetired: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeCredentialIssued: {
    version: 1,
    aggregate: 'node',
    schema: z.object({ ...aboutNode, publicKey: z.string(), tokenId: z.string().nullable() }),
  },
  NodeCredentialRotated: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, publicKey: z.string() }) },
  NodeRotationRequested: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeCredentialsRevoked: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },

  NodeTokenCreated: {
    version: 1,
    aggregate: 'node-token',
    schema: z.object({
      tokenId: z.string(),
      hash: z.string(),
      nodeId: z.string().nullable(),
      reason: z.string(),
      expiresAt: instant,
      at: instant,
    }),
  },
  NodeTokenUsed: {
    version: 1,
    aggregate: 'node-token',
    schema: z.object({ tokenId: z.string(), nodeId: z.string(), publicKey: z.string(), at: instant }),
  },
  NodeTokenRevoked: { version: 1, aggregate: 'node-token', schema: z.object({ tokenId: z.string(), at: instant }) },

  BucketCreated: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), owner: z.string(), projectId: z.string().exactOptional(), at: instant }),
  },
  BucketDeleted: { version: 1, aggregate: 'bucket', schema: z.object({ bucket: z.string(), at: instant }) },
  BucketExpirySet: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), prefix: z.string(), afterSeconds: count, at: instant }),
  },
  BucketExpiryRemoved: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), prefix: z.string(), at: instant }),
  },
  BucketObjectsExpired: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({
      bucket: z.string(),
      prefix: z.string(),
      before: instant,
      after: z.string().nullable(),
      through: z.string(),
      objects: count,
      bytes: z.number(),
      names: z.array(z.string()),
      at: instant,
    }),
  },
  BucketDamageFound: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({
      bucket: z.string(),
      objects: z.array(z.object({ key: z.string(), etag: z.string(), reason: z.string() })),
      at: instant,
    }),
  },
  BucketDamageEnded: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), keys: z.array(z.string()), at: instant }),
  },
  BucketGranted: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), grantee, access: z.enum(['read', 'write']), at: instant }),
  },
  BucketGrantRevoked: {
    version: 1,
    aggregate: 'bucket',
    schema: z.object({ bucket: z.string(), grantee, at: instant }),
  },

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

  AccountCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      ...aboutAccount,
      email: z.string(),
      role,
      quotas,
      organisationId: z.string().exactOptional(),
    }),
  },
  TokenIssued: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      accountId: z.string(),
      email: z.string(),
      role,
      tokenId: z.string(),
      name: z.string(),
      hash: z.string(),
      sealedSecret: z.string(),
      expiresAt: instant.exactOptional(),
      at: instant,
    }),
  },
  TokenRevoked: { version: 1, aggregate: 'account', schema: z.object({ tokenId: z.string(), at: instant }) },
  RoleChanged: { version: 1, aggregate: 'account', schema: z.object({ ...aboutAccount, role }) },
  QuotasChanged: { version: 1, aggregate: 'account', schema: z.object({ ...aboutAccount, quotas }) },
  AccountDisabled: { version: 1, aggregate: 'account', schema: z.object(aboutAccount) },
  AccountEnabled: { version: 1, aggregate: 'account', schema: z.object(aboutAccount) },
  OrganisationChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutAccount, organisationId: z.string().nullable() }),
  },
  OrganisationCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ organisationId: z.string(), name: z.string(), quotas: organisationQuotas, at: instant }),
  },
  OrganisationQuotasChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ organisationId: z.string(), quotas: organisationQuotas, at: instant }),
  },
  ProjectCreated: {
    version: 1,
    aggregate: 'account',
    schema: z.object({
      ...namedProject,
      ownerId: z.string(),
      ownerKind: z.enum(['account', 'organisation']),
      slug: z.string(),
    }),
  },
  ProjectRenamed: { version: 1, aggregate: 'account', schema: z.object(namedProject) },
  ProjectArchived: { version: 1, aggregate: 'account', schema: z.object(aboutProject) },
  ProjectQuotasChanged: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutProject, quotas: storageQuotas }),
  },
  DefaultProjectChosen: {
    version: 1,
    aggregate: 'account',
    schema: z.object({ ...aboutProject, ownerId: z.string() }),
  },

  PriceListPublished: {
    version: 1,
    aggregate: 'pricing',
    schema: z.object({
      priceList: z.object({
        version: count,
        currency: z.string(),
        workMicrosPerGhzCoreHour: perPlan,
        hardware: z.array(z.object({ match: z.string(), microsPerCoreHour: perPlan })),
      }),
      at: instant,
    }),
  },

  WebhookRegistered: {
    version: 1,
    aggregate: 'webhook',
    schema: z.object({
      webhookId: z.string(),
      owner: z.string(),
      name: z.string(),
      host: z.string(),
      sealedUrl: z.string(),
      sealedSecret: z.string(),
      filter: z.object({ tasks: z.array(z.string()).nullable(), types: z.array(z.string()).nullable() }),
      after: count,
      at: instant,
    }),
  },
  WebhookParked: {
    version: 1,
    aggregate: 'webhook',
    schema: z.object({ reason: z.string(), sequence: count, at: instant }),
  },
  WebhookResumed: { version: 1, aggregate: 'webhook', schema: z.object({ at: instant }) },
  WebhookReplayed: { version: 1, aggregate: 'webhook', schema: z.object({ after: count, at: instant }) },
  WebhookDeleted: { version: 1, aggregate: 'webhook', schema: z.object({ at: instant }) },

  LogProbed: { version: 1, aggregate: 'pool', schema: z.object({ at: instant }) },
} as const;

export type EventType = FornaxEvent['type'];

const versions = new Map<string, number>(Object.entries(eventSchemas).map(([type, { version }]) => [type, version]));
/** Names of the events that an aggregate writes. */
export const eventTypesOf = (aggregate: Aggregate): readonly string[] =>
  Object.entries(eventSchemas).flatMap(([type, event]) => (event.aggregate === aggregate ? [type] : []));
/** The version that an event is written in today, to which older ones are upcast when they are read. */
export const eventVersionOf = (type: string): number => versions.get(type) ?? 1;

/** Both sides rewritten to one form (no readonly, intersections merged), so that they can be compared exactly. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Plain<T[K]> }
    : T;
type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type PayloadOf<T extends EventType> = Omit<Extract<FornaxEvent, { type: T }>, 'type'>;
type Schemas = typeof eventSchemas;
/** True for each event type whose schema describes exactly its TypeScript type; a missing or extra schema is not true either. */
type SchemaMatches = {
  [T in EventType | keyof Schemas]: T extends EventType & keyof Schemas
    ? Exactly<Plain<PayloadOf<T>>, Plain<z.output<Schemas[T]['schema']>>>
    : false;
};
type AllTrue<T extends Record<EventType, true>> = T;
/** Does not compile when a schema drifts from its type. @public so that it is never reported as unused. */
export type EventSchemasMatchTheirTypes = AllTrue<SchemaMatches>;
