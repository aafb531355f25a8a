import { statfs } from 'node:fs/promises';
import { delay } from '@fornax/base';

import { boundOf, excessOf, type Use } from '../instance/disk-share.js';

/** An instance whose files may only be so many. */
export interface BoundedUser {
  /** Room for its files that it was promised, in bytes; absent or 0: none. */
  readonly promisedBytes?: number;
  /** It has more for now than it will keep: nobody looks. */
  readonly isUnbounded?: boolean;
  /** Bytes that its files take; never rejects. */
  diskBytes(): Promise<number>;
  /** Files and folders that it has; never rejects. */
  diskFiles(): Promise<number>;
  /** Ends it as a limit. Resolves when its files are gone. */
  exceedDisk(why: string): Promise<void>;
}

export interface DiskBoundOptions {
  /** What one instance may have that was promised no more; 0 of either: as much as it likes. */
  readonly bound: Use;
  readonly users: () => Iterable<BoundedUser>;
  /** What is in use of the disk, or no number where that cannot be told. */
  readonly used: () => Promise<Use>;
  readonly onEnd: (why: string) => void;
  readonly onError: (error: unknown) => void;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
  readonly everyMs?: number;
}

interface Look {
  /** What it may have. */
  readonly bound: Use;
  readonly own: Use;
  /** What was in use of the whole disk by then. */
  readonly used: Use;
  readonly notBeforeMs: number;
  readonly atTheLatestMs: number;
}

const EVERY_MS = 250;
/** How long an instance may live unwatched while the disk does not grow, though what it writes somebody else may delete elsewhere. */
const UNWATCHED_MS = 2_000;
/** A look walks through all files of an instance: it may cost this part of the time. */
const SHARE = 10;

/** What is in use of the disk of a folder. */
export const usedOf = async (folder: string): Promise<Use> => {
  const { blocks, bfree, bsize, files, ffree } = await statfs(folder);
  return { bytes: (blocks - bfree) * bsize, files: files - ffree };
};

/** Holds each instance to its share of the node's disk. What all of the disk has grown by says which instances are worth a look. */
export class DiskBound {
  readonly #looks = new WeakMap<BoundedUser, Look>();
  readonly #now: () => number;

  constructor(private readonly options: DiskBoundOptions) {
    this.#now = options.now ?? ((): number => performance.now());
  }

  async run(signal: AbortSignal): Promise<void> {
    const { onError, everyMs = EVERY_MS } = this.options;
    while (!signal.aborted) {
      await this.look().catch(onError);
      await delay(everyMs, signal, { ref: false });
    }
  }

  /** Looks at who may have too much by now, one after the other, and ends who has. */
  async look(): Promise<void> {
    const { users, used } = this.options;
    const now = await used();
    for (const user of [...users()]) {
      if (user.isUnbounded === true) continue;
      const last = this.#looks.get(user);
      if (!last) this.#note(user, { bytes: 0, files: 0 }, now, 0);
      else if (this.#isDue(last, now)) await this.#lookAt(user, now);
    }
  }

  #isDue({ bound, own, used, notBeforeMs, atTheLatestMs }: Look, now: Use): boolean {
    if (this.#now() < notBeforeMs) return false;
    const mayHave = (what: keyof Use): boolean =>
      bound[what] > 0 && own[what] + Math.max(0, now[what] - used[what]) > bound[what];
    return mayHave('bytes') || mayHave('files') || this.#now() >= atTheLatestMs;
  }

  async #lookAt(user: BoundedUser, now: Use): Promise<void> {
    const { onEnd } = this.options;
    const bound = boundOf(user, this.options.bound);
    const begun = this.#now();
    const bytes = bound.bytes > 0 ? await user.diskBytes() : 0;
    const files = bound.files > 0 ? await user.diskFiles() : 0;
    const own = { bytes, files };
    this.#note(user, own, now, this.#now() - begun);
    const why = excessOf(own, bound);
    if (why === undefined) return;
    onEnd(why);
    await user.exceedDisk(why);
  }

  #note(user: BoundedUser, own: Use, used: Use, tookMs: number): void {
    const now = this.#now();
    const notBeforeMs = now + tookMs * SHARE;
    const bound = boundOf(user, this.options.bound);
    this.#looks.set(user, { bound, own, used, notBeforeMs, atTheLatestMs: Math.max(notBeforeMs, now + UNWATCHED_MS) });
  }
}
