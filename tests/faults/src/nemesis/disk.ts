import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { between } from '@fornax/testing';
import type { Fault } from './fault.js';

const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** Somebody else's file, which takes what is there but for so many bytes. */
export const fillTo = async (folder: string, filler: string, leftBytes: number): Promise<void> => {
  const file = await open(filler, 'a');
  const zeros = Buffer.alloc(1024 * 1024);
  try {
    for (let free = await freeBytes(folder); free > leftBytes; free = await freeBytes(folder))
      await file.write(zeros, 0, Math.min(zeros.length, free - leftBytes));
  } catch (error) {
    // Whatever else writes may have taken the rest first.
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
};

/**
 * The disk of the platform fills up but for so many bytes, stays so for a while, and has room again. What is freed meanwhile (the reserve of the log)
 * is taken again, too. It is healed when the platform says that it is ready: nobody does anything for that.
 */
export const fullDisk = (leftBytes: number, ms: readonly [number, number]): Fault => ({
  name: `${leftBytes} bytes left on the disk`,
  inject: async (target) => {
    const filler = join(target.dataDir, 'filler');
    const until = performance.now() + between(target.random, ms);
    try {
      while (performance.now() < until) {
        await fillTo(target.dataDir, filler, leftBytes);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await target.untilSaid(/Disk full/);
      target.strike('full disk', `${leftBytes} bytes were left, and it was said`);
    } finally {
      await rm(filler, { force: true });
      target.note('there is room again');
    }
    await target.untilReady();
    target.note('ready again');
  },
});
