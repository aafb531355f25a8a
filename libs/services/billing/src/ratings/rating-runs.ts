import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Conflict, newId, type Clock } from '@fornax/base';
import type { PriceList } from '@fornax/domain';
import { readPosition } from '@fornax/projections';
import { CLOCK } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { LedgerReader } from '../queries/ledger-reader.js';
import { insertRun, readRun, unfinishedRuns, type Period, type RatingRun } from './rating-rows.js';
import { LOOK_AGAIN_MS, RatingWork } from './rating-work.js';

/** Runs that may wait. */
const MOST_UNFINISHED = 10;
/** So often it is looked at a run that is followed. */
const FOLLOW_MS = 1_000;

/** Takes wishes to rate periods again, which `RatingWork` carries out. */
@Injectable()
export class RatingRuns implements BeforeApplicationShutdown {
  private readonly stop = new AbortController();

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    private readonly work: RatingWork,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

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
    if (run?.state === 'running' || run?.state === 'committing') this.work.wakeIn(LOOK_AGAIN_MS);
    return run;
  }

  /** A run, and again each time that it has come further, until nobody works at it any more. Nothing where there is none, or no more. */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<RatingRun> {
    const ends = AbortSignal.any([signal, this.stop.signal]);
    let told = '';
    while (!ends.aborted) {
      const run = await this.read(id);
      if (!run) return;
      const { state, done, booked, tries, reason } = run;
      const now = JSON.stringify([state, done, booked, tries, reason]);
      if (now !== told) yield run;
      told = now;
      if (state !== 'running' && state !== 'committing') return;
      // Another process may be the one that works at it.
      await this.work.changes.next({ timeoutMs: FOLLOW_MS, signal: ends });
    }
  }

  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  wake(): void {
    this.work.wakeIn(0);
  }
}
