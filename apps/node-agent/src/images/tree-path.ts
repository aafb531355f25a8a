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

/** What is at a place; undefined: nothing is. */
export type Found = 'folder' | 'file' | { readonly link: string } | undefined;

export const lookAt = async (path: string): Promise<Found> => {
  const facts = await entryAt(path);
  if (facts?.isSymbolicLink() === true) return { link: await readlink(path) };
  return facts && (facts.isDirectory() ? 'folder' : 'file');
};

/**
 * Finds a folder as a process would that sees what `look` says: links lead back into that, however they are written.
 * @param look is asked for the names that lead to a place, none of which is a link
 * @param make makes a folder that is missing; absent: none is made
 * @returns the names that lead to it; undefined: there is no such folder
 * @throws LayerRefused links lead in circles; something that is no folder is in the way of one that is to be made
 */
export const walkTo = async (
  path: string,
  look: (parts: readonly string[]) => Promise<Found>,
  make?: (parts: readonly string[]) => Promise<void>,
): Promise<readonly string[] | undefined> => {
  const todo = partsOf(path);
  let at: string[] = [];
  let links = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '..') {
      at.pop();
      continue;
    }
    const next = [...at, part];
    const found = await look(next);
    if (typeof found === 'object') {
      if ((links += 1) > MOST_LINKS) throw new LayerRefused(`links lead in circles at ${path}`);
      if (found.link.startsWith('/')) at = [];
      todo.unshift(...partsOf(found.link));
      continue;
    }
    if (found !== 'folder' && !make) return undefined;
    if (found === 'file') throw new LayerRefused(`a file is in the way of the folder ${path}`);
    if (found === undefined) await make?.(next);
    at = next;
  }
  return at;
};

/**
 * Finds a folder as a process would whose root is `root`.
 * @param onMake is asked before each that is missing is made; absent: none is
 * @returns undefined: there is no such folder
 * @throws LayerRefused as `walkTo`; it lies too deep
 */
export const folderIn = async (
  root: string,
  path: string,
  onMake?: () => Promise<void>,
): Promise<string | undefined> => {
  const make = async (parts: readonly string[]): Promise<void> => {
    assertReachable(parts.join('/'));
    await onMake?.();
    await mkdir(join(root, ...parts), { mode: 0o755 });
  };
  const parts = await walkTo(path, (names) => lookAt(join(root, ...names)), onMake && make);
  return parts && join(root, ...parts);
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
