import type { LeaseOrder } from '@fornax/contracts';
import type { PreparedInstance } from '@fornax/drivers';

import { DiskExcess } from './disk-excess.js';
import { type Use, boundOf, excessOf } from './disk-share.js';
import type { Phase } from './phase.js';

interface Job {
  readonly phase: () => Phase;
  /** The folders, once they are there. */
  readonly prepared: () => Pick<PreparedInstance, 'diskBytes' | 'diskFiles'> | undefined;
  /** Whether files count twice that it will replace. */
  readonly holdsOld: () => boolean;
  /** Kills the instance and removes its files; those of a slot, once nothing in it needs them. */
  readonly clear: (why: Error) => Promise<void>;
}

/** The files of one instance on the disk of its node: what they take, what they may take, and the end of the instance by them. */
export class InstanceDisk {
  readonly excess = new DiskExcess();

  /** @param share what an instance that was promised no more may have */
  constructor(
    private readonly order: Pick<LeaseOrder, 'diskMB' | 'inSlot'>,
    private readonly share: Use | undefined,
    private readonly job: Job,
  ) {}

  /** What it may have. */
  get bound(): Use | undefined {
    return this.share && boundOf({ promisedBytes: this.#askedBytes }, this.share);
  }

  /** Room for its files that it was promised, in bytes, as long as they can grow; 0: none. */
  get promisedBytes(): number {
    const mayGrow = this.job.phase() === 'accepted' || this.#isWritten;
    // In a slot it has the slot's room.
    return mayGrow && this.order.inSlot === undefined ? this.#askedBytes : 0;
  }

  /** Until nothing needs the older ones of its files, those of a slot count twice. */
  get isUnbounded(): boolean {
    return this.job.holdsOld();
  }

  /** Bytes that its files take, as far as they can still grow. */
  async diskBytes(): Promise<number> {
    if (!this.#isWritten) return 0;
    return (await this.job.prepared()?.diskBytes()) ?? 0;
  }

  /** Files and folders that it has, as far as they can still grow in number. */
  async diskFiles(): Promise<number> {
    if (!this.#isWritten) return 0;
    return (await this.job.prepared()?.diskFiles()) ?? 0;
  }

  /** Its files took the last room of the node: it is killed, they go at once, and it ends as a failure of the platform, without results. */
  async overfill(bytes: number): Promise<void> {
    if (!this.#isWritten) return;
    await this.job.clear(this.excess.overfill(bytes));
  }

  /** Its files are more than one instance may have: as `overfill`, but it ends as a limit. */
  async exceedDisk(why: string): Promise<void> {
    if (!this.#isWritten) return;
    await this.job.clear(this.excess.exceed(why));
  }

  /** What a command wrote right before its end nobody has looked at yet. */
  async lookOnceMore(prepared: Pick<PreparedInstance, 'diskLeft'>): Promise<void> {
    const { bound } = this;
    if (!bound || this.excess.isExceeded) return;
    const why = excessOf(await prepared.diskLeft(), bound);
    if (why !== undefined) this.excess.exceed(why);
  }

  get #askedBytes(): number {
    return (this.order.diskMB ?? 0) * 1e6;
  }

  /** Its files can grow. */
  get #isWritten(): boolean {
    const phase = this.job.phase();
    // One that was ended for them, and whose files somebody still needs, is ended only once.
    return !this.excess.hasOccurred && (phase === 'preparing' || phase === 'running');
  }
}
