import { Unavailable } from '@fornax/base';
import type { CancelCause } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import type { TaskDeletion } from './task-deletion.js';

/** Tasks ended together. */
const BATCH = 200;
const IS_OPEN = `end_ms IS NULL AND state NOT IN ('PendingCancel', 'PendingDelete') AND NOT (fold->>'cancelRequested')::boolean`;

/** Ends some tasks of whatever they belong to; whoever calls goes on while there may be more. */
export class SomeTasks {
  /** @param belongs the condition, in SQL, of which `$1` is the id of what they belong to */
  constructor(
    private readonly db: DataSource,
    private readonly deletion: TaskDeletion,
    private readonly belongs: string,
  ) {}

  /** Cancels what has not ended. @returns whether there may be more @throws Unavailable the rows are behind */
  async cancel(id: string, because: CancelCause): Promise<boolean> {
    const records = await this.some(IS_OPEN, id);
    return mayBeMore(records, await this.deletion.cancel(records, because));
  }

  /** Deletes them, running ones too. @returns whether there may be more @throws Unavailable the rows are behind */
  async delete(id: string, reason: Parameters<TaskDeletion['delete']>[1]): Promise<boolean> {
    const records = await this.some(`state <> 'PendingDelete'`, id);
    return mayBeMore(records, await this.deletion.delete(records, reason));
  }

  private some(condition: string, id: string): Promise<TaskRecord[]> {
    return this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE ${this.belongs} AND ${condition} ORDER BY created_ms, task_id LIMIT ${BATCH}`,
      [id],
    );
  }
}

/** Rows that do not move would show the same tasks again and again. */
const mayBeMore = (records: readonly TaskRecord[], areShown: boolean): boolean => {
  if (!areShown)
    throw new Unavailable('The rows of tasks do not show yet what has happened to them', { code: 'behind' });
  return records.length === BATCH;
};
