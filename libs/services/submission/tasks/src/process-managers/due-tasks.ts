import { Inject, Injectable } from '@nestjs/common';
import { CautiousClock, type Clock, type MonotonicClock } from '@fornax/base';
import { CLOCK, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { TaskDeletion } from '../commands/task-deletion.js';
import type { DueLook } from './due-timer.js';
import { InjectDatabase } from '../model/database.js';
import { StatusBarrier } from '../model/status-barrier.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';

/** Tasks deleted together. */
const BATCH = 200;

/** Finished tasks whose `completionTimeToLive` is over, as their rows say. */
@Injectable()
export class DueTasks {
  private readonly clock: Clock;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly deletion: TaskDeletion,
    private readonly barrier: StatusBarrier,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
  ) {
    // What is deleted because a clock was set is gone all the same.
    this.clock = new CautiousClock(clock, monotonic);
  }

  /** Deletes all that are due, in batches, until `signal` aborts. */
  async delete(signal: AbortSignal): Promise<DueLook> {
    const isUpToDate = await this.barrier.caughtUp();
    // Rows that do not move, such as old ones beside which new ones are folded, would show the same tasks again and again.
    while ((await this.deleteBatch()) === BATCH && isUpToDate && !signal.aborted);
    const next = await this.nextDue();
    return { isUpToDate, nextInMs: next === undefined ? undefined : next - this.clock.now() };
  }

  private async deleteBatch(): Promise<number> {
    const due = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE delete_at_ms <= $1 ORDER BY delete_at_ms LIMIT ${BATCH}`,
      [this.clock.now()],
    );
    if (due.length > 0) await this.deletion.delete(due, 'time-to-live');
    return due.length;
  }

  private async nextDue(): Promise<number | undefined> {
    const [row] = await this.db.query<{ next: string | null }[]>(
      'SELECT min(delete_at_ms) AS next FROM task WHERE delete_at_ms IS NOT NULL',
    );
    return row?.next === null || row?.next === undefined ? undefined : Number(row.next);
  }
}
