import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Conflict, newId, type Clock } from '@fornax/base';
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
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import type { DataSource, QueryRunner } from 'typeorm';
import { readPriceLists } from '../projections/ledger-state.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { rateAgain } from './rated-lines.js';
import { noteCommitted, noteCommitting, ratedSince, type RatingRun } from './rating-rows.js';
import type { Correction } from './rerating.js';

/** Id of the one aggregate that says what is booked and closed. */
const BOOKS_ID = 'books';
/** Lines that one commit of the log corrects. */
const LINES_PER_PART = 1_000;
const SERVICE_META = { actor: 'service:billing', source: 'billing' } as const;

type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;

/**
 * Books differences of ratings as corrections of lines, in the log: part after part, each a commit. Which parts there are follows from the rating, always the
 * same way, and the log has each of them once: so whoever goes on after a process died books neither too little nor twice.
 */
@Injectable()
export class RatingCommits {
  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Decides that a difference is booked.
   * @param wasBegunBefore the caller asked for it before, and may have been heard
   * @throws Conflict it cannot be, and why; CommandRejected
   */
  async begin(run: RatingRun, meta: CommitMeta, wasBegunBefore: boolean): Promise<void> {
    if (run.state === 'running' || run.state === 'failed')
      throw new Conflict('The period is not rated yet: only a rating that is done is booked', {
        code: 'rating-not-done',
      });
    if (run.prices !== null)
      throw new Conflict('Its list was never published: publish it, and rate the period by its number', {
        code: 'rating-not-published',
      });
    const { state } = await this.books();
    if (wasBegunBefore && state.committed.includes(run.id)) return;
    const period = { from: Number(run.from_ms), to: Number(run.to_ms), through: Number(run.through) };
    const isKnown = state.open?.ratingId === run.id || state.committed.includes(run.id);
    await this.ledger.catchUp();
    if (!isKnown && (await ratedSince(this.db, period, period.through)))
      throw new Conflict('Something of this period was rated or corrected since: rate it again, and book that', {
        code: 'rating-stale',
      });
    const rating: CommittedRating = { ratingId: run.id, ...period, list: run.list };
    await this.append({ type: 'BeginRatingCommit', ...rating, runs: state.runs }, meta);
    await noteCommitting(this.db, run.id);
  }

  /** Closes a month, and those before it. */
  async close(month: string, meta: CommitMeta): Promise<void> {
    await this.append({ type: 'CloseMonth', month }, meta);
  }

  /** Books what was decided to be booked. @param told has come further @returns whether nothing of it is left */
  async work(signal: AbortSignal, told: () => void): Promise<boolean> {
    const { open, committed } = (await this.books()).state;
    // Whoever wrote it to the log may have died before it noted so.
    await noteCommitted(this.db, committed);
    if (!open) return true;
    await noteCommitting(this.db, open.ratingId);
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
      if (!(await this.ledger.holds(runner.manager, open.through))) return false;
      const booked = await this.book(runner, open, signal, told);
      if (!booked) return false;
      const { ratingId } = open;
      const sums = { parts: booked.parts, lines: booked.lines, amount: String(booked.amount) };
      await this.append({ type: 'EndRatingCommit', ratingId, ...sums }, { ...SERVICE_META, correlationId: ratingId });
      await noteCommitted(this.db, [ratingId]);
      told();
      return true;
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  /** @returns what is booked; undefined: it was to stop before the end */
  private async book(
    runner: QueryRunner,
    { ratingId, run, from, to, through, list: version }: CommittedRating & { readonly run: number },
    signal: AbortSignal,
    told: () => void,
  ): Promise<CorrectionsState | undefined> {
    const lists = (await readPriceLists(this.db)).filter(({ sequence }) => sequence <= through);
    const list = version === null ? undefined : priceListOfVersion(lists, version);
    if (version !== null && list === undefined) throw new Error(`There is no price list ${version}`);
    let loaded: Loaded<CorrectionsState> = await loadAggregate(this.log, 'pricing', ratingId, correctionsDecider);
    let part = 0;
    const add = async (some: readonly Correction[]): Promise<void> => {
      part += 1;
      if (part <= loaded.state.parts) return;
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
