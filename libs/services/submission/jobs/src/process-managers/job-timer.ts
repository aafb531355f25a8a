import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { CommandRejected } from '@fornax/event-store';
import { CautiousClock, type Clock, type Logger, type MonotonicClock } from '@fornax/base';
import { CLOCK, LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { DueTimer, GATHER_MS, InjectDatabase, type DueLook } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { JobCommits } from '../commands/job-commits.js';
import type { JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';

/** Jobs handled together. */
const BATCH = 200;

/** Jobs whose time is over, as their rows say: active ones are terminated, completed ones are deleted. */
@Injectable()
export class DueJobs {
  private readonly clock: Clock;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly commits: JobCommits,
    private readonly barrier: JobBarrier,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
  ) {
    // What is ended because a clock was set has ended all the same.
    this.clock = new CautiousClock(clock, monotonic);
  }

  /** Ends all that are due, in batches, until `signal` aborts. */
  async look(signal: AbortSignal): Promise<DueLook> {
    const isUpToDate = await this.barrier.caughtUp();
    while ((await this.endBatch()) === BATCH && isUpToDate && !signal.aborted);
    const [row] = await this.db.query<{ next: string | null }[]>(
      'SELECT min(due_ms) AS next FROM job WHERE due_ms IS NOT NULL',
    );
    const next = row?.next ?? null;
    return { isUpToDate, nextInMs: next === null ? undefined : Number(next) - this.clock.now() };
  }

  private async endBatch(): Promise<number> {
    const due = await this.db.query<Pick<JobRow, 'job_id' | 'owner' | 'state'>[]>(
      `SELECT job_id, owner, state FROM job WHERE due_ms <= $1 ORDER BY due_ms LIMIT ${BATCH}`,
      [this.clock.now()],
    );
    const sequences = await Promise.all(due.map((job) => this.end(job)));
    await this.barrier.passed(Math.max(0, ...sequences));
    return due.length;
  }

  private async end(job: Pick<JobRow, 'job_id' | 'owner' | 'state'>): Promise<number> {
    try {
      return await this.commits.decideForOwner(
        job,
        job.state === 'Active'
          ? { type: 'TerminateJob', reason: 'wall-time' }
          : { type: 'DeleteJob', withTasks: false },
      );
    } catch (error) {
      // Its owner was faster.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}

/**
 * Ends jobs when their time is over. Every replica does this, and the log takes each end once. How long a job may last is measured from the instant
 * in the log at which it was created, so a restart changes nothing.
 */
@Injectable()
export class JobTimer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timer: DueTimer;

  constructor(due: DueJobs, @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock, @Inject(LOGGER) logger: Logger) {
    this.timer = new DueTimer({
      look: (signal) => due.look(signal),
      monotonic,
      logger,
      failed: 'jobs whose time is over could not be ended, trying again',
    });
  }

  onApplicationBootstrap(): void {
    this.timer.wakeIn(0);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timer.close();
  }

  /** Jobs came to be or were completed: a due time may be new. */
  notice(): void {
    this.timer.wakeIn(GATHER_MS);
  }
}
