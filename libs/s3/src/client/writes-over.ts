import { constants, write } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';

const writeTo = promisify(write);
const NOTHING = Buffer.alloc(0);

/**
 * Waits for writes to a file that were under way when it was called. A write shows in the times of a file when it begins, not when it ends: whoever
 * reads while a writer waits for the disk in the middle of one write finds nothing changed before and after. Writes to one file come one after the other in Linux, those of no
 * bytes, too: this is such a write, and it changes nothing of the file. `FileHandle.write` would not ask the system.
 * Where that cannot be (it is read-only here, is run as a program, another program holds it; overlayfs and XFS take no bytes for nothing to do, of which XFS reads no half write) it waits for nothing.
 */
export const writesOver = async (file: FileHandle): Promise<void> => {
  const same = await open(`/proc/self/fd/${file.fd}`, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (!same) return;
  try {
    await writeTo(same.fd, NOTHING, 0, 0, 0);
  } catch {
    // Nothing is worse than without it.
  } finally {
    await same.close();
  }
};
