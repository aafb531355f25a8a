import { z } from 'zod';
import { taskProfile } from './profile.schemas.js';
import { count, instant } from './scalars.js';

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

export const outcome = z.enum(['success', 'failure', 'cancelled']);

/** What tasks and pools have alike. */
export const workSpec = {
  name: z.string(),
  shortname: z.string(),
  profile: z.string(),
  profileVersion: count,
  publishedProfile: taskProfile.exactOptional(),
  constants: z.array(constant),
  wrappedKey: z.string().exactOptional(),
  secretRights: z.object({ keys: z.array(z.string()), prefixes: z.array(z.string()) }).exactOptional(),
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

/** What changes of a task or a pool. */
export const workUpdated = z.object({
  tags: z.array(z.string()).exactOptional(),
  constants: z.array(constant).exactOptional(),
  wrappedKey: z.string().exactOptional(),
  at: instant,
});

export const leaseRef = { instance: count, leaseId: z.string() };
export const dispatchedLease = z.object({
  ...leaseRef,
  attempt: count,
  node: z.string(),
  nodeEpoch: count,
  inSlot: z.string().exactOptional(),
});

export const instanceError = z.object({ code: z.string(), message: z.string(), debug: z.string() });
export const attemptEnd = z.object({
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
  image: z.string().exactOptional(),
  error: instanceError.exactOptional(),
  notes: z.array(z.string()).exactOptional(),
});
