import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, opendirSync } from 'node:fs';
import { lstat, mkdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { removeTree } from '../process/remove-tree.js';
import type { Owner } from './user-ids.js';

const run = promisify(execFile);

/**
 * Level `process` keeps its instances where everybody may make a folder first, and whoever owns that could put links in the place of what is handed over.
 * @throws Error it is somebody else's, or others may write there
 */
export const assertOwn = async (folder: string): Promise<void> => {
  const facts = await lstat(folder);
  if (!facts.isDirectory() || facts.uid !== process.getuid?.() || (facts.mode & 0o022) !== 0)
    throw new Error(`${folder} is not a folder of this agent alone: remove it`);
};

/** Makes the folders of an instance, its own from the beginning. @throws Error there is no room on the disk, say */
export const makeOwnFolders = async (folder: string, owner: Owner | undefined): Promise<void> => {
  const make = async (name: string, mode: number): Promise<void> => {
    await mkdir(join(folder, name), { mode });
    // What was made right now is in memory: not worth a turn through the thread pool.
    if (owner) chownSync(join(folder, name), owner.uid, owner.gid);
  };
  await Promise.all([make('job', 0o755), make('tmp', 0o700)]);
};

/** Makes a folder of the agent's in that of an instance, or makes it anew. */
export const emptyFolder = async (folder: string): Promise<void> => {
  const make = (): void => mkdirSync(folder, { mode: 0o711 });
  try {
    make();
  } catch {
    await removeTree(folder);
    make();
  }
};

/** Synchronous, and bounded however much lies there: not worth a turn through the thread pool on the path of every start. */
const isEmpty = (folder: string): boolean => {
  const entries = opendirSync(folder, { bufferSize: 1 });
  try {
    return entries.readSync() === null;
  } finally {
    entries.closeSync();
  }
};

/**
 * What the agent wrote as root becomes the instance's own, but for files with another name elsewhere: those are links to what the agent keeps, and
 * others read them, too.
 */
export const handOver = async (owner: Owner | undefined, jobDir: string): Promise<void> => {
  if (!owner) return;
  const { uid, gid } = owner;
  if (!isEmpty(jobDir))
    await run('find', [
      jobDir,
      '(',
      '-type',
      'd',
      '-o',
      '-links',
      '1',
      ')',
      '-exec',
      'chown',
      '-h',
      '--',
      `${uid}:${gid}`,
      '{}',
      '+',
    ]);
};

/** Folders that the agent made for the instance alone become its own, with all that is in them, whatever other names that has in them. */
export const handOverAll = async (owner: Owner | undefined, folders: readonly string[]): Promise<void> => {
  if (owner && folders.length > 0)
    await run('chown', ['-R', '-P', '-h', '--', `${owner.uid}:${owner.gid}`, ...folders]);
};

/**
 * Removes the folder of an instance. One that wrote nothing has two empty folders and the file that says which process it was: four calls, where a walk takes
 * twenty. Nobody but the agent names anything in the folder itself, and neither call follows a link.
 */
export const removeFolder = async (folder: string): Promise<void> => {
  try {
    await Promise.all([rmdir(join(folder, 'job')), rmdir(join(folder, 'tmp')), unlink(join(folder, 'pid'))]);
    await rmdir(folder);
  } catch {
    await removeTree(folder);
  }
};
