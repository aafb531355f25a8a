import {
  parseSnapshotManifest,
  snapshotFileKey,
  SNAPSHOTS_AREA,
  type ListedSnapshot,
  type SnapshotManifest,
} from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import { UsageError } from '../session/connection.js';
import { listBytes } from './listed-files.js';
import type { WantedObject } from './wanted.js';

const AT_ONCE = 8;

interface OfParts {
  /** One instance's part alone; absent: all. */
  readonly instance?: number;
  readonly signal: AbortSignal;
}

/** What a snapshot has of its instances, by number, also once it is pruned. @throws UsageError it is not complete, or has nothing of the instance @throws Error */
export const snapshotManifests = async (
  s3: S3Client,
  { id, taskUuid, status, parts }: ListedSnapshot,
  { instance, signal }: OfParts,
): Promise<readonly SnapshotManifest[]> => {
  if (status !== 'success') throw new UsageError(`The snapshot ${id} is not complete: it is ${status}.`);
  const wanted = parts.filter((part) => instance === undefined || part.instance === instance);
  if (wanted.length === 0) throw new UsageError(`The snapshot ${id} has nothing of instance ${instance ?? 0}.`);
  const digests = wanted.flatMap(({ manifest }) => manifest ?? []);
  if (digests.length < wanted.length)
    throw new UsageError(
      `The snapshot ${id} was taken by a node of an earlier version: its files are in its bucket alone.`,
    );
  const manifests: SnapshotManifest[] = [];
  for (let from = 0; from < digests.length; from += AT_ONCE) {
    const some = digests.slice(from, from + AT_ONCE);
    const lists = await Promise.all(some.map((digest) => listBytes(s3, taskUuid, digest, signal)));
    manifests.push(...lists.map(parseSnapshotManifest));
  }
  return manifests;
};

/** Where in a folder a path of an instance comes to lie: below the instance's number in a snapshot of several. */
const pathIn = ({ parts }: Pick<ListedSnapshot, 'parts'>, instance: number, path: string): string =>
  parts.length === 1 ? path : `${instance}/${path}`;

/** Objects that hold the files of a snapshot, and the paths that these have in a folder. What links lead to is among them under their names. */
export const snapshotObjects = (
  snapshot: Pick<ListedSnapshot, 'parts'>,
  manifests: readonly SnapshotManifest[],
): readonly WantedObject[] =>
  manifests.flatMap(({ taskId, snapshotId, instance, bucket, folder, files }) =>
    files.map(({ path, size, mode, sha256 }) => ({
      bucket: SNAPSHOTS_AREA,
      key: snapshotFileKey({ taskId, snapshotId, instance }, bucket, folder + path),
      path: pathIn(snapshot, instance, path),
      size,
      mode,
      sums: new Set([sha256]),
    })),
  );
