import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { CLOCK, LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { CautiousClock, type Clock, type MonotonicClock } from '@fornax/base';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { StatusBarrier } from '../model/status-barrier.js';
import { TaskDeletion } from '../commands/task-deletion.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import { InjectDatabase } from '../model/database.js';

/** Tasks deleted together. */
const BATCH = 200;
/** Ends of tasks that come close together are looked at once. */
const GATHER_MS = 250;
const AGAIN_MS = 5_000;
/** It looks that often at least: a clock that was set makes what is due sooner or later. */
const MAX_TIMER_MS = 60_000;

const ENDS: ReadonlySet<string> = new Set([
  'InstancesConcluded',
  'WaitingInstancesCancelled',
  'WaitingInstancesExpired',
]);

/**
 * Deletes finished tasks when their `completionTimeToLive` is over (contract, 5.40). When each is due stands in its row, so a restart forgets
 * nothing; it sleeps until the next one is due and is woken by ends of tasks. Every replica does this, and the log takes one deletion of each.
 */
@Injectable()
export class TaskExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly clock: Clock;
  private timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  private wakesAt = Number.POSITIVE_INFINITY;
  private working: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly deletion: TaskDeletion,
    private readonly barrier: StatusBarrier,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // What is deleted because a clock was set is gone all the same.
    this.clock = new CautiousClock(clock, monotonic);
  }

  onApplicationBootstrap(): void {
    this.wakeIn(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.working;
  }

  /** Tasks may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(({ events }) => events.some(({ type }) => ENDS.has(type)))) this.wakeIn(GATHER_MS);
  }

  private wakeIn(ms: number): void {
    const at = this.monotonic.elapsed() + ms;
    if (this.isStopped || at >= this.wakesAt) return;
    clearTimeout(this.timer);
    this.wakesAt = at;
    this.timer = setTimeout(
      () => {
        this.wakesAt = Number.POSITIVE_INFINITY;
        this.working = this.working.then(() => this.round());
      },
      Math.min(Math.max(0, ms), MAX_TIMER_MS),
    );
  }

  private async round(): Promise<void> {
    try {
      const isUpToDate = await this.barrier.caughtUp();
      // Rows that do not move, such as old ones beside which new ones are folded, would show the same tasks again and again.
      while ((await this.deleteDue()) === BATCH && isUpToDate && !this.isStopped);
      const next = await this.nextDue();
      if (next !== undefined) this.wakeIn(Math.max(GATHER_MS, next - this.clock.now()));
      // The rows may not show yet what woke us.
      if (!isUpToDate) this.wakeIn(AGAIN_MS);
    } catch (error) {
      if (this.isStopped) return;
      this.logger.warn({ err: error }, 'tasks whose time is over could not be deleted, trying again');
      this.wakeIn(AGAIN_MS);
    }
  }

  private async deleteDue(): Promise<number> {
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
