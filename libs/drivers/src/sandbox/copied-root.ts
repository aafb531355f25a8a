import { execFile } from 'node:child_process';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

import { namesIn } from '../process/names-in.js';
import { emptyFolder, handOverAll } from './own-folders.js';
import type { Owner } from './user-ids.js';

const run = promisify(execFile);

/** What copies of the folders of a root take. */
export interface CopySize {
  readonly bytes: number;
  readonly files: number;
}

/** Of one instance, at most: what is larger is shown read-only. Names of one file are as many files here: each is made. */
const MOST: CopySize = { bytes: 2_147_483_648, files: 200_000 };

/**
 * What copies of these folders of a root take.
 * @returns undefined: more than one instance is to have of its own
 * @throws what the disk says: nothing is copied that was not measured
 */
export const sizeOfCopies = async (root: string, folders: readonly string[]): Promise<CopySize | undefined> => {
  let [bytes, files, names] = [0, 0, 0];
  for (const path of folders) {
    // Each folder is copied by itself: names that a file has in two of them become two files.
    const seen = new Set<number>();
    for await (const { ino, nlink, blocks } of namesIn(join(root, basename(path)))) {
      if ((names += 1) > MOST.files) return undefined;
      if (nlink > 1 && seen.size === seen.add(ino).size) continue;
      files += 1;
      if ((bytes += blocks * 512) > MOST.bytes) return undefined;
    }
  }
  return { bytes, files };
};

/** Where an instance has its own copy of a folder of its root, in its folder of changes: as those of an overlay lie. */
export const copyOf = (changes: string, at: number): string => join(changes, String(at), 'files');

/**
 * Gives an instance its own copies of the folders of a root, whose blocks are shared where the file system does that (reflink). No hard links to the image: who owns
 * a file may change it by any of its names. Names that a file has in one folder of the image are names of one file in the copy, too.
 * @throws what the disk says
 */
export const copyRoot = async (
  root: string,
  folders: readonly string[],
  changes: string,
  owner: Owner | undefined,
): Promise<void> => {
  const copies = folders.map((_, at) => copyOf(changes, at));
  for (const [at, path] of folders.entries()) {
    await emptyFolder(join(changes, String(at)));
    await run('cp', [
      '-RdxT',
      '--preserve=mode,links',
      '--reflink=auto',
      '--',
      join(root, basename(path)),
      copyOf(changes, at),
    ]);
  }
  await handOverAll(owner, copies);
};
