import { constants } from 'node:fs';
import { chmod, copyFile, link, rm } from 'node:fs/promises';

import { codeOf } from '../files/job-files.js';
import type { CachedFile } from './input-cache.js';

/** From here on a copy takes longer than anybody wants to wait for the first instruction. */
export const LINK_ABOVE_BYTES = 16 * 1_048_576;

const NO_CLONE: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ENOTTY']);
const NO_LINK: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'EMLINK']);

const clone = async (file: string, target: string): Promise<boolean> => {
  try {
    await copyFile(file, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (!NO_CLONE.has(codeOf(error))) throw error;
    await rm(target, { force: true });
    return false;
  }
};

/**
 * Puts a file of the cache where an instance reads it; nothing is there yet. A small one is copied. A large one shares its blocks with the cache until
 * somebody writes, where the file system can do that; else it is the very file of the cache, read-only, for an instance that may not write it, and a
 * copy for any other.
 * @throws Error ENOENT: the cache has let go of it; EEXIST: something is there
 */
export const placeFile = async (
  { file, sizeBytes, isExecutable }: Omit<CachedFile, 'sha256'>,
  target: string,
  { mayLink }: { readonly mayLink: boolean },
): Promise<void> => {
  const isLarge = sizeBytes >= LINK_ABOVE_BYTES;
  const isCloned = isLarge && (await clone(file, target));
  if (isLarge && !isCloned && mayLink) {
    try {
      await link(file, target);
      return;
    } catch (error) {
      if (!NO_LINK.has(codeOf(error))) throw error;
    }
  }
  if (!isCloned) await copyFile(file, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await chmod(target, isExecutable ? 0o755 : 0o644);
};
