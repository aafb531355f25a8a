import { Inject, Injectable } from '@nestjs/common';
import { CommandRejected } from '@fornax/event-store';
import { outsideOfRequests, ReadBarriers } from '@fornax/service-kit';
import { InjectDatabase, TasksOfJobs } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { JobCommits } from './job-commits.js';
import type { JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';

type Ending = Pick<JobRow, 'job_id' | 'owner' | 'state' | 'ended_by'>;

/**
 * Carries terminated and deleted jobs to their end: their tasks are cancelled or deleted, and the job is completed or gone when none is left. What
 * is to be done stands in the rows, so it may be done again at any time, by any process.
 */
@Injectable()
export class JobEnds {
  private settling: Promise<void> = Promise.resolve();

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly tasks: TasksOfJobs,
    private readonly commits: JobCommits,
    private readonly barrier: JobBarrier,
    @Inject(ReadBarriers) private readonly barriers: ReadBarriers,
  ) {}

  /** Does what can be done now; whoever calls meanwhile waits for the next round. @throws LogUnavailable */
  settle(): Promise<void> {
    const turn = this.settling.catch(() => undefined).then(() => this.round());
    this.settling = turn;
    return turn;
  }

  /** Cancels tasks that came to a job when it took none any more. @param jobIds jobs that such tasks name */
  async cancelLate(jobIds: readonly string[]): Promise<void> {
    const rows = await this.db.query<{ job_id: string }[]>(
      `SELECT w.job_id FROM unnest($1::text[]) AS w(job_id) LEFT JOIN job USING (job_id) WHERE job.state IS DISTINCT FROM 'Active'`,
      [jobIds],
    );
    for (const { job_id: jobId } of rows) while (await this.tasks.cancelSome(jobId, 'job-terminated'));
  }

  private async round(): Promise<void> {
    const ending = await this.db.query<Ending[]>(
      `SELECT job_id, owner, state, ended_by FROM job WHERE state IN ('Terminating', 'Deleting') ORDER BY job_id`,
    );
    if (ending.length === 0) return;
    for (const { job_id: jobId, state, ended_by: endedBy } of ending) {
      if (state === 'Deleting') while (await this.tasks.deleteSome(jobId));
      else while (await this.tasks.cancelSome(jobId, endedBy === 'wall-time' ? 'job-wall-time' : 'job-terminated'));
    }
    await this.barriers.of('status').caughtUp();
    const counts = await this.tasks.counts(ending.map(({ job_id: jobId }) => jobId));
    const over = ending.filter(({ job_id: jobId, state }) => {
      const { tasks, unfinished } = counts.get(jobId) ?? { tasks: 0, unfinished: 0 };
      return (state === 'Deleting' ? tasks : unfinished) === 0;
    });
    const sequences = await outsideOfRequests(() => Promise.all(over.map((job) => this.finish(job))));
    if (sequences.length > 0) await this.barrier.passed(Math.max(...sequences));
  }

  private async finish(job: Ending): Promise<number> {
    try {
      return await this.commits.decideForOwner(job, {
        type: job.state === 'Deleting' ? 'FinishDeletion' : 'CompleteJob',
      });
    } catch (error) {
      // Another process was faster, or its owner has deleted it meanwhile.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}
