import { lstat, mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf } from '../files/job-files.js';

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** A layer that is not put into a tree, and why: the fault of who made the image. */
export class LayerRefused extends Error {
  override readonly name = 'LayerRefused';
}

/** Names of a path, one after the other. */
export const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/**
 * Finds a folder as a process would whose root is `root`: links lead back into it, however they are written.
 * @param make makes what is missing
 * @returns undefined: there is no such folder
 * @throws LayerRefused links lead in circles; something that is no folder is in the way of one that is to be made
 */
export const folderIn = async (root: string, path: string, make: boolean): Promise<string | undefined> => {
  const todo = partsOf(path);
  let at: string[] = [];
  let links = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '..') {
      at.pop();
      continue;
    }
    const full = join(root, ...at, part);
    const facts = await entryAt(full);
    if (facts?.isSymbolicLink() === true) {
      if ((links += 1) > MOST_LINKS) throw new LayerRefused(`links lead in circles at ${path}`);
      const target = await readlink(full);
      if (target.startsWith('/')) at = [];
      todo.unshift(...partsOf(target));
      continue;
    }
    if (facts === undefined) {
      if (!make) return undefined;
      await mkdir(full, { mode: 0o755 });
    } else if (!facts.isDirectory()) {
      if (!make) return undefined;
      throw new LayerRefused(`a file is in the way of the folder ${path}`);
    }
    at.push(part);
  }
  return join(root, ...at);
};

/** What is there, links not followed; undefined: nothing is. */
export const entryAt = async (path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> => {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
};
