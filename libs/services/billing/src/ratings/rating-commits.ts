import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Conflict, countedFromZero, newId, type Clock, type Logger } from '@fornax/base';
import type { CommitMeta } from '@fornax/contracts';
import {
  booksDecider,
  correctionsDecider,
  priceListOfVersion,
  type BooksCommand,
  type BooksState,
  type CommittedRating,
  type CorrectionsState,
} from '@fornax/domain';
import { decideAndAppend, loadAggregate, type EventLog, type Loaded } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, LOGGER } from '@fornax/service-kit';
import type { DataSource, QueryRunner } from 'typeorm';
import { readPriceLists } from '../projections/ledger-state.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { rateAgain } from './rated-lines.js';
import { isPassing } from './passing-errors.js';
import {
  MOST_TRIES,
  noteBooked,
  noteCommitsFailed,
  noteCommitted,
  noteCommitting,
  noteReason,
  ratedSince,
  reasonOf,
  type RatingRun,
} from './rating-rows.js';
import type { Correction } from './rerating.js';

/** Id of the one aggregate that says what is booked and closed. */
const BOOKS_ID = 'books';
/** Lines that one commit of the log corrects. */
const LINES_PER_PART = 1_000;
/** Parts that the ledger may lack: whoever reads a bill waits until it has all, so more would make that wait long. */
const PARTS_AHEAD = 2;
/** So long a booking keeps its place while the ledger does not follow: its transaction holds tables, which what mends a ledger that stands has to replace. */
const PATIENCE_MS = 10_000;
const SERVICE_META = { actor: 'service:billing', source: 'billing' } as const;

const STALE = 'Something of this period was rated or corrected since: rate it again, and book that';

type OpenCommit = CommittedRating & { readonly run: number };
type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;

/**
 * Books differences of ratings as corrections of lines, in the log: part after part, each a commit. Which parts there are follows from the rating, always the
 * same way, and the log has each of them once: so whoever goes on after a process died books neither too little nor twice.
 */
@Injectable()
export class RatingCommits {
  /** How often bookings failed in this process. */
  private readonly tries = new Map<string, number>();
  private readonly failures = countedFromZero('fornax.billing.bookings.failed', [{}]);

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Decides that a difference is booked.
   * @param wasBegunBefore the caller asked for it before, and may have been heard
   * @throws Conflict it cannot be, and why; CommandRejected
   */
  async begin(run: RatingRun, meta: CommitMeta, wasBegunBefore: boolean): Promise<void> {
    if (run.state === 'running' || (run.state === 'failed' && !wasBegunBefore))
      throw new Conflict('The period is not rated yet: only a rating that is done is booked', {
        code: 'rating-not-done',
      });
    if (run.prices !== null)
      throw new Conflict('Its list was never published: publish it, and rate the period by its number', {
        code: 'rating-not-published',
      });
    const { state } = await this.books();
    if (wasBegunBefore && (state.committed.includes(run.id) || state.failed.has(run.id))) return;
    const period = { from: Number(run.from_ms), to: Number(run.to_ms), through: Number(run.through) };
    const isKnown = state.open?.ratingId === run.id || state.committed.includes(run.id);
    await this.ledger.catchUp();
    if (!isKnown && (await ratedSince(this.db, period, period.through)))
      throw new Conflict(STALE, { code: 'rating-stale' });
    const rating: CommittedRating = { ratingId: run.id, ...period, list: run.list };
    await this.append({ type: 'BeginRatingCommit', ...rating, runs: state.runs }, meta);
    await noteCommitting(this.db, run.id);
  }

  /** Closes a month, and those before it. */
  async close(month: string, meta: CommitMeta): Promise<void> {
    await this.append({ type: 'CloseMonth', month }, meta);
  }

  /**
   * Books what was decided to be booked. What fails each time, and not because the log or the database is away, fails for good.
   * @param told has come further
   * @returns whether nothing of it is left
   */
  async work(signal: AbortSignal, told: () => void): Promise<boolean> {
    const { state, sequence } = await this.books();
    const { open, committed, failed } = state;
    // Whoever wrote it to the log may have died before it noted so.
    await noteCommitted(this.db, committed);
    await noteCommitsFailed(this.db, failed);
    if (!open) return true;
    const { ratingId } = open;
    await noteCommitting(this.db, ratingId);
    try {
      return await this.workAt(open, sequence, signal, told);
    } catch (error) {
      if (signal.aborted || isPassing(error)) throw error;
      const tries = (this.tries.get(ratingId) ?? 0) + 1;
      const reason = reasonOf(error);
      // A database that cannot take it may be why: then nothing is counted.
      await noteReason(this.db, ratingId, reason);
      this.tries.set(ratingId, tries);
      if (tries < MOST_TRIES) throw error;
      this.logger.error({ err: error, ratingId, tries }, 'the difference of a rating could not be booked');
      await this.fail(ratingId, reason);
      told();
      return true;
    }
  }

