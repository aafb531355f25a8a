import { lstat, mkdir, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { codeOf } from '../files/job-files.js';

/** As many as Linux follows. */
const MOST_LINKS = 40;
/** Of names below the root of a tree, which comes to lie in folders with names of different lengths: the system takes 4,095 for the whole. */
const MOST_PATH_BYTES = 2_048;
const MOST_DEPTH = 256;

/** A layer that is not put into a tree, and why: the fault of who made the image. */
export class LayerRefused extends Error {
  override readonly name = 'LayerRefused';
}

/** Names of a path, one after the other. */
export const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** @throws LayerRefused there would be no way to it from where the tree comes to lie */
const assertReachable = (path: string): void => {
  if (Buffer.byteLength(path) > MOST_PATH_BYTES) throw new LayerRefused('it has a path that is too long');
  if (partsOf(path).length > MOST_DEPTH) throw new LayerRefused('it has folders that lie too deep');
};

/** A name in a folder of a tree. @throws LayerRefused it is too long, or lies too deep */
export const nameIn = (root: string, folder: string, name: string): string => {
  const path = join(folder, name);
  assertReachable(relative(root, path));
  return path;
};

/**
 * Finds a folder as a process would whose root is `root`: links lead back into it, however they are written.
 * @param onMake is asked before each that is missing is made; absent: none is
 * @returns undefined: there is no such folder
 * @throws LayerRefused links lead in circles; it lies too deep; something that is no folder is in the way of one that is to be made
 */
export const folderIn = async (
  root: string,
  path: string,
  onMake?: () => Promise<void>,
): Promise<string | undefined> => {
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
      if (!onMake) return undefined;
      assertReachable([...at, part].join('/'));
      await onMake();
      await mkdir(full, { mode: 0o755 });
    } else if (!facts.isDirectory()) {
      if (!onMake) return undefined;
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
