import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { below, codeOf, versionOf } from './job-files.js';

const FOLDER = constants.O_DIRECTORY | constants.O_NOFOLLOW | constants.O_RDONLY;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const CHUNK_BYTES = 1_048_576;

/**
 * Puts `file` at `path` below `root`, in place of what is there, in one step: whoever reads sees the old file or the new one. The folders on
 * the way are made, and none of them may be a link, so that an instance cannot lead the agent out of its job. The file gets `root`'s owner.
 * @returns the version that `listFiles` will tell
 * @throws Error something on the way is no folder, or a folder stands where the file belongs
 */
export const replaceFile = async (root: string, path: string, file: string): Promise<string> => {
  const { uid, gid } = await stat(root);
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const folder = await openFolder(root, parts, { uid, gid });
  try {
    await chown(file, uid, gid);
    const version = versionOf(await stat(file));
    try {
      await rename(file, below(folder, name));
      return version;
    } catch (error) {
      if (codeOf(error) !== 'EXDEV') throw error;
      return await replaceByCopy(folder, name, file, { uid, gid });
    }
  } finally {
    await folder.close();
    await rm(file, { force: true });
  }
};

/**
 * The folder lies over another one, and takes files in by no other way. Its owner may see the copy before it has its name, and put anything in its place: what it
 * is given is the file that was opened, whatever has its name by then.
 */
const replaceByCopy = async (
  folder: FileHandle,
  name: string,
  file: string,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Promise<string> => {
  const copy = below(folder, `.incoming-${randomUUID()}`);
  const source = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const target = await open(copy, NEW_FILE, 0o600);
    try {
      const { mode } = await source.stat();
      await target.writeFile(source.createReadStream({ highWaterMark: CHUNK_BYTES }));
      await target.chown(uid, gid);
      await target.chmod(mode & 0o777);
      const version = versionOf(await target.stat());
      await rename(copy, below(folder, name));
      return version;
    } finally {
      await target.close();
      await rm(copy, { force: true });
    }
  } finally {
    await source.close();
  }
};

const openFolder = async (
  root: string,
  parts: readonly string[],
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Promise<FileHandle> => {
  let folder = await open(root, FOLDER);
  try {
    for (const part of parts) {
      const isNew = await mkdir(below(folder, part)).then(
        () => true,
        (error: unknown) => {
          if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
          throw error;
        },
      );
      const next = await open(below(folder, part), FOLDER);
      await folder.close();
      folder = next;
      if (isNew) await folder.chown(uid, gid);
    }
    return folder;
  } catch (error) {
    await folder.close();
    throw error;
  }
};
