import { Inject, Injectable } from '@nestjs/common';
import { CautiousClock, type Clock, type MonotonicClock } from '@fornax/base';
import { CLOCK, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { InjectDatabase, type DueLook } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { PoolDeletion } from '../commands/pool-deletion.js';
import { PoolBarrier } from '../model/pool-barrier.js';
import { POOL_COLUMNS, type PoolRecord } from '../model/pool-rows.js';

/** Pools deleted together. */
const BATCH = 200;

/** Ended pools whose `completionTimeToLive` is over, as their rows say. */
@Injectable()
export class DuePools {
  private readonly clock: Clock;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly deletion: PoolDeletion,
    private readonly barrier: PoolBarrier,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
  ) {
    // What is deleted because a clock was set is gone all the same.
    this.clock = new CautiousClock(clock, monotonic);
  }

  /** Deletes all that are due, in batches, until `signal` aborts. */
  async delete(signal: AbortSignal): Promise<DueLook> {
    const isUpToDate = await this.barrier.caughtUp();
    // Rows that do not move would show the same pools again and again.
    while ((await this.deleteBatch()) === BATCH && isUpToDate && !signal.aborted);
    const [row] = await this.db.query<{ next: string | null }[]>('SELECT min(delete_at_ms) AS next FROM pool');
    const next = row?.next ?? null;
    return { isUpToDate, nextInMs: next === null ? undefined : Number(next) - this.clock.now() };
  }

  private async deleteBatch(): Promise<number> {
    const due = await this.db.query<PoolRecord[]>(
      `SELECT ${POOL_COLUMNS} FROM pool WHERE delete_at_ms <= $1 ORDER BY delete_at_ms LIMIT ${BATCH}`,
      [this.clock.now()],
    );
    if (due.length > 0) await this.deletion.delete(due, 'time-to-live');
    return due.length;
  }
}
