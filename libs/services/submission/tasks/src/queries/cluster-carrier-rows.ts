import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';

/** Keeps which process links all instances of a task that reach each other. */
@Injectable()
export class ClusterCarrierRows {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  /** The process that links a task: the given one, where none did. */
  async of(taskId: string, carrier: string): Promise<string> {
    const [row] = await this.db.query<{ readonly carrier: string }[]>(
      `INSERT INTO cluster_carrier AS c (task_id, carrier) VALUES ($1, $2)
       ON CONFLICT (task_id) DO UPDATE SET carrier = c.carrier RETURNING carrier`,
      [taskId, carrier],
    );
    return row?.carrier ?? carrier;
  }

  /** Hands a task over from one process to another, unless somebody else came first. */
  async handOver(taskId: string, from: string, to: string): Promise<void> {
    await this.db.query('UPDATE cluster_carrier SET carrier = $3 WHERE task_id = $1 AND carrier = $2', [
      taskId,
      from,
      to,
    ]);
  }

  /** Those of the tasks that another process than the given one links. */
  async elsewhereAmong(taskIds: readonly string[], carrier: string): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ readonly task_id: string }[]>(
      'SELECT task_id FROM cluster_carrier WHERE task_id = ANY($1::text[]) AND carrier <> $2',
      [taskIds, carrier],
    );
    return new Set(rows.map(({ task_id: taskId }) => taskId));
  }

  /** Forgets those of tasks that are over: nobody asks for them any more. */
  async forgetOver(): Promise<void> {
    await this.db.query(
      'DELETE FROM cluster_carrier AS c WHERE NOT EXISTS (SELECT FROM task WHERE task.task_id = c.task_id AND end_ms IS NULL)',
    );
  }
}
