import { z } from 'zod';
import { elasticPropertySchema, scalingSchema } from './scaling.js';
import {
  advancedBucketSchema,
  askedOfBoth,
  constantsSchema,
  count,
  duration,
  forcedNetworkRuleSchema,
  nameIn,
  retrySettingsSchema,
  shortnameSchema,
  tagsSchema,
} from './task-creation.js';
import { reference, textOf, wireReader, type WireResult } from './wire.js';

/** Instances that one node of a pool may take at once. */
const MAX_SLOTS_PER_NODE = 1_000;

const poolConstantsSchema = constantsSchema.max(50).optional();

/** Body of POST /pools (contract, section 3.4); what does not depend on other fields or on the platform's state is checked here. */
export const poolCreationSchema = z.object({
  name: z.string().min(1).max(2_047),
  shortname: shortnameSchema.optional(),
  profile: z.string().max(255).optional(),
  instanceCount: count.optional(),
  elasticProperty: elasticPropertySchema.optional(),
  /** Kept as it was sent; {@link readScaling} says what it means. */
  scaling: z.unknown().optional(),
  ...askedOfBoth,
  constants: poolConstantsSchema,
  resourceBuckets: z.array(z.string().min(1).max(255)).max(100).optional(),
  advancedResourceBuckets: z.array(advancedBucketSchema).max(100).optional(),
  preparationTask: z.object({ commandLine: textOf(65_536).optional() }).optional(),
  autoDeleteOnCompletion: z.boolean().optional(),
  completionTimeToLive: duration.optional(),
  taskDefaultWaitForPoolResourcesSynchronization: z.boolean().optional(),
  schedulingType: nameIn('flex', 'onDemand', 'reserved').optional(),
  targetedReservedMachineKey: z.string().max(512).optional(),
  targetedReservationName: z.string().max(512).optional(),
  defaultResourcesCacheTTLSec: count.optional(),
  privileges: z.object({ exportApiAndStorageCredentialsInEnvironment: z.boolean().optional() }).optional(),
  defaultRetrySettings: retrySettingsSchema.optional(),
  multiSlotsSettings: z.object({ slotsPerNode: count.pipe(z.number().max(MAX_SLOTS_PER_NODE)).optional() }).optional(),
  maxTimeQueueSeconds: count.optional(),
  forcedNetworkRules: z.array(forcedNetworkRuleSchema).max(100).optional(),
  projectUuid: reference().optional(),
});
export type PoolCreation = z.output<typeof poolCreationSchema>;

/** Body of POST /pools/{id}/clone: what the copy is to have otherwise. */
export const poolCloneSchema = poolCreationSchema.partial();

/** Body of PUT /pools/{id}: of a whole pool only these count (contract, 5.15). */
export const poolUpdateSchema = z.object({
  constants: poolConstantsSchema,
  tags: tagsSchema.optional(),
  elasticProperty: elasticPropertySchema.optional(),
  scaling: z.unknown().optional(),
});
export type PoolUpdate = z.output<typeof poolUpdateSchema>;

/** Body of PUT /pools/{id}/scaling, kept as it was sent. */
export const anyScalingSchema = z.unknown();

/** What a scaling means, or what is wrong with it by field. */
export const readScaling: (scaling: unknown) => WireResult<z.output<typeof scalingSchema>> = wireReader(scalingSchema);
