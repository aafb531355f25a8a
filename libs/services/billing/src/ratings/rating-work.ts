import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { backoffMs, Changes, DueTimer, type DueLook, type Logger, type MonotonicClock } from '@fornax/base';
import { priceListOfVersion } from '@fornax/domain';
import { LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { DataSource, QueryRunner } from 'typeorm';
import { readPriceLists } from '../projections/ledger-state.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { rateAgain } from './rated-lines.js';
import { RatingCommits } from './rating-commits.js';
import {
  addDifferences,
  beginAgain,
  endRun,
  MOST_TRIES,
  noteFailure,
  readRun,
  reasonOf,
  unfinishedRuns,
  type RatingRun,
} from './rating-rows.js';

const BETWEEN_TRIES = { firstMs: 1_000, longestMs: 60_000, spread: 0 } as const;
/** Another process works at it: whether it still does is looked at that often. */
export const LOOK_AGAIN_MS = 5_000;

/**
 * Rates periods again, one after the other, behind what asks for it, and books what was decided to be booked. A run whose process died is begun again by
 * the next one that looks, which all of them do by time; one that fails is tried again later, and then no more, and holds up no other one.
 */
@Injectable()
export class RatingWork implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timer: DueTimer;
  /** When runs that failed are tried again, by the monotonic clock. */
  private readonly retryAt = new Map<string, number>();
  /** Told when this process has come further with a run. */
  readonly changes = new Changes();

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly commits: RatingCommits,
    private readonly ledger: LedgerReader,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.timer = new DueTimer({
      look: (signal) => this.look(signal),
      ...{ monotonic, logger, failed: 'periods are not rated again for now' },
    });
  }

  onApplicationBootstrap(): void {
    this.wakeIn(0);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timer.close();
  }

  wakeIn(ms: number): void {
    this.timer.wakeIn(ms);
  }

  private async look(signal: AbortSignal): Promise<DueLook> {
    const isBooked = await this.book(signal);
    for (const id of await unfinishedRuns(this.db)) {
      if (signal.aborted) break;
      if (this.waitMs(id) > 0) continue;
      await this.work(id, signal).catch((error: unknown) => this.failed(id, error, signal));
      this.changes.tell();
    }
    const waits = (await unfinishedRuns(this.db)).map((id) => this.waitMs(id) || LOOK_AGAIN_MS);
    if (!isBooked) waits.push(LOOK_AGAIN_MS);
    return { isUpToDate: true, nextInMs: waits.length === 0 ? undefined : Math.min(...waits) };
  }

  /** @returns whether nothing is left to be booked. What fails is tried again later, and holds up no rating. */
  private async book(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.commits.work(signal, () => this.changes.tell());
    } catch (error) {
      if (!signal.aborted) this.logger.warn({ err: error }, 'the difference of a rating could not be booked for now');
      return false;
    }
  }

  /** Until a run that failed here is tried again. */
  private waitMs(id: string): number {
    return Math.max(0, (this.retryAt.get(id) ?? 0) - this.monotonic.elapsed());
  }

  /** @throws whatever the database says where it cannot be noted: then nothing is, and it is looked at again */
  private async failed(id: string, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const tries = ((await readRun(this.db, id))?.tries ?? 0) + 1;
    this.logger.warn({ err: error, id, tries }, 'a period could not be rated again');
    const isTriedAgain = tries < MOST_TRIES;
    if (isTriedAgain) this.retryAt.set(id, this.monotonic.elapsed() + backoffMs(tries, BETWEEN_TRIES));
    else this.retryAt.delete(id);
    await noteFailure(this.db, id, { reason: reasonOf(error), isTriedAgain });
  }

  private async work(id: string, signal: AbortSignal): Promise<void> {
    const runner = this.db.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      const [lock] = await runner.manager.query<{ held: boolean }[]>(
        'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held',
        [`rating ${id}`],
      );
      const run = await readRun(this.db, id);
      // Another process works at it: its lock ends with it.
      if (lock?.held !== true || run?.state !== 'running') return;
      if (await this.ledger.isBeyond(Number(run.through))) return await this.giveUp(run);
      // A ledger that is folded anew, or was restored, does not show yet what it showed when the run was asked for.
      if (!(await this.ledger.holds(runner.manager, Number(run.through)))) return;
      await this.rate(runner, run, signal);
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  /** The log went back behind what the run was asked of: nothing shows that again. */
  private async giveUp({ id, through }: RatingRun): Promise<void> {
    const reason = `The log ends before commit ${through}, as of which the period was to be rated: rate it again`;
    this.logger.warn({ id, through }, 'a period is not rated again: the log went back');
    await noteFailure(this.db, id, { reason, isTriedAgain: false });
  }

  private async rate(runner: QueryRunner, run: RatingRun, signal: AbortSignal): Promise<void> {
    await beginAgain(this.db, run.id);
    const through = Number(run.through);
    const lists = (await readPriceLists(this.db)).filter(({ sequence }) => sequence <= through);
    const list = run.prices ?? (run.list === null ? undefined : priceListOfVersion(lists, run.list));
    if (run.list !== null && list === undefined) throw new Error(`There is no price list ${run.list}`);
    const period = { from: Number(run.from_ms), to: Number(run.to_ms), through, list, lists };
    let [done, unrated] = [0, 0];
    for await (const rated of rateAgain(runner, this.db, period)) {
      if (signal.aborted) return;
      done += rated.differences.reduce((sum, { attempts }) => sum + attempts, rated.unrated);
      unrated += rated.unrated;
      await this.db.transaction((tx) => addDifferences(tx, run.id, rated.differences, { done, unrated }));
      this.changes.tell();
    }
    await endRun(this.db, run.id);
  }
}
