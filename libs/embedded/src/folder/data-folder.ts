import { chmod, mkdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SetupError, describeError, errorCode } from '../process/setup-error.js';
import { migrateFolder, readFolderFormat } from './folder-version.js';
import { type FolderLock, lockFolderWithin, tryLockFolder } from './folder-lock.js';

/** Below this the servers could stop in the middle of a write. */
const MINIMUM_FREE_BYTES = 300_000_000;

/** The guardian of a killed platform needs a few seconds to end what was left. */
const CLEAN_UP_MS = 15_000;

/** Names of the locks: the launcher holds one as long as it lives, its guardian the other. */
const LAUNCHER_LOCK = 'launcher';
const GUARDIAN_LOCK = 'guardian';

/** The folder that holds all data of one platform. Ours until `close()`. */
export interface DataFolder {
  readonly path: string;
  readonly secrets: string;
  close(): Promise<void>;
}

const SETTING = 'Set FORNAX_DATA_DIR to another folder';

const fullDisk = (path: string, cause?: unknown, minimumBytes = MINIMUM_FREE_BYTES): SetupError =>
  new SetupError(
    `The disk that holds the data folder ${path} is full (needed: ${Math.round(minimumBytes / 1_000_000)} MB free).`,
    'Free some space, or set FORNAX_DATA_DIR to a folder on another disk.',
    { cause },
  );

const readOnly = (path: string, cause: unknown): SetupError =>
  new SetupError(
    `The data folder ${path} is on a file system that is read-only: nothing was changed.`,
    'The system makes a disk with errors so: look at "dmesg" and "mount", then mount it for writing again and start.',
    { cause },
  );

/** Runs a step that writes; its failure becomes an error that says what to change. */
const writing = async <T>(path: string, step: () => Promise<T>): Promise<T> => {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof SetupError) throw cause;
    if (errorCode(cause) === 'ENOSPC' || errorCode(cause) === 'EDQUOT') throw fullDisk(path, cause);
    if (errorCode(cause) === 'EROFS') throw readOnly(path, cause);
    throw new SetupError(`The data folder ${path} cannot be used: ${describeError(cause)}.`, `${SETTING}.`, { cause });
  }
};

const makeFolder = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (!(await stat(path)).isDirectory()) throw new Error('it is not a folder');
};

/** @throws SetupError the disk has less than the servers need */
export const checkFreeSpace = async (path: string, minimumBytes = MINIMUM_FREE_BYTES): Promise<void> => {
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < minimumBytes) throw fullDisk(path, undefined, minimumBytes);
};

const takeLock = async (path: string): Promise<FolderLock> => {
  const lock = await tryLockFolder(path, LAUNCHER_LOCK);
  if (lock === undefined) {
    const holder = (await readFile(join(path, 'lock'), 'utf8').catch(() => '')).trim();
    throw new SetupError(
      `Fornax already runs on the data folder ${path}${holder === '' ? '' : ` (process ${holder})`}.`,
      `Stop it first, or ${SETTING.replace('Set', 'set')} (and other ports with FORNAX_PORT and FORNAX_STORAGE_PORT).`,
    );
  }
  return lock;
};

/**
 * Takes the data folder for this process: created when missing (mode 700), locked against a second start, checked for its version
 * and for space, and brought up to this release's format. Waits for the clean-up of a platform that was killed on it a moment ago.
 * @throws SetupError each trouble with a message that names FORNAX_DATA_DIR
 */
export const openDataFolder = async (
  folder: string,
  {
    onProgress = () => undefined,
    minimumFreeBytes = MINIMUM_FREE_BYTES,
  }: { readonly onProgress?: (message: string) => void; readonly minimumFreeBytes?: number } = {},
): Promise<DataFolder> => {
  const path = resolve(folder);
  // Before anything is touched: what a newer release or somebody else made stays as it is.
  await writing(path, () => readFolderFormat(path));
  await writing(path, () => makeFolder(path));
  const lock = await takeLock(path);
  try {
    const free = await tryLockFolder(path, GUARDIAN_LOCK);
    if (free === undefined) onProgress('waiting for the clean-up of a platform that was killed here');
    const clean = free ?? (await lockFolderWithin(path, GUARDIAN_LOCK, CLEAN_UP_MS));
    if (clean === undefined) {
      throw new SetupError(
        `Parts of a killed platform still run on ${path}.`,
        `End them, or ${SETTING.replace('Set', 'set')}.`,
      );
    }
    await clean.release();
    await checkFreeSpace(path, minimumFreeBytes);
    const secrets = join(path, 'secrets');
    await writing(path, async () => {
      // Looked at again: only now nobody else can be at it.
      await migrateFolder(path, await readFolderFormat(path), { onProgress });
      // Only now: a folder that somebody else made keeps its mode.
      await chmod(path, 0o700);
      await writeFile(join(path, 'lock'), `${process.pid}\n`, { mode: 0o600 });
      await makeFolder(secrets);
      await chmod(secrets, 0o700);
    });
    return { path, secrets, close: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
};
