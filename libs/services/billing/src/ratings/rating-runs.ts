import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Conflict, newId, type Clock, type Logger } from '@fornax/base';
import type { PriceList } from '@fornax/domain';
import { readPosition } from '@fornax/projections';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import type { DataSource, QueryRunner } from 'typeorm';
import { openCursor } from '../queries/cursor.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { readPriceLists } from '../projections/ledger-state.js';
import {
  addDifferences,
  beginAgain,
  chargedBefore,
  endRun,
  insertRun,
  linesSql,
  readRun,
  unfinishedRuns,
  type Period,
  type RatingRun,
} from './rating-rows.js';
import { monthAround, needsEarlier, needsMonths, Rerating, type RatedLine } from './rerating.js';

/** Lines that are rated at once. */
const LINES_AT_ONCE = 5_000;
/** Runs that may wait. */
const MOST_UNFINISHED = 10;

/** Rates periods again, one after the other, behind what asks for it. A run whose process died is begun again by the next one that looks. */
@Injectable()
export class RatingRuns implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private working: Promise<void> = Promise.resolve();

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.wake();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.working;
  }

  /** @returns the id of the run @throws Conflict too many wait */
  async begin(
    asked: Period & { readonly list?: number | undefined; readonly prices?: PriceList | undefined },
  ): Promise<string> {
    await this.ledger.catchUp();
    if ((await unfinishedRuns(this.db)).length >= MOST_UNFINISHED)
      throw new Conflict('Other periods are being rated: ask again when they are done', { code: 'ratings-run' });
    const through = (await readPosition(this.db, 'ledger'))?.sequence ?? 0;
    const id = newId();
    await insertRun(this.db, { ...asked, id, through, at: this.clock.now() });
    this.wake();
    return id;
  }

  /** Looks at a run; one that nobody works at goes on. */
  async read(id: string): Promise<RatingRun | undefined> {
    const run = await readRun(this.db, id);
    if (run?.state === 'running') this.wake();
    return run;
  }

  private wake(): void {
    this.working = this.working.then(() => this.workAll());
  }

  private async workAll(): Promise<void> {
    try {
      for (const id of await unfinishedRuns(this.db)) {
        if (this.stop.signal.aborted) return;
        await this.work(id);
      }
    } catch (error) {
      // The database is away: whoever looks at a run, or starts, works at it again.
      if (!this.stop.signal.aborted) this.logger.warn({ err: error }, 'periods are not rated again for now');
    }
  }

  private async work(id: string): Promise<void> {
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
      await this.rate(runner, run);
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  }

  private async rate(runner: QueryRunner, run: RatingRun): Promise<void> {
    await beginAgain(this.db, run.id);
    const lists = await readPriceLists(this.db);
    const scope = { from: Number(run.from_ms), to: Number(run.to_ms), list: run.prices ?? undefined };
    const all = [...lists.map(({ priceList }) => priceList), ...(scope.list ? [scope.list] : [])];
    const time: Period = needsMonths(all)
      ? { from: monthAround(scope.from).from, to: monthAround(Math.max(scope.from, scope.to - 1)).to }
      : scope;
    const rerating = new Rerating(scope, lists);
    const next = await openCursor<RatedLine>(runner, linesSql(time, Number(run.through)), LINES_AT_ONCE);
    let [done, unrated] = [0, 0];
    for (let rows = await next(); rows.length > 0; rows = await next()) {
      if (this.stop.signal.aborted) return;
      if (needsEarlier(all))
        for (const { taskId, instance, amount } of await chargedBefore(this.db, rows, time))
          rerating.charge(taskId, instance, amount);
      const rated = rerating.next(rows);
      done += rated.differences.reduce((sum, { attempts }) => sum + attempts, rated.unrated);
      unrated += rated.unrated;
      await this.db.transaction((tx) => addDifferences(tx, run.id, rated.differences, { done, unrated }));
    }
    await endRun(this.db, run.id);
  }
}
