import { POOL_STATES } from '@fornax/domain';
import { z } from 'zod';
import { advancedBucketSchema } from './task-creation.js';
import { amount, askedShown, date, errorSchema, statusSchema, uint, wireDurationSchema } from './task-output.js';

/** What a pool looks like to clients (contract, section 3.5), as strict about null and about missing keys as they are (section 3.0). */
const summary = {
  uuid: z.string(),
  name: z.string(),
  shortname: z.string(),
  profile: z.string(),
  state: z.enum(POOL_STATES),
  previousState: z.enum(POOL_STATES).nullable(),
  instanceCount: uint,
  targetRunningInstanceCount: uint,
  stateTransitionTime: date,
  previousStateTransitionTime: date,
  creationDate: date,
  lastModified: date,
  endDate: date,
  runningInstanceCount: uint,
  runningCoreCount: uint,
  queuedOrRunningTaskInstancesCount: uint,
  executionTime: wireDurationSchema,
  wallTime: wireDurationSchema,
  taskDefaultWaitForPoolResourcesSynchronization: z.boolean(),
} as const;

export const poolSummarySchema = z.object(summary);
export type WirePoolSummary = z.output<typeof poolSummarySchema>;

const elasticPropertyOutput = z.object({
  isElastic: z.boolean(),
  minTotalSlots: uint,
  maxTotalSlots: uint,
  minIdleSlots: uint,
  resizePeriod: amount,
  rampResizeFactor: amount,
  minIdleTimeSeconds: amount,
});

export const poolSchema = z.object({
  ...summary,
  errors: z.array(errorSchema),
  elasticProperty: elasticPropertyOutput,
  scaling: z.looseObject({ policies: z.array(z.unknown()), activePolicyName: z.string().nullable() }).nullable(),
  preparationTask: z.object({ commandLine: z.string() }).nullable(),
  ...askedShown,
  resourceBuckets: z.array(z.string()),
  advancedResourceBuckets: z.array(advancedBucketSchema),
  status: statusSchema.nullable(),
  totalSlotCapacity: uint,
  poolUsage: amount,
  hardwareConstraints: z.array(z.looseObject({ discriminator: z.string() })),
  schedulingType: z.enum(['flex', 'onDemand', 'reserved']),
  targetedReservedMachineKey: z.string().nullable(),
  targetedReservationName: z.string().nullable(),
  autoDeleteOnCompletion: z.boolean(),
  completionTimeToLive: wireDurationSchema,
  privileges: z.object({ exportApiAndStorageCredentialsInEnvironment: z.boolean() }),
  defaultRetrySettings: z.object({ maxTotalRetries: uint.nullable(), maxPerInstanceRetries: uint.nullable() }),
  multiSlotsSettings: z.object({ slotsPerNode: uint }).exactOptional(),
  forcedNetworkRules: z.array(z.unknown()),
  maxTimeQueueSeconds: uint.nullable(),
  projectUuid: z.string().nullable(),
  defaultResourcesCacheTTLSec: uint,
});
export type WirePool = z.output<typeof poolSchema>;
