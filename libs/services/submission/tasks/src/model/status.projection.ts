import { Injectable } from '@nestjs/common';
import { LOG_PROBE, type RecordedCommit } from '@fornax/contracts';
import { TASK_FOLD_FORMAT, type TaskEvent } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { countTasks } from './task-counts.js';
import {
  deleteTasks,
  insertCompleted,
  statusOf,
  STATUS_COLUMNS,
  updateTasks,
  upsertTasks,
  type TaskRecord,
} from './task-rows.js';
import { applySnapshotCompleted, applyTaskCommit, type CompletedInstance, type TaskStatus } from './task-status.js';

/** Raised with the meaning of the rows; the task's fold, which they hold, counts for itself. A sum grows when either does. */
const STATUS_VERSION = 1 + TASK_FOLD_FORMAT;

/** Events that change what a task asks for: it is written as a whole. */
const CHANGING_SPEC: ReadonlySet<string> = new Set(['TaskSubmitted', 'TaskUpdated', 'TaskSnapshotsPlanned']);

/** Tasks kept in memory between batches, so that a busy task is not read again for every step. */
const CACHE_SIZE = 5_000;

const isTaskCommit = (commit: RecordedCommit): commit is RecordedCommit<TaskEvent> => commit.aggregate === 'task';
const isSubmission = (commit: RecordedCommit): boolean => commit.events[0]?.type === 'TaskSubmitted';

/** The task that a commit is about; undefined when it changes nothing here. */
const taskIdOf = (commit: RecordedCommit): string | undefined => {
  if (isTaskCommit(commit)) return commit.aggregateId;
  for (const event of commit.events) if (event.type === 'SnapshotCompleted') return event.taskId;
  return undefined;
};

/** The status of every task: what `GET /tasks` shows and what decisions about tasks start from. */
@Injectable()
export class StatusProjection implements Projection {
  readonly name = 'status';
  readonly version = STATUS_VERSION;
  /** Probes change no row; they show that rows are written (ADR 0030). */
  readonly aggregates = ['task', 'snapshot', LOG_PROBE.aggregate] as const;
  readonly tables = ['task', 'completed_instance', 'task_tag', 'task_count'] as const;
  /**
   * By table and task, oldest use first. An entry counts only while its version equals the row's, so another replica's writes and a transaction
   * that was rolled back cannot be missed. A rebuild makes tables of its own, and rows of one version may differ between the old and the new
   * ones: those of before know what the log has lost since.
   */
  private readonly cache = new Map<string, TaskStatus>();

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    // Of no row, and yet held up by whatever would hold up a row: a lock that somebody forgot, say.
    if (batch.some(({ aggregate }) => aggregate === LOG_PROBE.aggregate))
      await tx.query('UPDATE task SET version = version WHERE false');
    const { table, statuses } = await this.load(tx, batch);
    const changed = new Map<string, TaskStatus | null>();
    const isWhole = new Set<string>();
    let completed: CompletedInstance[] = [];
    for (const commit of batch) {
      const taskId = taskIdOf(commit);
      if (taskId === undefined) continue;
      const before = changed.has(taskId) ? (changed.get(taskId) ?? undefined) : statuses.get(taskId);
      if (!isTaskCommit(commit)) {
        if (before) changed.set(taskId, applySnapshotCompleted(before, commit.sequence));
        continue;
      }
      // What comes after the deletion of a task is of no use to anybody.
      if (before === undefined && !isSubmission(commit)) continue;
      const change = applyTaskCommit(before, commit);
      changed.set(taskId, change.status);
      for (const instance of change.completed) completed.push(instance);
      if (commit.events.some(({ type }) => CHANGING_SPEC.has(type))) isWhole.add(taskId);
    }
    const gone = [...changed].filter(([, status]) => status === null).map(([taskId]) => taskId);
    if (gone.length > 0) completed = completed.filter(({ taskId }) => changed.get(taskId) !== null);
    const kept = [...changed.values()].filter((status) => status !== null);
    await upsertTasks(
      tx,
      kept.filter(({ taskId }) => isWhole.has(taskId)),
      statuses,
    );
    await updateTasks(
      tx,
      kept.filter(({ taskId }) => !isWhole.has(taskId)),
    );
    await insertCompleted(tx, completed);
    await deleteTasks(tx, gone);
    await countTasks(tx, statuses, kept, gone);
    this.remember(table, kept, gone);
  }

  /** The batch's tasks as they stand in the rows; the expensive columns are read only of those that memory does not hold. */
  private async load(tx: EntityManager, batch: readonly RecordedCommit[]) {
    const known = new Set<string>();
    const isNew = new Set<string>();
    for (const commit of batch) {
      const taskId = taskIdOf(commit);
      if (taskId === undefined || isNew.has(taskId)) continue;
      if (isTaskCommit(commit) && isSubmission(commit)) isNew.add(taskId);
      else known.add(taskId);
    }
    const statuses = new Map<string, TaskStatus>();
    const rows = await tx.query<{ place: string; task_id: string | null; version: string }[]>(
      `SELECT here.place, task_id, version FROM (SELECT 'task'::regclass::oid::text AS place) AS here
       LEFT JOIN task ON task_id = ANY($1::text[])`,
      [[...known]],
    );
    const table = rows[0]?.place ?? '';
    const cold: string[] = [];
    for (const { task_id: taskId, version } of rows) {
      if (taskId === null) continue;
      const hot = this.cache.get(`${table}/${taskId}`);
      if (hot?.version === Number(version)) statuses.set(taskId, hot);
      else cold.push(taskId);
    }
    if (cold.length > 0) {
      const records = await tx.query<TaskRecord[]>(`SELECT ${STATUS_COLUMNS} FROM task WHERE task_id = ANY($1)`, [
        cold,
      ]);
      for (const record of records) statuses.set(record.task_id, statusOf(record));
    }
    return { table, statuses };
  }

  private remember(table: string, kept: readonly TaskStatus[], gone: readonly string[]): void {
    for (const taskId of gone) this.cache.delete(`${table}/${taskId}`);
    for (const status of kept) {
      const key = `${table}/${status.taskId}`;
      this.cache.delete(key);
      if (status.endMs === null) this.cache.set(key, status);
    }
    for (const key of this.cache.keys()) {
      if (this.cache.size <= CACHE_SIZE) break;
      this.cache.delete(key);
    }
  }
}
