import type { DiskUser } from './disk-guard.js';
import type { Fetchable } from './fetchable.js';
import type { WorkDisk } from './work-disk.js';

/** Room for files that instances of this node were promised and have not used yet. */
export class DiskPromises {
  readonly #held = new Set<DiskUser>();
  /** How many have entered. */
  #entered = 0;

  constructor(
    private readonly disk: Pick<WorkDisk, 'room' | 'spare'>,
    private readonly fetchable?: Fetchable,
  ) {}

  /** Resolves once the disk has room for an instance: as much as it was promised, beside what is still owed to others. @throws the reason of `signal` */
  async enter(user: DiskUser, signal: AbortSignal): Promise<void> {
    // Of two that look at the same time the second does not see what is owed to the first: it looks again.
    for (let seen = -1; seen !== this.#entered;) {
      await this.disk.room(signal, () => {
        seen = this.#entered;
        return this.#makeRoom(user);
      });
      if (seen === -1) break;
    }
    this.#entered += 1;
    this.#held.add(user);
  }

  /** Safe to repeat. */
  leave(user: DiskUser): void {
    this.#held.delete(user);
  }

  /** @returns how much is wanted for it; what can be fetched again goes first */
  async #makeRoom(user: DiskUser): Promise<number> {
    const wanted = await this.#wantedBy(user);
    const spare = (await this.disk.spare()) ?? wanted;
    if (wanted > spare && this.fetchable && this.fetchable.bytes > 0) await this.fetchable.free(wanted - spare);
    return wanted;
  }

  /** One that was promised nothing takes what there is: who was promised more than it uses is asked last to give it back (`fillersOf`). */
  async #wantedBy({ promisedBytes = 0 }: DiskUser): Promise<number> {
    return promisedBytes === 0 ? 0 : promisedBytes + (await this.owed());
  }

  /** What those that are here were promised and have not used yet, in bytes. */
  async owed(): Promise<number> {
    const owed = await Promise.all(
      [...this.#held].map(async (other) => {
        const { promisedBytes: whole = 0 } = other;
        return whole === 0 ? 0 : Math.max(0, whole - (await other.diskBytes()));
      }),
    );
    return owed.reduce((sum, bytes) => sum + bytes, 0);
  }
}
