import { z } from 'zod';

/** A snapshot of a running task (contract, section 3.20, and notes). */
export const snapshotSchema = z.object({
  id: z.string(),
  taskUuid: z.string(),
  triggerDate: z.string(),
  lastUpdateDate: z.string(),
  snapshotConfig: z.object({
    whitelist: z.string().nullable(),
    blacklist: z.string().nullable(),
    bucket: z.string(),
    bucketPrefix: z.string().nullable(),
  }),
  status: z.enum(['triggered', 'inProgress', 'success', 'failure']),
  sizeToUpload: z.number().nullable(),
  transferredSize: z.number().nullable(),
  /** Ours: why it failed, and what is not in it and why. */
  notes: z.array(z.string()),
});
export type WireSnapshot = Readonly<z.output<typeof snapshotSchema>>;

/** One of the snapshots of a task, however many instances it is of: ours. */
export const snapshotSummarySchema = snapshotSchema.extend({
  /** When it was due, if it is a periodic one. */
  dueDate: z.string().nullable(),
  /** Why it failed. */
  reason: z.string().nullable(),
  /** Its files are being deleted, or are; null: they are kept. */
  prune: z
    .object({
      /** `asked`: somebody did; `retention`: its task says how many are kept. */
      cause: z.enum(['asked', 'retention']),
      requestedDate: z.string(),
      /** Null while instances begin with it, or while a task that named it in time is not over. */
      prunedDate: z.string().nullable(),
    })
    .nullable(),
  /** How many it is of. */
  instances: z.number(),
  /** Of all of them; null until all are uploaded. */
  files: z.number().nullable(),
});
export type WireSnapshotSummary = Readonly<z.output<typeof snapshotSummarySchema>>;

/** One snapshot, with what it has of each instance. */
export const listedSnapshotSchema = snapshotSummarySchema.extend({
  /** By instance. `manifest`: the digest of what it has of the instance, an object of the area `.manifests`; null: nobody can begin with it. */
  parts: z.array(z.object({ instance: z.number(), files: z.number().nullable(), manifest: z.string().nullable() })),
});
export type ListedSnapshot = Readonly<z.output<typeof listedSnapshotSchema>>;
export const snapshotListSchema = z.object({ snapshots: z.array(snapshotSummarySchema) });
export type WireSnapshotList = Readonly<z.output<typeof snapshotListSchema>>;
