import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { TASK_OWNERS_PROJECTION } from '../projections/task-owners.projection.js';

/** Whose tasks are. */
@Injectable()
export class TaskOwners {
  constructor(
    @InjectDataSource('storage') private readonly db: DataSource,
    private readonly barriers: ReadBarriers,
  ) {}

  /** Ids of the tasks of an owner that are not deleted. */
  async tasksOf(owner: string): Promise<readonly string[]> {
    // When the log cannot be asked, or the rows are late, what there is is shown.
    await this.barriers
      .of(TASK_OWNERS_PROJECTION)
      .caughtUp()
      .catch(() => undefined);
    const rows = await this.db.query<{ readonly task_id: string }[]>(
      'SELECT task_id FROM task_owner WHERE owner = $1',
      [owner],
    );
    return rows.map(({ task_id }) => task_id);
  }
}
