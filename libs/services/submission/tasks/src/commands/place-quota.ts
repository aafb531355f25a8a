import { Forbidden, type Clock } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { Reserved } from './reservation.js';

/**
 * What is known of one owner's objects: those that the rows showed when they were last read, those admitted here that the rows may not show
 * yet, and those that came to be since the rows were read.
 */
interface Count {
  rows: number;
  /** When the rows were read last, and when that showed no room and none could be made. */
  readAt: number;
  fullAt: number;
  readonly pending: Set<string>;
  settled: number;
  /** Whoever needs more than a glance at the count waits for those before. */
  turn: Promise<unknown>;
}

/** How long a count is trusted. In between, what this process admits is added. */
const TRUSTED_MS = 1_000;

const usedOf = ({ rows, pending, settled }: Count): number => rows + pending.size + settled;

/** What a quota counts, and how it says no. */
export interface QuotaOf {
  /** How many `$1` has by the rows, without those of the ids `$2`: one row with the column `count`. */
  readonly countSql: string;
  /** Deletes finished objects that may go, oldest first. @returns how many are gone, once the rows show it */
  readonly makeRoom: (owner: string, places: number) => Promise<number>;
  /** In the words that clients look for (contract, 5.19). */
  readonly refusal: { readonly message: string; readonly code: string };
}

/**
 * How many objects of one kind an account may have, finished ones included (contract, section 4.9). Finished ones that may go
 * (`autoDeleteOnCompletion`) make room, oldest first. Exact within one process; replicas may exceed the quota together by what they admit in a
 * second.
 */
export class PlaceQuota {
  private readonly counts = new Map<string, Count>();

  constructor(
    private readonly db: DataSource,
    private readonly clock: Clock,
    private readonly of: QuotaOf,
  ) {}

  /**
   * Reserves a place for an object that is being made.
   * @param most how many the owner may have
   * @throws Forbidden in the words that clients look for
   */
  async reserve(owner: string, most: number, id: string): Promise<Reserved> {
    const askedAt = this.clock.now();
    const count = this.countOf(owner);
    if (askedAt - count.readAt >= TRUSTED_MS || !this.take(count, most, id)) {
      const turn = count.turn.then(() => this.takeInTurn(owner, most, id, askedAt));
      count.turn = turn.catch(() => undefined);
      await turn;
    }
    const leave = (): void => void count.pending.delete(id);
    return {
      confirm: () => {
        if (count.pending.delete(id)) count.settled += 1;
      },
      release: () => Promise.resolve(leave()),
      leaveUnknown: leave,
    };
  }

  private async takeInTurn(owner: string, most: number, id: string, askedAt: number): Promise<void> {
    const count = this.countOf(owner);
    // A count from before the request may be old: objects may have been deleted since.
    if (count.readAt <= askedAt) await this.read(owner, count);
    if (this.take(count, most, id)) return;
    const isKnownFull = count.fullAt > askedAt;
    if (!isKnownFull && (await this.of.makeRoom(owner, usedOf(count) + 1 - most)) > 0) await this.read(owner, count);
    if (this.take(count, most, id)) return;
    count.fullAt = this.clock.now();
    const { message, code } = this.of.refusal;
    throw new Forbidden(message, { code });
  }

  private take(count: Count, most: number, id: string): boolean {
    if (usedOf(count) >= most) return false;
    count.pending.add(id);
    return true;
  }

  private countOf(owner: string): Count {
    const known = this.counts.get(owner);
    if (known) return known;
    const none: Count = {
      rows: 0,
      readAt: Number.NEGATIVE_INFINITY,
      fullAt: Number.NEGATIVE_INFINITY,
      pending: new Set(),
      settled: 0,
      turn: Promise.resolve(),
    };
    this.counts.set(owner, none);
    return none;
  }

  /** Runs one at a time. Objects that are confirmed while the rows are being read are not in them, so they stay counted separately. */
  private async read(owner: string, count: Count): Promise<void> {
    const readAt = this.clock.now();
    const settledBefore = count.settled;
    const [row] = await this.db.query<{ count: string }[]>(this.of.countSql, [owner, [...count.pending]]);
    count.rows = Number(row?.count ?? 0);
    count.settled -= settledBefore;
    count.readAt = readAt;
  }
}
