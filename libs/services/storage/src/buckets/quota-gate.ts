import { countStaleAt } from '@fornax/object-store';

import { type Amounts, type Holder, type Measure, MEASURES } from '../model/holder.js';
import { quotaExceeded } from './quota-exceeded.js';

export interface QuotaGateParts {
  /** What a holder may have. A measure that is absent is not bounded; of a holder that is not known (any more) nothing is. */
  readonly limits: (holder: Holder) => Amounts;
  /** Counts what the holder has now; what is moved meanwhile may be counted twice, never not at all. */
  readonly used: (holder: Holder) => Promise<Amounts>;
  /** How the holder is called in a refusal. */
  readonly nameOf: (holder: Holder) => string;
  /** How long a count is good for, in milliseconds; 0: each taking counts. */
  readonly countAgeMs: number;
  readonly now: () => number;
}

/** What somebody takes room for. */
export interface Taking {
  readonly amounts: Amounts;
  /** Asked before a refusal for a number of objects: one that takes another's place makes them no more. */
  readonly isReplacing?: () => Promise<boolean>;
}

/** Room that an upload has taken before its bytes come. */
export interface Room {
  /** Says that it is stored: it takes room until a count shows it. */
  stored(): void;
  /** Gives the room back: nothing was stored. */
  release(): void;
}

const MAX_HOLDERS = 10_000;
const NO_ROOM_TAKEN: Room = { stored: () => undefined, release: () => undefined };

const sum = (...all: readonly Amounts[]): Amounts =>
  Object.fromEntries(
    MEASURES.map((measure) => [measure, all.reduce((total, amounts) => total + (amounts[measure] ?? 0), 0)]),
  );
const negative = (amounts: Amounts): Amounts =>
  Object.fromEntries(Object.entries(amounts).map(([measure, amount]) => [measure, -amount]));
const isAnything = (amounts: Amounts): boolean => Object.values(amounts).some((amount) => amount > 0);

/** What is known of one holder. What it has in the store is never more than the three sums. */
interface Account {
  readonly holder: Holder;
  /** As the last count says; undefined before the first. */
  counted?: Amounts;
  /** When the last count began. */
  countedAt: number;
  /** When the next one is due. */
  staleAt: number;
  counting?: Promise<void> | undefined;
  /** Of uploads that have not ended, and how many these are. */
  inFlight: Amounts;
  uploads: number;
  /** What was stored after the last count began: it may not show it. */
  uncounted: Amounts;
}

/**
 * Holds users, projects and organizations to their quotas at the price of one count in two seconds each. An upload takes its room before its bytes come and
 * keeps it until it ends, and what it stored counts until a count that began afterwards shows it: uploads through one process never exceed a quota
 * together, however many there are and however long they take. Several processes do not see each other's uploads before they are counted: N of them together
 * may exceed it by what is in flight in N - 1 of them, and what these stored since the last count of the others began (on an S3 service: since the listing
 * that it took, which may be that old again).
 */
export class QuotaGate {
  readonly #accounts = new Map<string, Account>();

  constructor(private readonly parts: QuotaGateParts) {}

