import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { Holder } from '../model/holder.js';
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
    await this.#caughtUp();
    return this.#ids('owner = $1', owner);
  }

  /** Ids of the tasks whose snapshots count for somebody. @param members whose an organization's are */
  async withSnapshots({ kind, id }: Holder, members: readonly string[] = []): Promise<readonly string[]> {
    await this.#caughtUp();
    switch (kind) {
      case 'user':
        return this.#ids('has_snapshots AND owner = $1', id);
      case 'project':
        return this.#ids('has_snapshots AND coalesce(project, owner) = $1', id);
      case 'organization':
        return this.#ids('has_snapshots AND owner = ANY ($1::text[])', [...members]);
    }
  }

  /** When the log cannot be asked, or the rows are late, what there is is shown. */
  #caughtUp(): Promise<unknown> {
    return this.barriers
      .of(TASK_OWNERS_PROJECTION)
      .caughtUp()
      .catch(() => undefined);
  }

  async #ids(condition: string, value: unknown): Promise<readonly string[]> {
    const rows = await this.db.query<{ readonly task_id: string }[]>(
      `SELECT task_id FROM task_owner WHERE ${condition}`,
      [value],
    );
    return rows.map(({ task_id }) => task_id);
  }
}
