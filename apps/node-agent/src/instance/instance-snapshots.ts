import type { Restore } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';
import { type KeptSnapshot, keptOf } from './kept-files.js';
import { restoreSnapshot } from './restore.js';

/** The snapshots of one instance that its node knows: the one that it began with, and the last that was taken. */
export class InstanceSnapshots {
  constructor(private readonly taskId: string) {}

  #begun: string | undefined;
  #last: KeptSnapshot | undefined;

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
