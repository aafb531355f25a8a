import { delay } from '@fornax/base';

/** An instance with files of its own on the node's disk. */
export interface DiskUser {
  /** Room for its files that it was promised, in bytes; absent or 0: none. */
  readonly promisedBytes?: number;
  /** Bytes that its files take; never rejects. */
  diskBytes(): Promise<number>;
  /** Ends it, since its files take the room that the node is short of. Resolves when they are gone. */
  overfill(bytes: number): Promise<void>;
}

export interface DiskGuardOptions {
  /** Bytes that the disk lacks to the mark below which nothing begins; 0 while there is room. */
  readonly shortage: () => Promise<number>;
  readonly users: () => Iterable<DiskUser>;
  readonly onEnd: (bytes: number) => void;
  readonly onError: (error: unknown) => void;
  readonly everyMs?: number;
}

const EVERY_MS = 250;

interface DiskUse<T> {
  readonly user: T;
  readonly bytes: number;
}

const beyond = ({ user, bytes }: DiskUse<Pick<DiskUser, 'promisedBytes'>>): number => bytes - (user.promisedBytes ?? 0);

/**
 * The users to end, as few as bring the room back, those first that have most beyond what they were promised; none where all of them together would not
 * bring it back: somebody else fills the disk then.
 * @param shortage bytes that are missing
 */
export const fillersOf = <T extends Pick<DiskUser, 'promisedBytes'>>(
  uses: readonly DiskUse<T>[],
  shortage: number,
): readonly DiskUse<T>[] => {
  const chosen: DiskUse<T>[] = [];
  let freed = 0;
  for (const use of uses.toSorted((a, b) => beyond(b) - beyond(a))) {
    if (freed >= shortage) break;
    chosen.push(use);
    freed += use.bytes;
  }
  return freed >= shortage ? chosen : [];
};

/** Keeps instances from filling the disk of their node, on which the event log of the platform may lie, too. */
export class DiskGuard {
  constructor(private readonly options: DiskGuardOptions) {}

  async run(signal: AbortSignal): Promise<void> {
    const { onError, everyMs = EVERY_MS } = this.options;
    while (!signal.aborted) {
      await this.look().catch(onError);
      await delay(everyMs, signal, { ref: false });
    }
  }

  /** Ends who fills the disk, and resolves when their files are gone. */
  async look(): Promise<void> {
    const { shortage, users, onEnd } = this.options;
    const missing = await shortage();
    if (missing === 0) return;
    const uses = await Promise.all([...users()].map(async (user) => ({ user, bytes: await user.diskBytes() })));
    await Promise.all(
      fillersOf(uses, missing).map(async ({ user, bytes }) => {
        onEnd(bytes);
        await user.overfill(bytes);
      }),
    );
  }
}
