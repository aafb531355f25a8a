import { Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import { outsideOfRequests } from '@fornax/service-kit';
import { userMeta, type RequestContext } from '@fornax/identity';
import { InjectDatabase, TaskBatches, type Batch, type BatchedTask, type BatchTask } from '@fornax/tasks';
import type { DataSource } from 'typeorm';

interface Row {
  readonly task_id: string;
  readonly owner: string;
  readonly spec: TaskSpec;
  readonly meta: CommitMeta;
}

/** Rows written by one statement. */
const AT_ONCE = 1_000;
/** Of a job that never came to be. */
const FORGOTTEN_AFTER = '1 day';

/**
 * Makes a job and its tasks at once or not at all, though each of them has a stream of its own: the tasks are stored beside the log first, the
 * commit that creates the job is the one that decides, and from then on its tasks are taken to the log, by whoever is there. States: staged ->
 * the log has the job -> the log has the tasks, and the rows are gone.
 */
@Injectable()
export class StagedTasks {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly batches: TaskBatches,
  ) {}

  /**
   * Stores the tasks of a job that is about to be created, once all of them may be made. Repeating it changes nothing.
   * @throws ValidationFailed naming the fields, Forbidden, NotFound
   */
  async stage(jobId: string, asked: readonly BatchTask[], context: RequestContext): Promise<Batch> {
    const batch = await this.batches.prepare(jobId, asked, context);
    const release = async (): Promise<void> => {
      await this.db.query('DELETE FROM staged_task WHERE job_id = $1', [jobId]);
      await batch.release();
    };
    try {
      await this.store(jobId, batch.tasks, context.account.id, userMeta('submission', context));
    } catch (error) {
      await batch.release();
      throw error;
    }
    return { ...batch, release };
  }

  private async store(jobId: string, tasks: readonly BatchedTask[], owner: string, meta: CommitMeta): Promise<void> {
    await this.db.transaction(async (tx) => {
      await tx.query(
        `DELETE FROM staged_task WHERE staged_at < now() - interval '${FORGOTTEN_AFTER}'
         AND NOT EXISTS (SELECT FROM job WHERE job.job_id = staged_task.job_id)`,
      );
      for (let from = 0; from < tasks.length; from += AT_ONCE) {
        const part = tasks.slice(from, from + AT_ONCE);
        await tx.query(
          `INSERT INTO staged_task (job_id, position, task_id, owner, spec, meta)
           SELECT $1, w.at + $2, w.task_id, $5, w.spec, $6::jsonb
           FROM unnest($3::text[], $4::jsonb[]) WITH ORDINALITY AS w(task_id, spec, at) ON CONFLICT DO NOTHING`,
          [
            jobId,
            from,
            part.map(({ taskId }) => taskId),
            part.map(({ spec }) => JSON.stringify(spec)),
            owner,
            JSON.stringify(meta),
          ],
        );
      }
    });
  }

  /** Does for several jobs what `unfold` does for one; most have nothing staged. @throws LogUnavailable */
  async unfoldThose(jobIds: readonly string[]): Promise<void> {
    if (jobIds.length === 0) return;
    const rows = await this.db.query<{ job_id: string }[]>(
      'SELECT DISTINCT job_id FROM staged_task WHERE job_id = ANY($1::text[])',
      [jobIds],
    );
    for (const { job_id: jobId } of rows) await this.unfold(jobId);
  }

  /** Takes what is staged of a job to the log; whoever comes meanwhile waits until it is done. @throws LogUnavailable */
  async unfold(jobId: string): Promise<void> {
    await outsideOfRequests(() =>
      this.db.transaction(async (tx) => {
        const rows = await tx.query<Row[]>(
          'SELECT task_id, owner, spec, meta FROM staged_task WHERE job_id = $1 ORDER BY position FOR UPDATE',
          [jobId],
        );
        const [first] = rows;
        if (!first) return;
        const tasks = rows.map(({ task_id: taskId, spec }) => ({ taskId, spec }));
        const sequence = await this.batches.append(tasks, first.owner, first.meta);
        await tx.query('DELETE FROM staged_task WHERE job_id = $1', [jobId]);
        await this.batches.shown(sequence);
      }),
    );
  }
}
