import { stat, statfs } from 'node:fs/promises';
import type { WriteStops } from '../core/write-stops.js';

/** One file system with the folders on it. */
export interface Disk {
  readonly folders: readonly string[];
  readonly freeBytes: number;
}

/** The file systems that some folders are on, each once; a folder that is not there is left out. */
export const measureDisks = async (folders: readonly string[]): Promise<readonly Disk[]> => {
  const found = new Map<number, Disk>();
  for (const folder of folders) {
    try {
      const [{ dev }, { bavail, bsize }] = await Promise.all([stat(folder), statfs(folder)]);
      found.set(dev, { folders: [...(found.get(dev)?.folders ?? []), folder], freeBytes: bavail * bsize });
    } catch {
      // made later, or on another machine
    }
  }
  return [...found.values()];
};

/** Writing is allowed again only when the free space exceeds the limit by this fraction, so that the state does not flap with each file. */
const AGAIN_PART = 1.25;

/** The disks with too little room, judged by whether there was too little before. */
const shortDisks = (disks: readonly Disk[], lowBytes: number, wasShort: boolean): readonly Disk[] =>
  disks.filter(({ freeBytes }) => freeBytes < lowBytes * (wasShort ? AGAIN_PART : 1));

/** Of the reserve: below it nodes store nothing either, so that the rest is the log's and the database's. */
const LOG_PART = 0.5;

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

const EVERY_MS = 1_000;

export interface DiskWatchOptions {
  readonly folders: readonly string[];
  /** The reserve: what users ask for is refused below it, so that the log, the database and the ends of what runs can be written. */
  readonly lowBytes: number;
  readonly measure?: typeof measureDisks;
}

/** Refuses what users ask for while a disk of the platform is nearly full, and allows it again by itself. */
export class DiskWatch {
  private timer: NodeJS.Timeout | undefined;
  private isShort = false;
  private free: number | undefined;

  constructor(
    private readonly stops: WriteStops,
    private readonly options: DiskWatchOptions,
  ) {}

  /** Looks at once, and every second from then on. */
  async start(): Promise<void> {
    await this.look();
    this.timer = setInterval(() => void this.look(), EVERY_MS);
    this.timer.unref();
  }

  /** Room on the disk with the least of it, as of the last look; undefined: none was measured. */
  get freeBytes(): number | undefined {
    return this.free;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async look(): Promise<void> {
    const { folders, lowBytes, measure = measureDisks } = this.options;
    const disks = await measure(folders);
    this.free = disks.length === 0 ? undefined : Math.min(...disks.map(({ freeBytes }) => freeBytes));
    const short = shortDisks(disks, lowBytes, this.isShort);
    this.isShort = short.length > 0;
    this.stops.set(
      'disk',
      short.length === 0
        ? undefined
        : {
            status: 507,
            message: `Disk full: the platform has less than its reserve of ${megabytes(lowBytes)} left`,
            ways: short.map(
              (disk) =>
                `Free some space on the disk of ${disk.folders.join(', ')}, or give it more; nothing has to be started again`,
            ),
            spares: short.some(({ freeBytes }) => freeBytes < lowBytes * LOG_PART) ? 'log' : 'platform',
          },
    );
  }
}
