import { delay } from '@fornax/base';
import type { Restore } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';
import { CopyMoments } from './copy-moments.js';
import { type KeptSnapshot, keptOf } from './kept-files.js';
import { restoreSnapshot } from './restore.js';

/** Ends of so many are remembered: whoever waits for one asks for it within moments. */
const MOST_ENDS = 64;
/** An order that has not come by then was lost with whoever would have sent it. */
const ORDER_MS = 60_000;

/** Why no snapshot was taken. `isUsers`: the task's user has to see to it; else it is the platform's matter. */
export interface NotTaken {
  readonly text: string;
  readonly isUsers: boolean;
}

interface Taking {
  readonly begun: PromiseWithResolvers<void>;
  /** Why it was not taken; undefined: it was. */
  readonly end: PromiseWithResolvers<NotTaken | undefined>;
  isOver: boolean;
}

/** The snapshots of one instance that its node knows: the one that it began with, and the last that was taken. */
export class InstanceSnapshots {
  constructor(private readonly taskId: string) {}

  /** When their files are copied. */
  readonly moments = new CopyMoments();
  #begun: string | undefined;
  #last: KeptSnapshot | undefined;
  readonly #takings = new Map<string, Taking>();

  /** Id of the one that it began with. */
  get begun(): string | undefined {
    return this.#begun;
  }

  get notes(): readonly string[] {
    return this.#begun === undefined ? [] : [`It began with the snapshot ${this.#begun}`];
  }

  /** The last that was taken. */
  get last(): KeptSnapshot | undefined {
    return this.#last;
  }

  keep(taken: KeptSnapshot): void {
    this.#last = taken;
  }

  /** Whether the last that was taken holds what an earlier one held. `unknown`: there is none. */
  comparedWith(before: KeptSnapshot | undefined): 'changed' | 'same' | 'unknown' {
    const last = this.#last;
    if (!last) return 'unknown';
    const isSame =
      last.files.size === before?.files.size &&
      [...last.files].every(([path, { sha256 }]) => before.files.get(path)?.sha256 === sha256);
    return isSame ? 'same' : 'changed';
  }

  begins(snapshotId: string): void {
    this.#taking(snapshotId).begun.resolve();
  }

  /** @param why it was not taken; absent: it was */
  ends(snapshotId: string, why?: NotTaken): void {
    const taking = this.#taking(snapshotId);
    taking.isOver = true;
    taking.end.resolve(why);
  }

  /** Resolves once a snapshot of it that was triggered is taken: undefined; else why not. */
  async taken(snapshotId: string): Promise<NotTaken | undefined> {
    const { begun, end } = this.#taking(snapshotId);
    const stop = new AbortController();
    const late = delay(ORDER_MS, stop.signal, { ref: false }).then(() => 'late' as const);
    const first = await Promise.race([begun.promise, late]);
    stop.abort();
    return first === 'late' ? { text: 'nobody told this node to take it', isUsers: false } : end.promise;
  }

  #taking(snapshotId: string): Taking {
    const known = this.#takings.get(snapshotId);
    if (known) return known;
    const taking: Taking = { begun: Promise.withResolvers(), end: Promise.withResolvers(), isOver: false };
    this.#takings.set(snapshotId, taking);
    // Whoever waits for one that is not over would wait for ever.
    const over = [...this.#takings].filter(([, { isOver }]) => isOver).map(([id]) => id);
    for (const id of over.slice(0, Math.max(0, this.#takings.size - MOST_ENDS))) this.#takings.delete(id);
    return taking;
  }

  /** Lays out what the instance begins with. @throws UserError, S3Error */
  async begin(
    restore: Restore,
    s3: S3Client,
    place: { readonly jobDir: string; readonly instance: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const manifest = await restoreSnapshot(s3, restore, place);
    this.#begun = restore.snapshotId;
    // Files of another task are not this one's to copy.
    if (restore.taskId === this.taskId) this.#last = keptOf(manifest);
  }
}
