import type { FileChange, SnapshotManifest } from '@fornax/contracts';

/** What one instance had in a snapshot. */
export type FilesOfInstance = Pick<SnapshotManifest, 'instance' | 'files' | 'links'>;

interface Entry {
  readonly size: number;
  readonly mode: number;
  /** What it holds: bytes, or where it leads. */
  readonly content: string;
}

const entriesOf = (part: FilesOfInstance | undefined): ReadonlyMap<string, Entry> =>
  new Map<string, Entry>([
    ...(part?.files ?? []).map(
      ({ path, size, mode, sha256 }) => [path, { size, mode, content: `file ${sha256}` }] as const,
    ),
    ...(part?.links ?? []).map(({ path, target }) => [path, { size: 0, mode: 0, content: `link ${target}` }] as const),
  ]);

const changeOf = (before: Entry | undefined, after: Entry | undefined): FileChange['change'] | undefined => {
  if (!before) return 'added';
  if (!after) return 'removed';
  if (before.content !== after.content) return 'changed';
  return before.mode === after.mode ? undefined : 'mode';
};

/** Tells what is different in a later snapshot, by instance and path. An instance that only one of the two has counts as added, or removed, with all its files. */
export const changesBetween = (
  before: readonly FilesOfInstance[],
  after: readonly FilesOfInstance[],
): readonly FileChange[] => {
  const [earlier, later] = [before, after].map((parts) => new Map(parts.map((part) => [part.instance, part])));
  const instances = [...new Set([...before, ...after].map(({ instance }) => instance))].sort((a, b) => a - b);
  return instances.flatMap((instance) => {
    const [was, is] = [entriesOf(earlier?.get(instance)), entriesOf(later?.get(instance))];
    const paths = [...new Set([...was.keys(), ...is.keys()])].sort();
    return paths.flatMap((path) => {
      const [old, now] = [was.get(path), is.get(path)];
      const change = changeOf(old, now);
      return change === undefined
        ? []
        : [{ instance, path, change, before: old?.size ?? null, after: now?.size ?? null }];
    });
  });
};
