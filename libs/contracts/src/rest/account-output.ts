import { z } from 'zod';

const count = z.int().nonnegative().max(2_147_483_647);
const bytes = z.int().nonnegative();

const runningCounts = z.object({
  runningInstancesCount: count,
  runningCoresCount: count,
  /** The same under the name that the published document gives it (contract, 5.25). */
  runningCoreCount: count,
});
const quota = runningCounts.extend({ maxInstances: count, maxCores: count });
const reservation = { reservationName: z.string(), machineKey: z.string() };
const userQuotas = z.object({ flex: quota, onDemand: quota, reserved: z.array(quota.extend(reservation)) });
const organizationQuotas = userQuotas.extend({ name: z.string() });

/** By e-mail; those who run nothing are not in it. Null for a plain member: colleagues are none of its business (contract, section 7). */
const runningCountsPerUser = z.record(z.string(), runningCounts).nullable();
const sharedQuota = quota.extend({ runningCountsPerUser });

/** Answer of GET /quotas/computing-quotas/user (contract, section 3.23). */
export const userQuotasSchema = userQuotas;
export type WireUserQuotas = z.output<typeof userQuotasSchema>;
/** Answer of GET /quotas/computing-quotas/organization (contract, section 3.23). */
export const organizationQuotasSchema = z.object({
  name: z.string(),
  flex: sharedQuota,
  onDemand: sharedQuota,
  reserved: z.array(sharedQuota.extend(reservation)),
});
export type WireOrganizationQuotas = z.output<typeof organizationQuotasSchema>;
export type WireQuota = z.output<typeof quota>;
export type WireRunningCounts = z.output<typeof runningCounts>;

/** A project that tasks may be put into (contract, section 3.22). */
export const projectSchema = z.object({
  uuid: z.string(),
  name: z.string(),
  slug: z.string(),
  description: z.string(),
  /** The zero Guid when it is shared with nobody: one client has no null here. */
  organizationUuid: z.string(),
  isDefault: z.boolean(),
});
export type WireProject = z.output<typeof projectSchema>;

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
  computingQuotas: z.object({ user: userQuotas, organization: organizationQuotas.nullable() }),
  projects: z.array(projectSchema),
  defaultScheduling: z.string(),
  defaultReservedSpecificationKey: z.string().nullable(),
  /** Ours, unknown to the clients: objects in all buckets, and how many there may be; null is any number. */
  fornax: z.object({ objectCount: z.int().min(0), maxObjects: z.int().min(0).nullable() }).exactOptional(),
});
export type WireUserInfo = z.output<typeof userInfoSchema>;

export const settingsSchema = z.object({ storage: z.string().nullable() });
export const versionsSchema = z.array(z.object({ version: z.string(), endOfLife: z.string().nullable() }));
export const profileSchema = z.object({
  name: z.string(),
  constants: z.array(z.object({ name: z.string(), value: z.string(), description: z.string() })),
  licenses: z.array(z.object({ name: z.string(), maxInstances: count, maxCores: count })),
  /** What forms ask for. */
  fornax: z.object({
    profileVersion: count,
    isPublished: z.boolean().meta({ description: 'Whether somebody published it; false: it is one of the platform' }),
    constants: z.array(
      z.object({
        name: z.string(),
        type: z.enum(['string', 'integer', 'boolean', 'pattern']),
        isReadOnly: z.boolean(),
        isOwn: z.boolean().meta({ description: 'Whether the document of a published profile names it' }),
        allowed: z.array(z.string()).nullable(),
        smallest: z.int().nullable(),
        largest: z.int().nullable(),
      }),
    ),
  }),
});
export type WireProfile = z.output<typeof profileSchema>;
