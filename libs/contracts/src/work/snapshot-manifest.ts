import { z } from 'zod';

/**
 * What one instance had when a snapshot was taken: an object of the storage's area `.manifests`, `<task>/<SHA-256 of it>.json`, which its owner
 * reads. The event of the part names its digest. The files lie in the area `.snapshots`, as `<task>/<snapshot>/<instance>/<bucket>/<folder><path>`.
 */
export const snapshotManifestSchema = z.object({
  format: z.literal(1),
  snapshotId: z.string(),
  taskId: z.string(),
  instance: z.number().int().min(0),
  attempt: z.number().int().min(0),
  bucket: z.string(),
  /** The folder of the bucket that the paths are relative to: empty, or with a slash at its end. */
  folder: z.string(),
  /** Sequence of the event in the log that triggered it; absent: an earlier service did not say. */
  sequence: z.number().int().min(0).exactOptional(),
  /** Bytes of output that the instance had printed when its files were listed. */
  outputBytes: z.object({ stdout: z.number().int().min(0), stderr: z.number().int().min(0) }).exactOptional(),
  /** By path, as in the manifest of results. */
  files: z.array(
    z.object({
      path: z.string(),
      /** Bytes. */
      size: z.number().int().min(0),
      /** Rights as of `chmod`, a number: 0o644 is 420. */
      mode: z.number().int().min(0).max(0o7777),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  /** Symbolic links that lead to something in the job: what they lead to is among the files under their names, too. */
  links: z.array(z.object({ path: z.string(), target: z.string() })),
  /** What is not in it, and why. */
  leftOut: z.array(z.object({ path: z.string(), why: z.string() })),
  leftOutUnnamed: z.number().int().min(1).exactOptional(),
});
export type SnapshotManifest = z.output<typeof snapshotManifestSchema>;

/** Name of the area on the wire. */
export const SNAPSHOTS_AREA = '.snapshots';
export const MOST_SNAPSHOT_MANIFEST_BYTES = 256 * 1024 * 1024;

/** Where a file of a snapshot lies in that area. */
export const snapshotFileKey = (
  { taskId, snapshotId, instance }: Pick<SnapshotManifest, 'taskId' | 'snapshotId' | 'instance'>,
  bucket: string,
  key: string,
): string => `${taskId}/${snapshotId}/${instance}/${bucket}/${key}`;
