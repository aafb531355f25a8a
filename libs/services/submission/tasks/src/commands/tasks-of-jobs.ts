import { Injectable } from '@nestjs/common';
import { Invalid } from '@fornax/base';
import type { CancelCause, DependencyEnd, DependencyFacts, PublicTaskState, TaskDependency } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { SomeTasks } from './some-tasks.js';
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

/** A task as one of the graph of its job. */
export interface TaskInJob {
  readonly taskId: string;
  readonly name: string;
  readonly state: PublicTaskState;
  readonly createdAt: number;
  readonly endedAt: number | null;
  readonly dependencies: readonly TaskDependency[];
  readonly facts: DependencyFacts;
}

interface ShapeRow {
  readonly task_id: string;
  readonly name: string;
  readonly state: PublicTaskState;
  readonly created_ms: string;
  readonly end_ms: string | null;
  readonly dependencies: readonly TaskDependency[] | null;
  readonly ends: readonly DependencyEnd[] | null;
  readonly held: number | null;
  readonly ended_held: boolean | null;
}

/** Most tasks in one answer. */
const MAX_LIST = 10_000;
/** Most tasks of a job that is looked at as a whole. */
const MAX_SHAPE = 100_000;

/** The tasks of jobs: listed, counted, ended. */
@Injectable()
export class TasksOfJobs {
  private readonly parts: SomeTasks;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly stored: StoredTasks,
    deletion: TaskDeletion,
  ) {
    this.parts = new SomeTasks(db, deletion, 'job_id = $1');
  }

  /** In the order in which they were submitted, 10,000 at most. */
  async list(jobId: string): Promise<readonly TaskStatus[]> {
    const records = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE job_id = $1 AND state <> 'PendingDelete' ORDER BY created_ms, task_id LIMIT ${MAX_LIST}`,
      [jobId],
    );
    return this.stored.statusesOf(records);
  }

  /** The project that all tasks of a job lie in; undefined where there are none, or they lie in several. */
  async projectOf(jobId: string): Promise<string | undefined> {
    const [row] = await this.db.query<{ one: string | null; other: string | null; outside: boolean | null }[]>(
      `SELECT min(spec->>'projectUuid') AS one, max(spec->>'projectUuid') AS other, bool_or(spec->>'projectUuid' IS NULL) AS outside
       FROM task WHERE job_id = $1`,
      [jobId],
    );
    return row?.outside === false && row.one === row.other ? (row.one ?? undefined) : undefined;
  }

  /** All tasks and what they wait for, in the order in which they were submitted. @throws Invalid there are more than 100,000 */
  async shape(jobId: string): Promise<readonly TaskInJob[]> {
    const rows = await this.db.query<ShapeRow[]>(
      `SELECT task_id, spec->>'name' AS name, state, created_ms, end_ms, spec->'dependencies' AS dependencies, fold->'dependencyEnds' AS ends,
         (fold->'held'->>'size')::int AS held, (fold->>'endedHeld')::boolean OR ((fold->>'isHeld')::boolean AND end_ms IS NOT NULL) AS ended_held
       FROM task WHERE job_id = $1 AND state <> 'PendingDelete' ORDER BY created_ms, task_id LIMIT ${MAX_SHAPE + 1}`,
      [jobId],
    );
    if (rows.length > MAX_SHAPE)
      throw new Invalid(`The job has more than ${MAX_SHAPE} tasks: it cannot be looked at as a whole`, {
        code: 'job-too-large',
      });
    return rows.map((row) => ({
      taskId: row.task_id,
      name: row.name,
      state: row.state,
      createdAt: Number(row.created_ms),
      endedAt: row.end_ms === null ? null : Number(row.end_ms),
      dependencies: row.dependencies ?? [],
      facts: { heldInstances: row.held ?? 0, endedHeld: row.ended_held ?? false, ends: row.ends ?? [] },
    }));
  }

  /** Of these tasks, everything that there is. */
  async whole(taskIds: readonly string[]): Promise<readonly TaskStatus[]> {
    const records = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE task_id = ANY($1::text[])`,
      [taskIds],
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

  /** Cancels what has not ended of a job's tasks. @returns whether there may be more @throws Unavailable the rows are behind */
  cancelSome(jobId: string, because: CancelCause): Promise<boolean> {
    return this.parts.cancel(jobId, because);
  }

  /** Deletes tasks of a job, running ones too. @returns whether there may be more @throws Unavailable the rows are behind */
  deleteSome(jobId: string): Promise<boolean> {
    return this.parts.delete(jobId, 'job-deleted');
  }
}
