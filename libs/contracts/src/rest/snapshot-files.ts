import { z } from 'zod';

/** A file, or a symbolic link, that a complete snapshot has of an instance. Of a link, what it leads to is among the files under its name, too. */
export const snapshotFileSchema = z.object({
  instance: z.int().nonnegative(),
  path: z.string(),
  /** Bytes; null of a link, and so are the next two. */
  size: z.int().nonnegative().nullable(),
  /** Rights as of `chmod`, a number: 0o644 is 420. */
  mode: z.int().nonnegative().nullable(),
  sha256: z.string().nullable(),
  /** Where a link leads; null of a file. */
  target: z.string().nullable(),
  /** Where it lies in the area `.snapshots` of the storage, which the task's owner reads; null of a link. */
  key: z.string().nullable(),
});
export type SnapshotFile = Readonly<z.output<typeof snapshotFileSchema>>;

/** How a file, or a link, is in a later snapshot. `mode`: its bytes are the same, its rights are not. Sizes are bytes; null where it is not there. */
export const fileChangeSchema = z.object({
  instance: z.int().nonnegative(),
  path: z.string(),
  change: z.enum(['added', 'changed', 'mode', 'removed']),
  before: z.int().nonnegative().nullable(),
  after: z.int().nonnegative().nullable(),
});
export type FileChange = Readonly<z.output<typeof fileChangeSchema>>;

/** The place behind the last one of a page: `after` of the next; null: there is no more. */
const nextAfter = z.string().nullable();
export const snapshotFilesPageSchema = z.object({ data: z.array(snapshotFileSchema), nextAfter });
export const fileChangesPageSchema = z.object({ data: z.array(fileChangeSchema), nextAfter });
