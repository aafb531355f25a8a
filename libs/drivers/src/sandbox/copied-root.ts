import { constants } from 'node:fs';
import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { filesUse } from '../process/disk-use.js';
import { emptyFolder, handOver } from './own-folders.js';
import type { Owner } from './user-ids.js';

/** What copies of the folders of a root take. */
export interface CopySize {
  readonly bytes: number;
  readonly files: number;
}

/** Of one instance, at most: what is larger is shown read-only. */
const MOST: CopySize = { bytes: 2_147_483_648, files: 200_000 };

/** What copies of these folders of a root take. @returns undefined: more than one instance is to have of its own */
export const sizeOfCopies = async (root: string, folders: readonly string[]): Promise<CopySize | undefined> => {
  const size = await filesUse(folders.map((path) => join(root, basename(path))));
  return size.bytes <= MOST.bytes && size.files <= MOST.files ? size : undefined;
};

/** Where an instance has its own copy of a folder of its root, in its folder of changes: as those of an overlay lie. */
export const copyOf = (changes: string, at: number): string => join(changes, String(at), 'files');

/**
 * Gives an instance its own copies of the folders of a root, whose blocks are shared where the file system does that (reflink). No hard links: who owns a file may
 * change it by any of its names.
 */
export const copyRoot = async (
  root: string,
  folders: readonly string[],
  changes: string,
  owner: Owner | undefined,
): Promise<void> => {
  for (const [at, path] of folders.entries()) {
    await emptyFolder(join(changes, String(at)));
    const copy = copyOf(changes, at);
    await cp(join(root, basename(path)), copy, {
      recursive: true,
      mode: constants.COPYFILE_FICLONE,
      verbatimSymlinks: true,
      errorOnExist: true,
      force: false,
    });
    await handOver(owner, copy);
  }
};
