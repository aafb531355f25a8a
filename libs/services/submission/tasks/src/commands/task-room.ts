import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import { TaskDeletion } from './task-deletion.js';
import { InjectDatabase } from '../model/database.js';

/** A full account may have many tasks that may go; a request for one place needs only a few. */
const MAX_AT_ONCE = 1_000;

/** Deletes finished tasks that their owner declared as of no more use once they are over (`autoDeleteOnCompletion`). */
@Injectable()
export class TaskRoom {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly deletion: TaskDeletion,
  ) {}

  /** Deletes up to `places` such tasks, those first that ended first. @returns how many are gone, once the rows show it */
  async make(owner: string, places: number): Promise<number> {
    const records = await this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task WHERE owner = $1 AND auto_delete AND end_ms IS NOT NULL
       ORDER BY end_ms, task_id LIMIT $2`,
      [owner, Math.min(places, MAX_AT_ONCE)],
    );
    if (records.length === 0) return 0;
    await this.deletion.delete(records, 'auto-delete');
    return records.length;
  }
}
