import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { errorCode } from '../process/setup-error.js';
import { waitUntil } from '../process/wait.js';

/** Held until released or until its process ends, in whatever way: the kernel gives it back. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * The name of an abstract Unix socket (unix(7)) for a folder: it lives in the kernel, not in the file system, so it cannot be
 * stale, and it follows the folder itself, whatever path leads there.
 */
const socketName = async (folder: string, purpose: string): Promise<string> => {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `\0fornax-${purpose}-${dev}-${ino}`;
};

/** Takes the lock of a folder for one purpose, or returns undefined when another process holds it. */
export const tryLockFolder = async (folder: string, purpose: string): Promise<FolderLock | undefined> => {
  const path = await socketName(folder, purpose);
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error) => (errorCode(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ path }, () => resolve({ release: () => new Promise((done) => server.close(() => done())) }));
  });
};

/** Takes the lock as soon as its holder gives it back; undefined when that takes too long. */
export const lockFolderWithin = async (
  folder: string,
  purpose: string,
  timeoutMs: number,
): Promise<FolderLock | undefined> => {
  let lock: FolderLock | undefined;
  await waitUntil(async () => (lock = await tryLockFolder(folder, purpose)) !== undefined, { timeoutMs, pauseMs: 50 });
  return lock;
};
