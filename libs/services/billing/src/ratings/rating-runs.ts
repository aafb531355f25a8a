import { Inject, Injectable } from '@nestjs/common';
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

/** Takes wishes to rate periods again, which `RatingWork` carries out. */
@Injectable()
export class RatingRuns {
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

  wake(): void {
    this.work.wakeIn(0);
  }
}
