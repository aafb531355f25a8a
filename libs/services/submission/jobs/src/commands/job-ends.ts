import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Unavailable } from '@fornax/base';
import type { CancelCause, JobEnd } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import { outsideOfRequests, ReadBarriers } from '@fornax/service-kit';
import { InjectDatabase, TasksOfJobs } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { JobCommits } from './job-commits.js';
import type { JobRow } from '../model/job-row.js';
import { JobBarrier } from '../model/jobs.projection.js';

type Ending = Pick<JobRow, 'job_id' | 'owner' | 'state' | 'ended_by'>;

const causeOf = (endedBy: JobEnd | null): CancelCause => (endedBy === 'wall-time' ? 'job-wall-time' : 'job-terminated');

/**
 * Carries terminated and deleted jobs to their end: their tasks are cancelled or deleted, and the job is completed or gone when none is left. What
 * is to be done stands in the rows, so it may be done again at any time, by any process.
 */
@Injectable()
export class JobEnds implements BeforeApplicationShutdown {
  private isStopping = false;
  /** Jobs whose end a request waits for. */
  private readonly asked = new Map<string, Promise<void>>();

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly tasks: TasksOfJobs,
    private readonly commits: JobCommits,
    private readonly barrier: JobBarrier,
    @Inject(ReadBarriers) private readonly barriers: ReadBarriers,
  ) {}

  beforeApplicationShutdown(): void {
    this.isStopping = true;
  }

  /** Does what can be done now for all jobs; those that are ended meanwhile join in. @throws LogUnavailable */
  async settle(): Promise<void> {
    // What requests end already is not done twice at once.
    await Promise.allSettled(this.asked.values());
    await this.round(null);
  }

  /** Does what can be done now for one job: the request that ends it does not wait for the tasks of others. @throws LogUnavailable */
  async settleOne(jobId: string): Promise<void> {
    const before = this.asked.get(jobId);
    const turn = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.round([jobId]));
    this.asked.set(jobId, turn);
    try {
      await turn;
    } finally {
      if (this.asked.get(jobId) === turn) this.asked.delete(jobId);
    }
  }

  /** Cancels tasks that came to a job when it took none any more. @param jobIds jobs that such tasks name */
  async cancelLate(jobIds: readonly string[]): Promise<void> {
    const rows = await this.db.query<Pick<Ending, 'job_id' | 'ended_by'>[]>(
      `SELECT w.job_id, job.ended_by FROM unnest($1::text[]) AS w(job_id) LEFT JOIN job USING (job_id) WHERE job.state IS DISTINCT FROM 'Active'`,
      [jobIds],
    );
    for (const { job_id: jobId, ended_by: endedBy } of rows)
      while (await this.tasks.cancelSome(jobId, causeOf(endedBy))) this.goOn();
  }

  /**
   * The jobs take turns, so that one with many tasks does not keep the others waiting.
   * @param jobIds null: all, those that are ended meanwhile, too
   */
  private async round(jobIds: readonly string[] | null): Promise<void> {
    const settled = new Set<string>();
    for (;;) {
      const ending = await this.ending(jobIds, settled);
      if (ending.length === 0) return;
      const done: Ending[] = [];
      for (const job of ending) {
        this.goOn();
        if (!(await this.endSome(job))) done.push(job);
      }
      for (const { job_id: jobId } of done) settled.add(jobId);
      if (done.length > 0) await this.finishThoseOver(done);
    }
  }

  /** @throws Unavailable the process ends: another one, or the next, goes on from what the rows say */
  private goOn(): void {
    if (this.isStopping) throw new Unavailable('The process is being stopped', { code: 'behind' });
  }

  private ending(jobIds: readonly string[] | null, but: ReadonlySet<string>): Promise<Ending[]> {
    return this.db.query<Ending[]>(
      `SELECT job_id, owner, state, ended_by FROM job
       WHERE state IN ('Terminating', 'Deleting') AND ($1::text[] IS NULL OR job_id = ANY($1)) AND job_id <> ALL($2::text[])
       ORDER BY job_id`,
      [jobIds, [...but]],
    );
  }

  /** @param jobs whose tasks were all told to end */
  private async finishThoseOver(jobs: readonly Ending[]): Promise<void> {
    await this.barriers.of('status').caughtUp();
    const counts = await this.tasks.counts(jobs.map(({ job_id: jobId }) => jobId));
    const over = jobs.filter(({ job_id: jobId, state }) => {
      const { tasks, unfinished } = counts.get(jobId) ?? { tasks: 0, unfinished: 0 };
      return (state === 'Deleting' ? tasks : unfinished) === 0;
    });
    const sequences = await outsideOfRequests(() => Promise.all(over.map((job) => this.finish(job))));
    if (sequences.length > 0) await this.barrier.passed(Math.max(...sequences));
  }

  private endSome({ job_id: jobId, state, ended_by: endedBy }: Ending): Promise<boolean> {
    if (state === 'Deleting') return this.tasks.deleteSome(jobId);
    return this.tasks.cancelSome(jobId, causeOf(endedBy));
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
