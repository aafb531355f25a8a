import { randomFillSync } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '@fornax/embedded';
import type { Reason } from './readiness.js';

export interface LogDiskOptions {
  /** Of the embedded NATS server. */
  readonly folder: string;
  /** `FORNAX_DISK_LOW_BYTES` */
  readonly lowBytes: number;
  readonly say: (line: string) => void;
  /** Starts the server again; nothing that it acknowledged is lost. */
  readonly restart: () => Promise<void>;
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** With less than this left a write of the server may have failed: its largest message is 8 MiB. */
const EXHAUSTED_BYTES = 8 * 1024 * 1024;
/** Whoever still refuses after a start needs something else than the next start at once. */
const BETWEEN_RESTARTS_MS = 15_000;
const CHUNK_BYTES = 1024 * 1024;
/** Never all zeros, by chance, in a file of random bytes. */
const BEGINNING_BYTES = 64;

const isGone = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';

const freeBytesOf = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/**
 * Keeps room for the event log on its disk, and brings its server back after the disk was full.
 *
 *   kept     a file holds a part of the disk; of random bytes, for file systems that compress (btrfs, ZFS) store zeros as nothing
 *   released the disk is exhausted (by others: commands and uploads were refused long before): the file is gone, the log has its place
 *   kept     again once there is room
 *
 * A nats-server that failed to write refuses that stream until it is started again (2.15.2), so it is, as soon as there is room.
 */
export class LogDisk {
  private readonly file: string;
  private readonly reserveBytes: number;
  private mayRefuse = false;
  private restartedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: LogDiskOptions) {
    this.file = join(options.folder, 'reserve');
    this.reserveBytes = Math.floor(options.lowBytes / 4);
  }

  /**
   * @param reasons why the platform is not ready now
   * @throws Error the folder is gone, or its disk cannot be measured
   */
  async look(reasons: readonly Reason[]): Promise<void> {
    const { folder, lowBytes, say, restart, freeBytes = freeBytesOf } = this.options;
    const free = await freeBytes(folder).catch((cause: unknown) => {
      if (!isGone(cause)) throw cause;
      throw new Error(
        `the folder ${folder} is gone while the platform runs: it was removed or moved, or its disk is no longer mounted. ` +
          'Stop the platform, put the folder back and start again',
        { cause },
      );
    });
    const has = (name: string) => reasons.some((one) => one.name === name || one.name.endsWith(`: ${name}`));
    if (free < EXHAUSTED_BYTES) {
      this.mayRefuse = true;
      if (await this.release()) say(`warning: the disk of ${folder} is full; the event log now uses its reserve`);
      return;
    }
    if (free < lowBytes) return;
    const refuses = has('log store') && !has('disk');
    if ((this.mayRefuse || refuses) && performance.now() - this.restartedAt > BETWEEN_RESTARTS_MS) {
      this.mayRefuse = false;
      this.restartedAt = performance.now();
      say('there is room again on the disk of the event log: starting nats again, which refuses to write until then');
      await restart();
    }
    if (free > lowBytes + 2 * this.reserveBytes) await this.keep();
  }

  private async release(): Promise<boolean> {
    const isKept = await stat(this.file).then(
      () => true,
      () => false,
    );
    await rm(this.file, { force: true });
    return isKept;
  }

  /** Whether the file is long enough, and not one of the zeros of earlier versions. */
  private async isKept(): Promise<boolean> {
    const file = await open(this.file, 'r').catch(() => undefined);
    if (!file) return false;
    try {
      if ((await file.stat()).size < this.reserveBytes) return false;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
      return buffer.subarray(0, bytesRead).some((byte) => byte !== 0);
    } finally {
      await file.close();
    }
  }

  private async keep(): Promise<void> {
    if (this.reserveBytes === 0 || (await this.isKept())) return;
    try {
      const file = await open(this.file, 'w', 0o600);
      try {
        const chunk = Buffer.alloc(CHUNK_BYTES);
        for (let left = this.reserveBytes; left > 0; left -= CHUNK_BYTES)
          // Not `write`, which may take a part and say so in a number.
          await file.appendFile(randomFillSync(chunk).subarray(0, Math.min(left, CHUNK_BYTES)));
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(this.file, { force: true });
      this.options.say(`warning: no reserve for the event log: ${describeError(error)}`);
    }
  }
}
