import { z } from 'zod';

/** One secret that was given once, without its value. */
const secretAccessSchema = z.object({
  at: z.string(),
  key: z.string(),
  version: z.int(),
  /** `read`: shown to its account; `start`: given to an instance that began; `request`: to one that asked for it. */
  way: z.enum(['read', 'start', 'request']),
  /** Who asked: `user:<id>`, or the service that gave it to an instance. */
  actor: z.string(),
  /** Of an instance; null where its account read it. The task may be a pool, whose slots are instances too. */
  taskUuid: z.string().nullable(),
  instanceId: z.int().nullable(),
  leaseId: z.string().nullable(),
  node: z.string().nullable(),
});

export const secretAccessesSchema = z.object({
  /** The newest first. */
  accesses: z.array(secretAccessSchema),
  /** `after` of the next page; null: there are no more. */
  next: z.string().nullable(),
});
export type WireSecretAccesses = z.output<typeof secretAccessesSchema>;

export const secretKeysSchema = z.object({ keys: z.array(z.string()) });
export const secretValueSchema = z.object({ key: z.string(), version: z.int(), value: z.string() });
export const secretVersionsSchema = z.object({
  key: z.string(),
  /** Newest first. */
  versions: z.array(z.object({ version: z.int(), createdAt: z.string(), restoredFrom: z.int().nullable() })),
});
export type WireSecretVersions = z.output<typeof secretVersionsSchema>;
