import { constants, read } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { unlessAborted } from '@fornax/base';
import { FileChanged } from './file-changed.js';
import { ThreadPlaces } from './thread-places.js';

const readFrom = promisify(read);

/** Nothing ever comes here, so it need not lie as such reads want it. */
const PAGE = Buffer.alloc(4096);

/** Behind the end of every file. */
const BEHIND_THE_END = 2 ** 42;

/** Threads of the process that may stand behind writers; an instance can write for as long as it likes. */
const MOST_AT_ONCE = 4;

/** One write has two gigabytes at most; a slow disk takes that long. */
const MOST_MS = 20_000;

const NEVER = new AbortController().signal;

const places = new ThreadPlaces(MOST_AT_ONCE);

/**
 * Waits for writes to a file that were under way when it was called. A write shows in the times of a file when it begins, not when it ends: whoever
 * reads while a writer waits for the disk in the middle of one write finds nothing changed before and after. Linux lets a read that goes around its cache
 * (`O_DIRECT`) wait until no write to the file is under way; this is one, behind the end. The instance sees a file that was opened to be read, no more: it
 * may run it, and who waits for a file that was written is not told.
 * Where the system cannot be asked so (the agent may not read the file, tmpfs has no such reads), or too many are waited for already, it waits for nothing.
 * @throws FileChanged a write takes longer than 20 s
 */
export const writesOver = async (file: FileHandle, signal: AbortSignal = NEVER): Promise<void> => {
  const flags = constants.O_RDONLY | constants.O_DIRECT | constants.O_NONBLOCK;
  const same = await open(`/proc/self/fd/${file.fd}`, flags).catch(() => undefined);
  if (!same) return;
  const ask = async (): Promise<void> => {
    // Where it fails, nothing is worse than without it.
    await readFrom(same.fd, PAGE, 0, PAGE.byteLength, BEHIND_THE_END).catch(() => undefined);
    await same.close();
  };
  const asked = places.within(ask, MOST_MS).then(async (how) => {
    if (how === 'full') await same.close();
    return how;
  });
  const how = await unlessAborted(asked, signal);
  signal.throwIfAborted();
  if (how === 'late') throw new FileChanged('one write to the file takes longer than is waited for');
};
