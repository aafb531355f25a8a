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

/** Names the objects of several lists, each once, by path. An object has the size and mode of the last list that names it. */
export const wantedObjects = (manifests: readonly ResultManifest[]): readonly WantedObject[] => {
  const byPlace = new Map<string, Draft>();
  const hasOwnFolders = new Set(manifests.map(({ folder }) => folder)).size > 1;
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
