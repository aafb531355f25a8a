import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { TaskDeletion } from './task-deletion.js';
import { InjectDatabase } from '../model/database.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { StoredTasks } from '../queries/stored-tasks.js';

/** How many tasks a job has, and how many of them are not over. */
export interface JobCounts {
  readonly tasks: number;
  readonly unfinished: number;
}

/** Tasks ended together. */
const BATCH = 200;
/** Most tasks in one answer. */
const MAX_LIST = 10_000;

/** The tasks of jobs: listed, counted, ended. */
@Injectable()
export class TasksOfJobs {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly stored: StoredTasks,
    private readonly deletion: TaskDeletion,
  ) {}

  /** In the order in which they were submitted, 10,000 at most. */
  async list(jobId: string): Promise<readonly TaskStatus[]> {
    const records = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE job_id = $1 AND state <> 'PendingDelete' ORDER BY created_ms, task_id LIMIT ${MAX_LIST}`,
      [jobId],
    );
    return this.stored.statusesOf(records);
  }

  async counts(jobIds: readonly string[]): Promise<ReadonlyMap<string, JobCounts>> {
    const rows = await this.db.query<{ job_id: string; tasks: string; unfinished: string }[]>(
      `SELECT job_id, count(*) AS tasks, count(*) FILTER (WHERE end_ms IS NULL) AS unfinished
       FROM task WHERE job_id = ANY($1::text[]) GROUP BY job_id`,
      [jobIds],
    );
    return new Map(
      rows.map((row) => [row.job_id, { tasks: Number(row.tasks), unfinished: Number(row.unfinished) }] as const),
    );
  }

  /** Cancels what has not ended of a job's tasks. @returns whether there may be more */
  async cancelSome(jobId: string, reason: 'job-terminated' | 'job-wall-time'): Promise<boolean> {
    const records = await this.some(
      `job_id = $1 AND end_ms IS NULL AND state NOT IN ('PendingCancel', 'PendingDelete')
      AND NOT (fold->>'cancelRequested')::boolean`,
      jobId,
    );
    await this.deletion.cancel(records, reason);
    return records.length === BATCH;
  }

  /** Deletes tasks of a job, running ones too. @returns whether there may be more */
  async deleteSome(jobId: string): Promise<boolean> {
    const records = await this.some(`job_id = $1 AND state <> 'PendingDelete'`, jobId);
    await this.deletion.delete(records, 'job-deleted');
    return records.length === BATCH;
  }

  private some(condition: string, jobId: string): Promise<TaskRecord[]> {
    return this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE ${condition} ORDER BY created_ms, task_id LIMIT ${BATCH}`,
      [jobId],
    );
  }
}
