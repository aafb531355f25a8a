import { s3Error } from '@fornax/s3';

export interface QuotaGateParts {
  /** undefined when the account is not known (any more): then nothing is refused. */
  readonly maxBytes: (owner: string) => number | undefined;
  /** Counts what the owner has stored now; what is moved meanwhile may be counted twice, never not at all. */
  readonly usedBytes: (owner: string) => Promise<number>;
  readonly now: () => number;
}

/** Room that an upload has taken before its bytes come. */
export interface Room {
  /** Says that the bytes are stored: they take room until a count shows them. */
  stored(): void;
  /** Gives the room back: nothing was stored. */
  release(): void;
}

const COUNT_AGE_MS = 2_000;
/** A count that takes long is made seldom, so that counting takes at most a twentieth of the time. */
const AGE_PER_DURATION = 20;
const MAX_OWNERS = 10_000;
const NO_ROOM_TAKEN: Room = { stored: () => undefined, release: () => undefined };

/** What is known of one account. Its rows in the store are never more than the three sums. */
interface Holder {
  /** As the last count says; undefined before the first. */
  counted?: number;
  /** When the last count began. */
  countedAt: number;
  /** When the next one is due. */
  staleAt: number;
  counting?: Promise<void> | undefined;
  /** Bytes of uploads that have not ended, and how many these are. */
  inFlight: number;
  uploads: number;
  /** Bytes that were stored after the last count began: it may not show them. */
  uncounted: number;
}

/**
 * Holds accounts to their storage quota at the price of one count in two seconds each. An upload takes its room before its bytes come and keeps it until
 * it ends, and what it stored counts until a count that began afterwards shows it: uploads through one process never exceed a quota together, however
 * many there are and however long they take. Several processes do not see each other's uploads before they are counted: together they may exceed it by
 * what is in flight in them, and what was stored since each one's last count.
 */
export class QuotaGate {
  readonly #holders = new Map<string, Holder>();

  constructor(private readonly parts: QuotaGateParts) {}

  /**
   * Takes room for an upload; whoever takes it must say how the upload ended.
   * @throws S3Error QuotaExceeded
   */
  async take(owner: string, moreBytes: number): Promise<Room> {
    if (moreBytes === 0 || this.parts.maxBytes(owner) === undefined) return NO_ROOM_TAKEN;
    const holder = this.#holder(owner);
    // Held on to from here: a holder that was forgotten while it is being counted for would not be the one that others take from.
    holder.uploads += 1;
    try {
      if (holder.counted === undefined || this.parts.now() >= holder.staleAt) await this.#count(owner, holder);
      // What was stored since the count began may be in it as well, and nobody is refused for bytes that are counted twice: a second time where others
      // had begun the first.
      for (let tries = 0; tries < 2 && !this.#fits(owner, holder, moreBytes) && this.#mayBeLess(holder); tries += 1)
        await this.#count(owner, holder);
      if (!this.#fits(owner, holder, moreBytes)) throw this.#exceeded(owner, holder, moreBytes);
    } catch (error) {
      holder.uploads -= 1;
      throw error;
    }
    holder.inFlight += moreBytes;
    return this.#room(holder, moreBytes);
  }

  #holder(owner: string): Holder {
    const known = this.#holders.get(owner);
    if (known) return known;
    if (this.#holders.size >= MAX_OWNERS)
      // A new one begins with a count of its own, which shows all that the old one knew.
      for (const [other, { uploads, counting }] of this.#holders)
        if (uploads === 0 && !counting) this.#holders.delete(other);
    const holder: Holder = { countedAt: 0, staleAt: 0, inFlight: 0, uploads: 0, uncounted: 0 };
    this.#holders.set(owner, holder);
    return holder;
  }

  #room(holder: Holder, bytes: number): Room {
    let isTaken = true;
    const end = (stored: number): void => {
      if (!isTaken) return;
      isTaken = false;
      holder.uploads -= 1;
      holder.inFlight -= bytes;
      holder.uncounted += stored;
    };
    return { stored: () => end(bytes), release: () => end(0) };
  }

  #sum({ counted = 0, inFlight, uncounted }: Holder): number {
    return counted + inFlight + uncounted;
  }

  #fits(owner: string, holder: Holder, moreBytes: number): boolean {
    const maxBytes = this.parts.maxBytes(owner);
    return maxBytes === undefined || this.#sum(holder) + moreBytes <= maxBytes;
  }

  /** Whether a count that begins now may show less than what is reckoned with. */
  #mayBeLess({ uncounted, countedAt }: Holder): boolean {
    return uncounted > 0 || this.parts.now() >= countedAt + COUNT_AGE_MS;
  }

  /** Counts anew; those who come meanwhile wait for the same count. */
  #count(owner: string, holder: Holder): Promise<void> {
    holder.counting ??= this.#countNow(owner, holder).finally(() => (holder.counting = undefined));
    return holder.counting;
  }

  async #countNow(owner: string, holder: Holder): Promise<void> {
    const startedAt = this.parts.now();
    const shown = holder.uncounted;
    holder.counted = await this.parts.usedBytes(owner);
    holder.uncounted -= shown;
    holder.countedAt = startedAt;
    holder.staleAt = Math.max(
      startedAt + COUNT_AGE_MS,
      this.parts.now() + AGE_PER_DURATION * (this.parts.now() - startedAt),
    );
  }

  #exceeded(owner: string, holder: Holder, moreBytes: number): Error {
    const maxBytes = this.parts.maxBytes(owner);
    const used = this.#sum(holder);
    const underWay = holder.inFlight === 0 ? '' : ` (${holder.inFlight} of them of uploads that have not ended)`;
    return s3Error(
      'QuotaExceeded',
      `The storage quota of the account is used up: ${used} of ${maxBytes} bytes${underWay}, and ${moreBytes} more do not fit.`,
      { UsedBytes: String(used), MaxBytes: String(maxBytes) },
    );
  }
}
