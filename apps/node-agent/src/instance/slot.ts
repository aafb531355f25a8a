import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { eachLimited } from '@fornax/base';
import { codeOf } from '../files/job-files.js';
import { placeFile } from '../input-cache/place-file.js';

const PARALLEL = 12;

/** A slot of a pool that is ready on this node: its files, and the instances that run in its room now. */
export class Slot {
  #inside = 0;
  #emptied: (() => void) | undefined;

  /** @param isEmpty whether nothing lies there nor ever will, so that no instance has to look */
  constructor(
    readonly jobDir: string,
    readonly isEmpty: boolean,
  ) {}

  /** An instance takes room. @returns lets go of it */
  enter(): () => void {
    this.#inside += 1;
    return () => {
      this.#inside -= 1;
      if (this.#inside === 0) this.#emptied?.();
    };
  }

  /** Resolves when nobody is inside. */
  async empty(): Promise<void> {
    if (this.#inside === 0) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#emptied = () => resolve(undefined);
    await promise;
  }
}

const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT';

/** What the instance has at the path already comes from its own inputs, which come first. */
const unlessThere = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
};

/**
 * Puts the files of a slot where an instance in it finds them. Nothing of the slot runs, so nobody moves them meanwhile but the agent, which replaces
 * whole files. What lies there already stays. @returns whether there was anything
 */
export const placeSlotFiles = async (
  from: string,
  to: string,
  { mayLink, signal }: { readonly mayLink: boolean; readonly signal: AbortSignal },
): Promise<boolean> => {
  const entries = await readdir(from, { withFileTypes: true });
  if (entries.length === 0) return false;
  await eachLimited(entries, PARALLEL, async (entry) => {
    signal.throwIfAborted();
    await placeEntry(entry, join(from, entry.name), join(to, entry.name), { mayLink, signal });
  });
  return true;
};

const placeEntry = async (
  entry: Dirent,
  source: string,
  target: string,
  options: { readonly mayLink: boolean; readonly signal: AbortSignal },
): Promise<void> => {
  if (entry.isDirectory()) {
    await unlessThere(mkdir(target));
    if ((await lstat(target)).isDirectory()) await placeSlotFiles(source, target, options);
  } else if (entry.isSymbolicLink()) await unlessThere(readlink(source).then((link) => symlink(link, target)));
  else if (entry.isFile()) {
    const there = await lstat(target).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return undefined;
    });
    if (there) return;
    const { size: sizeBytes, mode } = await lstat(source);
    // The very file only where another user may read it, and nobody but its owner may write it.
    const mayLink = options.mayLink && (mode & 0o004) !== 0 && (mode & 0o022) === 0;
    await placeFile({ file: source, sizeBytes, isExecutable: (mode & 0o100) !== 0 }, target, { mayLink });
  }
};