  /**
   * Takes room with each of the holders, or with none; whoever takes it must say how the upload ended.
   * @throws S3Error QuotaExceeded, TooManyBuckets
   */
  async take(holders: readonly Holder[], taking: Taking): Promise<Room> {
    const rooms: Room[] = [];
    try {
      for (const holder of holders) rooms.push(await this.#takeOf(holder, taking));
    } catch (error) {
      for (const room of rooms) room.release();
      throw error;
    }
    return {
      stored: () => rooms.forEach((room) => room.stored()),
      release: () => rooms.forEach((room) => room.release()),
    };
  }

  async #takeOf(holder: Holder, taking: Taking): Promise<Room> {
    const { amounts } = taking;
    if (this.#bounded(holder, amounts).length === 0) return NO_ROOM_TAKEN;
    const account = this.#account(holder);
    // Held on to from here: an account that was forgotten while it is being counted for would not be the one that others take from.
    account.uploads += 1;
    try {
      if (account.counted === undefined || this.parts.now() >= account.staleAt) await this.#count(account);
      // What was stored since the count began may be in it as well, and nobody is refused for what is counted twice: a second time where others
      // had begun the first.
      for (
        let tries = 0;
        tries < 2 && this.#lacking(account, amounts).length > 0 && this.#mayBeLess(account);
        tries += 1
      )
        await this.#count(account);
      const isReplaced = this.#lacking(account, amounts).includes('objects') && (await taking.isReplacing?.()) === true;
      // Nothing is awaited from here on until the room is taken: others take room meanwhile.
      const wanted = isReplaced ? { ...amounts, objects: 0 } : amounts;
      const [measure] = this.#lacking(account, wanted);
      if (measure !== undefined) throw this.#exceeded(account, measure, wanted[measure] ?? 0);
      account.inFlight = sum(account.inFlight, amounts);
      return this.#room(account, amounts);
    } catch (error) {
      account.uploads -= 1;
      throw error;
    }
  }

  #account(holder: Holder): Account {
    const key = `${holder.kind} ${holder.id}`;
    const known = this.#accounts.get(key);
    if (known) return known;
    if (this.#accounts.size >= MAX_HOLDERS)
      // A new one begins with a count of its own, which shows all that the old one knew.
      for (const [other, { uploads, counting }] of this.#accounts)
        if (uploads === 0 && !counting) this.#accounts.delete(other);
    const account: Account = { holder, countedAt: 0, staleAt: 0, inFlight: {}, uploads: 0, uncounted: {} };
    this.#accounts.set(key, account);
    return account;
  }

  #room(account: Account, amounts: Amounts): Room {
    let isTaken = true;
    const end = (stored: Amounts): void => {
      if (!isTaken) return;
      isTaken = false;
      account.uploads -= 1;
      account.inFlight = sum(account.inFlight, negative(amounts));
      account.uncounted = sum(account.uncounted, stored);
    };
    return { stored: () => end(amounts), release: () => end({}) };
  }

  #has({ counted = {}, inFlight, uncounted }: Account): Amounts {
    return sum(counted, inFlight, uncounted);
  }

  /** Of what somebody wants more of, what is bounded. */
  #bounded(holder: Holder, more: Amounts): readonly Measure[] {
    const limits = this.parts.limits(holder);
    return MEASURES.filter((measure) => limits[measure] !== undefined && (more[measure] ?? 0) > 0);
  }

  /** What there is no room for. */
  #lacking(account: Account, more: Amounts): readonly Measure[] {
    const [limits, wanted] = [this.parts.limits(account.holder), sum(this.#has(account), more)];
    return this.#bounded(account.holder, more).filter((measure) => (wanted[measure] ?? 0) > (limits[measure] ?? 0));
  }

  /** Whether a count that begins now may show less than what is reckoned with. */
  #mayBeLess({ uncounted, countedAt }: Account): boolean {
    return isAnything(uncounted) || this.parts.now() >= countedAt + this.parts.countAgeMs;
  }

  /** Counts anew; those who come meanwhile wait for the same count. */
  #count(account: Account): Promise<void> {
    account.counting ??= this.#countNow(account).finally(() => (account.counting = undefined));
    return account.counting;
  }

  async #countNow(account: Account): Promise<void> {
    const startedAt = this.parts.now();
    const shown = account.uncounted;
    account.counted = await this.parts.used(account.holder);
    account.uncounted = sum(account.uncounted, negative(shown));
    account.countedAt = startedAt;
    const { countAgeMs } = this.parts;
    account.staleAt = countAgeMs === 0 ? startedAt : countStaleAt(startedAt, this.parts.now(), countAgeMs);
  }

  #exceeded(account: Account, measure: Measure, more: number): Error {
    const { holder, inFlight } = account;
    return quotaExceeded({
      holder,
      name: this.parts.nameOf(holder),
      measure,
      used: this.#has(account)[measure] ?? 0,
      underWay: inFlight[measure] ?? 0,
      max: this.parts.limits(holder)[measure] ?? 0,
      more,
    });
  }
}
