import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { namesOf } from './file-names.js';

/** A regular file below a job's folder, or a folder with nothing in it (`isFolder`). */
export interface JobFile {
  /** Relative, with slashes, that of a folder with one at its end: its key in storage. Names that are not UTF-8 are written as `keyOfPath` does. */
  readonly path: string;
  /** Where its bytes are, relative to the job, when that is not `path`: a name that is not UTF-8, or what a link leads to. */
  readonly place?: Buffer;
  readonly sizeBytes: number;
  /** Rights, as `stat` tells them. */
  readonly mode: number;
  /** When its bytes, rights or names changed last, milliseconds. */
  readonly changedAt: number;
  /** Tells a changed file from an unchanged one. */
  readonly version: string;
}

/** Whether it is a folder with nothing in it, which storage keeps as an object without bytes. */
export const isFolder = ({ path }: Pick<JobFile, 'path'>): boolean => path.endsWith('/');

/** Folders below each other in a job, as far as they are looked into: each is held open meanwhile. */
export const MOST_DEPTH = 256;

/** Tells a changed file from an unchanged one; moving it changes nothing. */
export const versionOf = (stat: { ino: number; size: number; mtimeMs: number }): string =>
  `${stat.ino}/${stat.size}/${stat.mtimeMs}`;
/** What a listing says of a file. */
export const factsOf = (stat: {
  ino: number;
  size: number;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
}): Pick<JobFile, 'sizeBytes' | 'mode' | 'changedAt' | 'version'> => ({
  sizeBytes: stat.size,
  mode: stat.mode,
  changedAt: Math.max(stat.mtimeMs, stat.ctimeMs),
  version: versionOf(stat),
});
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/**
 * Names below a folder that an instance may rearrange meanwhile: each folder is opened without following a link, and what is in it
 * is reached through that descriptor (the kernel's openat, by way of /proc). So no symlink ever leads out of the job.
 */
export const below = (folder: FileHandle, name: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`/proc/self/fd/${folder.fd}/`), Buffer.from(name)]);

/** What the file system says of a name that is not there any more, or is something else by now. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENODEV']);

export const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Opens what may have gone meanwhile, or have become something else: undefined then. @throws Error any other reason */
const opened = (path: Buffer | string, flags: number): Promise<FileHandle | undefined> =>
  open(path, flags).catch((error: unknown) => {
    if (GONE.has(codeOf(error))) return undefined;
    throw error;
  });

/** A folder, not a link to one. @throws Error e.g. EACCES */
export const openFolder = (path: Buffer | string): Promise<FileHandle | undefined> => opened(path, FOLDER);

/** A regular file, not a link to one. O_NONBLOCK: a pipe that took the file's place must not hold us. @throws Error e.g. EACCES */
export const openRegular = async (path: Buffer): Promise<FileHandle | undefined> => {
  const file = await opened(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return undefined;
  const isFile = await file.stat().then(
    (stat) => stat.isFile(),
    () => false,
  );
  if (isFile) return file;
  await file.close();
  return undefined;
};

/** Opens a folder below `root`, by names none of which may be a link. Undefined when it is gone. @throws Error e.g. EACCES */
export const openBelow = async (root: string, names: readonly Uint8Array[]): Promise<FileHandle | undefined> => {
  let folder = await openFolder(root);
  for (const name of names) {
    if (!folder) return undefined;
    const parent: FileHandle = folder;
    folder = await openFolder(below(parent, name)).finally(() => parent.close());
  }
  return folder;
};

/** Opens one file of a listing again, as safely; undefined if it is gone or is no regular file any more. @throws Error e.g. EACCES, EMFILE */
export const openFile = async (
  root: string,
  { path, place }: Pick<JobFile, 'path' | 'place'>,
): Promise<FileHandle | undefined> => {
  const names = namesOf(place ?? Buffer.from(path));
  const name = names.at(-1);
  if (!name) return undefined;
  const folder = await openBelow(root, names.slice(0, -1));
  if (!folder) return undefined;
  return openRegular(below(folder, name)).finally(() => folder.close());
};
