import type { ListedSnapshot, SnapshotFile } from '@fornax/client';
import { SNAPSHOTS_AREA } from '@fornax/client/documents';
import { UsageError } from '../session/connection.js';
import type { WantedObject } from './wanted.js';

/** Refuses before anything is asked for. @throws UsageError it is not complete, or has nothing of the instance */
export const checkHasFiles = ({ id, status, parts }: ListedSnapshot, instance?: number): void => {
  if (status !== 'success') throw new UsageError(`The snapshot ${id} is not complete: it is ${status}.`);
  if (instance !== undefined && !parts.some((part) => part.instance === instance))
    throw new UsageError(`The snapshot ${id} has nothing of instance ${instance}.`);
};

/** Where in a folder a path of an instance comes to lie: below the instance's number in a snapshot of several. */
const pathIn = ({ parts }: Pick<ListedSnapshot, 'parts'>, { instance, path }: SnapshotFile): string =>
  parts.length === 1 ? path : `${instance}/${path}`;

/** Objects that hold the files of a snapshot, and the paths that these have in a folder. What links lead to is among them under their names. */
export const snapshotObjects = (
  snapshot: Pick<ListedSnapshot, 'parts'>,
  files: readonly SnapshotFile[],
): readonly WantedObject[] =>
  files.flatMap((file) => {
    const { size, mode, sha256, key } = file;
    if (size === null || mode === null || sha256 === null || key === null) return [];
    return [{ bucket: SNAPSHOTS_AREA, key, path: pathIn(snapshot, file), size, mode, sums: new Set([sha256]) }];
  });
