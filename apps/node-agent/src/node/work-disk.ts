import { statfs } from 'node:fs/promises';
import { delay } from '@fornax/base';

export interface WorkDiskOptions {
  /** Instances run below it. */
  readonly folder: string;
  /** With less than this free no instance begins. */
  readonly lowBytes: number;
  /** Told when the room is gone, and when there is some again. */
  readonly onChange: (isFull: boolean) => void;
  /** No more than this is offered, in megabytes of a million bytes: others share the disk. 0 or absent: all of it. */
  readonly mostMB?: number;
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

  /** What is free for instances beyond the mark, in bytes; undefined for a disk that cannot be measured. */
  async spare(): Promise<number | undefined> {
    const { folder, lowBytes, freeBytes = freeBytesOf } = this.options;
    const free = await freeBytes(folder).catch(() => undefined);
    return free === undefined ? undefined : Math.max(0, free - lowBytes);
  }

  /** The same in megabytes of a million bytes; what can be fetched again goes when somebody needs its room. */
  async offeredMB(fetchable: { readonly bytes: number } | undefined): Promise<number | undefined> {
    const { mostMB = 0 } = this.options;
    const spare = await this.spare();
    if (spare === undefined) return mostMB > 0 ? mostMB : undefined;
    const offeredMB = Math.floor((spare + (fetchable?.bytes ?? 0)) / 1e6);
    return mostMB > 0 ? Math.min(mostMB, offeredMB) : offeredMB;
  }

  /**
   * Resolves once there is room.
   * @param wanted bytes that are to be free beyond the mark, as of the moment that it is asked
   * @throws the reason of `signal`
   */
  async room(signal: AbortSignal, wanted: () => Promise<number> = () => Promise.resolve(0)): Promise<void> {
    const lacks = async (): Promise<boolean> => {
      if (await this.isFull()) return true;
      const bytes = await wanted();
      return bytes > 0 && ((await this.spare()) ?? bytes) < bytes;
    };
    while (await lacks()) {
      await delay(this.options.everyMs ?? 1_000, signal);
      signal.throwIfAborted();
    }
    signal.throwIfAborted();
  }
}
