import { Injectable } from '@nestjs/common';
import { CommandRejected } from '@fornax/event-store';
import { DueObjects } from '@fornax/tasks';
import { JobCommits } from '../commands/job-commits.js';
import type { JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';

type DueJob = Pick<JobRow, 'job_id' | 'owner' | 'state'>;

/**
 * Ends jobs when their time is over: active ones are terminated, completed ones are deleted. How long a job may last is measured from the instant
 * in the log at which it was created, so a restart changes nothing.
 */
@Injectable()
export class JobExpiry {
  private readonly wake: () => void;

  constructor(
    due: DueObjects,
    private readonly commits: JobCommits,
    barrier: JobBarrier,
  ) {
    this.wake = due.whenDue<DueJob>({
      table: 'job',
      dueAt: 'due_ms',
      columns: 'job_id, owner, state',
      barrier,
      end: async (jobs) => {
        const sequences = await Promise.all(jobs.map((job) => this.end(job)));
        await barrier.passed(Math.max(0, ...sequences));
      },
      failed: 'jobs whose time is over could not be ended, trying again',
    });
  }

  /** Jobs came to be or were completed: a due time may be new. */
  notice(): void {
    this.wake();
  }

  private async end(job: DueJob): Promise<number> {
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