  private async workAt(open: OpenCommit, begunAt: number, signal: AbortSignal, told: () => void): Promise<boolean> {
    const { ratingId, through } = open;
    // What ended before it was begun is looked at below.
    await this.ledger.catchUp();
    const runner = this.db.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      const [lock] = await runner.manager.query<{ held: boolean }[]>(
        'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
        [`rating commit`],
      );
      // Another process works at it: its lock ends with it.
      if (lock?.held !== true) return false;
      // Parts follow from all lines: of a ledger that is restored, or folded anew, others would follow.
      if (!(await this.ledger.holds(runner.manager, through))) return false;
      // What ended after it was looked whether anything had, and before the decision was in the log.
      if (await ratedSince(runner.manager, open, through, begunAt)) {
        await this.fail(ratingId, STALE);
        told();
        return true;
      }
      const booked = await this.book(runner, open, signal, told);
      if (!booked) return false;
      const sums = { parts: booked.parts, lines: booked.lines, amount: String(booked.amount) };
      await this.append({ type: 'EndRatingCommit', ratingId, ...sums }, { ...SERVICE_META, correlationId: ratingId });
      await noteCommitted(this.db, [ratingId]);
      told();
      return true;
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  private async fail(ratingId: string, reason: string): Promise<void> {
    await this.append({ type: 'FailRatingCommit', ratingId, reason }, { ...SERVICE_META, correlationId: ratingId });
    this.failures.add(1);
    await noteCommitsFailed(this.db, new Map([[ratingId, reason]]));
  }

  /** @returns what is booked; undefined: it was to stop before the end */
  private async book(
    runner: QueryRunner,
    { ratingId, run, from, to, through, list: version }: OpenCommit,
    signal: AbortSignal,
    told: () => void,
  ): Promise<CorrectionsState | undefined> {
    const lists = (await readPriceLists(this.db)).filter(({ sequence }) => sequence <= through);
    const list = version === null ? undefined : priceListOfVersion(lists, version);
    if (version !== null && list === undefined) throw new Error(`There is no price list ${version}`);
    let loaded: Loaded<CorrectionsState> = await loadAggregate(this.log, 'pricing', ratingId, correctionsDecider);
    // Whoever booked the last of these may have died before it said so.
    if (loaded.state.parts > 0) await noteBooked(this.db, ratingId, loaded.state.lines);
    let part = 0;
    /** Sequences of the parts that the ledger may lack. */
    const ahead: number[] = [];
    const add = async (some: readonly Correction[]): Promise<void> => {
      part += 1;
      if (part <= loaded.state.parts) return;
      const awaited = ahead.length < PARTS_AHEAD ? undefined : ahead.shift();
      if (awaited !== undefined) await this.ledger.reach(awaited, PATIENCE_MS);
      const at = this.clock.now();
      const command = { type: 'CorrectLines', ratingId, run, part, ...bookedOf(some), at } as const;
      loaded = await decideAndAppend({
        ...{
          log: this.log,
          aggregate: 'pricing' as const,
          id: ratingId,
          decider: correctionsDecider,
          command,
          at,
          loaded,
        },
        ...{ commitId: `${ratingId}-${part}`, meta: { ...SERVICE_META, correlationId: ratingId } },
      });
      ahead.push(loaded.sequence);
      await noteBooked(this.db, ratingId, loaded.state.lines);
      told();
    };
    let waiting: Correction[] = [];
    for await (const { corrections } of rateAgain(runner, this.db, { from, to, through, list, lists })) {
      waiting.push(...corrections);
      for (; waiting.length >= LINES_PER_PART; waiting = waiting.slice(LINES_PER_PART)) {
        if (signal.aborted) return undefined;
        await add(waiting.slice(0, LINES_PER_PART));
      }
    }
    if (signal.aborted) return undefined;
    if (waiting.length > 0) await add(waiting);
    return loaded.state;
  }

  private books(): Promise<Loaded<BooksState>> {
    return loadAggregate(this.log, 'pricing', BOOKS_ID, booksDecider);
  }

  private async append(command: Timeless<BooksCommand>, meta: CommitMeta): Promise<void> {
    const at = this.clock.now();
    await decideAndAppend({
      ...{ log: this.log, aggregate: 'pricing' as const, id: BOOKS_ID, decider: booksDecider },
      ...{ command: { ...command, at }, commitId: newId(), meta, at },
    });
  }
}

/** What of lines is booked: the lines, and what their accounts used more or less in months. */
const bookedOf = (corrections: readonly Correction[]) => {
  const volumes = new Map<string, { readonly owner: string; readonly month: string; parts: bigint }>();
  for (const { owner, month, gross } of corrections) {
    if (gross === 0n) continue;
    const key = JSON.stringify([owner, month]);
    const found = volumes.get(key) ?? { owner, month, parts: 0n };
    found.parts += gross;
    volumes.set(key, found);
  }
  return {
    lines: corrections.map(({ line }) => line),
    volumes: [...volumes.values()].map(({ parts, ...volume }) => ({ ...volume, parts: String(parts) })),
  };
};
