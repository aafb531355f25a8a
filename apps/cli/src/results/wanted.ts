import type { ResultManifest } from '@fornax/client';

/** One object that holds a result. */
export interface WantedObject {
  readonly bucket: string;
  readonly key: string;
  /** Relative to the folder of results; to the bucket where instances have folders of their own. */
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  /** SHA-256 of what it may hold, in hex: the last instance to end decides when several wrote to one key. */
  readonly sums: ReadonlySet<string>;
}

interface Draft extends WantedObject {
  readonly sums: Set<string>;
}

/** Tells whether instances of one task have folders of their own. */
export const haveOwnFolders = (manifests: readonly ResultManifest[]): boolean =>
  new Set(manifests.map(({ folder }) => folder)).size > 1;

/**
 * Names the objects of several lists, each once, by path. An object has the size and mode of the last list that names it.
 * @param hasOwnFolders of all instances of the task, so that one that comes alone lies where it lies beside the others
 */
export const wantedObjects = (
  manifests: readonly ResultManifest[],
  hasOwnFolders: boolean = haveOwnFolders(manifests),
): readonly WantedObject[] => {
  const byPlace = new Map<string, Draft>();
  for (const { bucket, folder, files } of manifests)
    for (const { path, size, mode, sha256 } of files) {
      const key = folder + path;
      const place = `${bucket}/${key}`;
      const sums = byPlace.get(place)?.sums ?? new Set();
      sums.add(sha256);
      byPlace.set(place, { bucket, key, path: hasOwnFolders ? key : path, size, mode, sums });
    }
  return [...byPlace.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
};
