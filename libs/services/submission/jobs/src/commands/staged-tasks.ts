import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import { CLOCK, outsideOfRequests } from '@fornax/service-kit';
import { userMeta, type RequestContext } from '@fornax/identity';
import type { Clock, ValidationFailed } from '@fornax/base';
import {
  BATCH_AT_ONCE,
  DueObjects,
  InjectDatabase,
  TaskBatches,
  type Batch,
  type BatchedTask,
  type BatchTask,
} from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { JobBarrier } from '../model/jobs.projection.js';
import { JobCommits } from './job-commits.js';

interface Row {
  readonly position: number;
  readonly task_id: string;
  readonly owner: string;
  readonly spec: TaskSpec;
  readonly meta: CommitMeta;
}

interface StagedJob {
  readonly job_id: string;
  /** The commit that decides; empty: of a job that was staged before this was noted. */
  readonly commit_id: string;
  readonly staged_ms: string;
}

/** Rows written by one statement. */
const AT_ONCE = 1_000;
/** Whoever takes tasks to the log says at least that often that it still does. */
const LEASE_MS = 10_000;
/** Of a job that never came to be: much longer than a request may take to append it. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/**
 * Makes a job and its tasks at once or not at all, though each of them has a stream of its own: the tasks are stored beside the log first, the
 * commit that creates the job is the one that decides, and from then on its tasks are taken to the log. States: staged -> the log has the job ->
 * the log has the tasks, and the rows are gone. The request does it under a lease; where that runs out, any process goes on. Two that do it at
 * once do no harm: each task is appended once.
 */
