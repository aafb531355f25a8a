import type { Dirent } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

import { entriesOf } from './entries-of.js';
import { joined } from './file-names.js';
import { openBelow } from './job-files.js';

/** A symbolic link in a folder of a job. */
export interface FolderLink {
  readonly folder: readonly Buffer[];
  readonly name: Buffer;
  /** Where it led when its tree was listed. */
  readonly target?: string;
}

/** A tree that jobs lie over, and that does not change while they do. */
export interface LowerTree {
  /** Versions of its files and empty folders, by their paths. */
  readonly manifest: ReadonlyMap<string, string>;
  /** Inode numbers of its folders, by their paths (bytes as Latin-1). */
  readonly folders: ReadonlyMap<string, number>;
  /** By their paths (bytes as Latin-1). */
  readonly links: ReadonlyMap<string, FolderLink>;
}

/** What a job lies over, and the folder that holds all that differs from it. */
export interface Over {
  readonly lower: LowerTree;
  readonly ownDir: string;
}

/** What a job has of its own in one folder. */
export interface OwnEntries {
  entries(): AsyncIterable<Dirent<Buffer>>;
  close(): Promise<void>;
}

const NONE: OwnEntries = {
  entries: async function* () {
    yield* [];
  },
  close: () => Promise.resolve(),
};

/**
 * Tells what differs in a folder from that of the tree below it. Undefined when it is not that one, but was moved there or made anew: then all of it differs. The job's own
 * folder is always that of the tree.
 */
export const whatOwns = async (
  { lower, ownDir }: Over,
  folder: FileHandle,
  names: readonly Buffer[],
): Promise<OwnEntries | undefined> => {
  const inode = lower.folders.get(joined(names).toString('latin1'));
  if (inode === undefined || (names.length > 0 && (await folder.stat()).ino !== inode)) return undefined;
  const own = await openBelow(ownDir, names);
  if (!own) return NONE;
  return { entries: () => entriesOf(own), close: () => own.close() };
};
