import { statfs } from 'node:fs/promises';
import { delay } from '@fornax/base';

export interface WorkDiskOptions {
  /** Instances run below it. */
  readonly folder: string;
  /** With less than this free no instance begins. */
  readonly lowBytes: number;
  /** Told when the room is gone, and when there is some again. */
  readonly onChange: (isFull: boolean) => void;
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly everyMs?: number;
}

const freeBytesOf = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** Room for instances on this node. A lease that comes while there is none waits, as long as the platform lets it. */
export class WorkDisk {
  private wasFull = false;

  constructor(private readonly options: WorkDiskOptions) {}

  /** Looks now. @returns bytes that are missing to the mark; 0 for a disk that cannot be measured */
  async shortage(): Promise<number> {
    const { folder, lowBytes, onChange, freeBytes = freeBytesOf } = this.options;
    const free = await freeBytes(folder).catch(() => Number.POSITIVE_INFINITY);
    const isFull = free < lowBytes;
    if (isFull !== this.wasFull) onChange(isFull);
    this.wasFull = isFull;
    return Math.max(0, lowBytes - free);
  }

  /** Looks now. A disk that cannot be measured is not called full. */
  async isFull(): Promise<boolean> {
    return (await this.shortage()) > 0;
  }

  /** Resolves once there is room. @throws the reason of `signal` */
  async room(signal: AbortSignal): Promise<void> {
    while (await this.isFull()) {
      await delay(this.options.everyMs ?? 1_000, signal);
      signal.throwIfAborted();
    }
    signal.throwIfAborted();
  }
}