@Injectable()
export class StagedTasks {
  @Inject(CLOCK) private readonly clock!: Clock;
  private readonly wake: () => void;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly batches: TaskBatches,
    private readonly commits: JobCommits,
    due: DueObjects,
    barrier: JobBarrier,
  ) {
    this.wake = due.whenDue<StagedJob>({
      table: 'staged_job',
      dueAt: 'due_ms',
      columns: 'job_id, commit_id, staged_ms',
      barrier,
      end: async (jobs) => {
        for (const job of jobs) await this.goOn(job);
      },
      failed: 'tasks of jobs could not be taken to the log, trying again',
    });
  }

  /** Which of these tasks are stored to be taken to the log. */
  async among(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    const sql = 'SELECT task_id FROM staged_task WHERE task_id = ANY($1::text[])';
    const rows = await this.db.query<Pick<Row, 'task_id'>[]>(sql, [taskIds]);
    return new Set(rows.map(({ task_id: id }) => id));
  }

  /** Jobs came to be: the tasks of one may have to be taken to the log when the lease of its request runs out. */
  notice(): void {
    this.wake();
  }

  /** What is wrong with the tasks of a job that is refused. It leaves nothing. */
  problemsOf(jobId: string, asked: readonly BatchTask[], context: RequestContext): Promise<ValidationFailed['errors']> {
    return this.batches.problemsOf(jobId, asked, context);
  }

  /**
   * Stores the tasks of a job that is about to be created, once all of them may be made. Repeating it changes nothing.
   * @param body of the request that creates it
   * @throws ValidationFailed naming the fields, Forbidden, NotFound
   */
  async stage(jobId: string, body: unknown, asked: readonly BatchTask[], context: RequestContext): Promise<Batch> {
    const batch = await this.batches.prepare(jobId, asked, context);
    const commitId = this.commits.idOfSubmission(jobId, body);
    const release = async (): Promise<void> => {
      await this.forget(jobId, commitId);
      await batch.release();
    };
    try {
      await this.store(jobId, commitId, batch.tasks, context);
    } catch (error) {
      await batch.release();
      throw error;
    }
    this.wake();
    return { ...batch, release };
  }

  private async store(
    jobId: string,
    commitId: string,
    tasks: readonly BatchedTask[],
    context: RequestContext,
  ): Promise<void> {
    const meta = JSON.stringify(userMeta('submission', context));
    const now = this.clock.now();
    await this.db.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO staged_job (job_id, commit_id, staged_ms, due_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (job_id, commit_id) DO UPDATE SET due_ms = excluded.due_ms`,
        [jobId, commitId, now, now + LEASE_MS],
      );
      for (let from = 0; from < tasks.length; from += AT_ONCE) {
        const part = tasks.slice(from, from + AT_ONCE);
        await tx.query(
          `INSERT INTO staged_task (job_id, commit_id, position, task_id, owner, spec, meta)
           SELECT $1, $7, w.at + $2, w.task_id, $5, w.spec, $6::jsonb
           FROM unnest($3::text[], $4::jsonb[]) WITH ORDINALITY AS w(task_id, spec, at) ON CONFLICT DO NOTHING`,
          [
            jobId,
            from,
            part.map(({ taskId }) => taskId),
            part.map(({ spec }) => JSON.stringify(spec)),
            context.account.id,
            meta,
            commitId,
          ],
        );
      }
    });
  }

  /** Takes what is staged of a job to the log that has the job, and resolves once a read shows it. Safe to repeat, and to do from several processes. @throws LogUnavailable */
  private async unfold(jobId: string, commitId: string): Promise<void> {
    await outsideOfRequests(async () => {
      let [last, sequence] = [0, 0];
      for (;;) {
        const rows = await this.db.query<Row[]>(
          `SELECT position, task_id, owner, spec, meta FROM staged_task
           WHERE job_id = $1 AND commit_id = $3 AND position > $2 ORDER BY position LIMIT ${BATCH_AT_ONCE}`,
          [jobId, last, commitId],
        );
        const [first] = rows;
        if (!first) break;
        await this.lease(jobId, commitId);
        const tasks = rows.map(({ task_id: taskId, spec }) => ({ taskId, spec }));
        sequence = Math.max(sequence, await this.batches.append(tasks, first.owner, first.meta));
        last = rows.at(-1)?.position ?? last;
      }
      await this.batches.shown(sequence);
      await this.forget(jobId, commitId);
    });
  }

  /** Takes the tasks to the log of a job that the log has by this request, and resolves once a read shows them. @param body of the request */
  unfoldOf(jobId: string, body: unknown): Promise<void> {
    return this.unfold(jobId, this.commits.idOfSubmission(jobId, body));
  }

  /** Does for a job what its request left. */
  private async goOn({ job_id: jobId, commit_id: commitId, staged_ms: stagedAt }: StagedJob): Promise<void> {
    if (!(await this.claim(jobId, commitId))) return;
    const made = await this.commits.submissionOf(jobId);
    // Another request has made the job under this one's key: these are not its tasks.
    if (made && commitId !== '' && made.id !== commitId) return this.forget(jobId, commitId);
    if (made) return this.unfold(jobId, commitId);
    if (this.clock.now() - Number(stagedAt) >= FORGOTTEN_AFTER_MS) await this.forget(jobId, commitId);
  }

  /** @returns false: another process goes on with it */
  private async claim(jobId: string, commitId: string): Promise<boolean> {
    const now = this.clock.now();
    const [rows] = await this.db.query<[unknown[], number]>(
      'UPDATE staged_job SET due_ms = $2::bigint + $3 WHERE job_id = $1 AND commit_id = $4 AND due_ms <= $2 RETURNING job_id',
      [jobId, now, LEASE_MS, commitId],
    );
    return rows.length > 0;
  }

  private async lease(jobId: string, commitId: string): Promise<void> {
    await this.db.query('UPDATE staged_job SET due_ms = $3 WHERE job_id = $1 AND commit_id = $2', [
      jobId,
      commitId,
      this.clock.now() + LEASE_MS,
    ]);
  }

  private async forget(jobId: string, commitId: string): Promise<void> {
    await this.db.query(
      `WITH job AS (DELETE FROM staged_job WHERE job_id = $1 AND commit_id = $2)
       DELETE FROM staged_task WHERE job_id = $1 AND commit_id = $2`,
      [jobId, commitId],
    );
  }
}
