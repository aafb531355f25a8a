import { z } from 'zod';

const count = z.int().nonnegative().max(2_147_483_647);
const bytes = z.number().nonnegative();

const quota = z.object({
  maxInstances: count,
  maxCores: count,
  runningInstancesCount: count,
  runningCoresCount: count,
  /** The same under the name that the published document gives it (contract, 5.25). */
  runningCoreCount: count,
});
const userQuotas = z.object({ flex: quota, onDemand: quota, reserved: z.array(quota) });

/** Answer of GET /info (contract, section 3.24): clients take no null here. */
export const userInfoSchema = z.object({
  email: z.string(),
  maxBucket: count,
  bucketCount: count,
  quotaBytesBucket: bytes,
  usedQuotaBytesBucket: bytes,
  quotaBytes: bytes,
  usedQuotaBytes: bytes,
  maxTask: count,
  taskCount: count,
  maxJob: count,
  jobCount: count,
  maxPool: count,
  poolCount: count,
  maxRunningTask: count,
  runningTaskCount: count,
  maxRunningPool: count,
  runningPoolCount: count,
  runningInstanceCount: count,
  runningCoreCount: count,
  maxInstances: count,
  maxCores: count,
  maxFlexInstances: count,
  maxFlexCores: count,
  maxOnDemandInstances: count,
  maxOnDemandCores: count,
  runningFlexInstanceCount: count,
  runningFlexCoreCount: count,
  runningOnDemandInstanceCount: count,
  runningOnDemandCoreCount: count,
  reservedQuotas: z.array(quota),
  computingQuotas: z.object({ user: userQuotas, organization: z.null() }),
  projects: z.array(z.unknown()),
  defaultScheduling: z.string(),
  defaultReservedSpecificationKey: z.string().nullable(),
});
export type WireUserInfo = z.output<typeof userInfoSchema>;

export const settingsSchema = z.object({ storage: z.string().nullable() });
export const versionsSchema = z.array(z.object({ version: z.string(), endOfLife: z.string().nullable() }));
export const profileSchema = z.object({
  name: z.string(),
  constants: z.array(z.object({ name: z.string(), value: z.string(), description: z.string() })),
  licenses: z.array(z.object({ name: z.string(), maxInstances: count, maxCores: count })),
});
export type WireProfile = z.output<typeof profileSchema>;
