import { constants, type Dirent } from 'node:fs';
import { chmod, type FileHandle, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';

import { errorCode } from './error-code.js';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** O_PATH, which Node has no name for: a descriptor of what may not even be read. */
const PLACE = 0o10000000 | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Descriptors held at once; what lies deeper is moved up first. */
const MAX_DEPTH = 64;
/** Files that are removed at once. */
const BATCH = 64;
/** While somebody still adds to the tree. */
const ATTEMPTS = 5;
const PAUSE_MS = 100;

const ignoring = async (codes: readonly string[], work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!codes.includes(errorCode(error) ?? '')) throw error;
  }
};
const within = ({ fd }: FileHandle, name: Buffer): Buffer => Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);

/** A folder itself, never what a link of this name points to, even if its owner left itself no right to it. */
const openFolder = async (path: string | Buffer): Promise<FileHandle> => {
  try {
    return await open(path, FOLDER);
  } catch (error) {
    if (errorCode(error) !== 'EACCES') throw error;
  }
  const place = await open(path, PLACE);
  try {
    await chmod(`/proc/self/fd/${place.fd}`, 0o700);
    return await open(`/proc/self/fd/${place.fd}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } finally {
    await place.close();
  }
};

/** What is in a folder, some names at a time: one that holds ten million would not fit into memory. */
async function* entriesOf({ fd }: FileHandle): AsyncGenerator<Dirent<Buffer>> {
  // Node takes `buffer` here as it does for readdir; its types do not say so.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: BATCH };
  for await (const entry of await opendir(`/proc/self/fd/${fd}`, options)) yield entry as unknown as Dirent<Buffer>;
}

/**
 * Removes a folder and all below it, or a file. Another process may change the tree meanwhile: an instance that got a descriptor of a folder from the one
 * whose folder this is, say. So no path is ever walked twice: each step goes from an open folder to a name in it, and follows no link. `rm` of Node
 * would leave the tree by a link that takes the place of a folder, and remove what is there, as root.
 */
export const removeTree = async (path: string | Buffer): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await removeOnce(path);
    } catch (error) {
      if (attempt === ATTEMPTS || !['ENOTEMPTY', 'EBUSY'].includes(errorCode(error) ?? '')) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
};

const removeOnce = async (path: string | Buffer): Promise<void> => {
  let top: FileHandle;
  try {
    top = await openFolder(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    if (!['ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) throw error;
    return ignoring(['ENOENT'], unlink(path));
  }
  const movedUp: Buffer[] = [];
  let moves = 0;

  const removeFolder = async (parent: FileHandle, name: Buffer, depth: number): Promise<void> => {
    const place = within(parent, name);
    if (depth > MAX_DEPTH) {
      const up = Buffer.from(`.moved-up-${process.pid}-${(moves += 1)}`);
      await rename(place, within(top, up));
      movedUp.push(up);
      return;
    }
    const folder = await openFolder(place);
    try {
      await empty(folder, depth);
    } finally {
      await folder.close();
    }
    await rmdir(place);
  };
  const remove = async (parent: FileHandle, entry: Dirent<Buffer>, depth: number): Promise<void> => {
    if (entry.isDirectory()) {
      // It may be another by now, or gone.
      await ignoring(['ENOENT', 'ENOTDIR', 'ELOOP'], removeFolder(parent, entry.name, depth + 1));
      return;
    }
    await ignoring(['ENOENT', 'EISDIR'], unlink(within(parent, entry.name)));
  };
  const empty = async (folder: FileHandle, depth: number): Promise<void> => {
    if (process.getuid?.() !== 0) await folder.chmod(0o700);
    const files: Dirent<Buffer>[] = [];
    const removeFiles = (): Promise<unknown> =>
      Promise.all(files.splice(0).map((entry) => remove(folder, entry, depth)));
    for await (const entry of entriesOf(folder)) {
      if (entry.isDirectory()) await remove(folder, entry, depth);
      else if (files.push(entry) >= BATCH) await removeFiles();
    }
    await removeFiles();
  };

  try {
    await empty(top, 0);
    for (let name = movedUp.pop(); name !== undefined; name = movedUp.pop())
      await ignoring(['ENOENT', 'ENOTDIR', 'ELOOP'], removeFolder(top, name, 1));
  } finally {
    await top.close();
  }
  await ignoring(['ENOENT'], rmdir(path));
};
