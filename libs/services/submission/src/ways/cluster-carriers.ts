import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { every } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { InjectDatabase } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { Carriers } from './carriers.js';

const FORGET_MS = 60_000;

interface Logger {
  warn(fields: object, message: string): void;
}

/**
 * Says which process links the instances of a cluster: one for all of a task, the first one that is asked, as long as that lives. So connections between them never pass two processes.
 */
@Injectable()
export class ClusterCarriers implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private stop: () => void = () => undefined;

  constructor(
    private readonly carriers: Carriers,
    @InjectDatabase() private readonly db: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = every(FORGET_MS, () => this.forget());
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** This process. */
  get own(): string {
    return this.carriers.own;
  }

  /** The process that links a task: this one, where none does. */
  async of(taskId: string): Promise<string> {
    const [row] = await this.db.query<{ readonly carrier: string }[]>(
      `INSERT INTO cluster_carrier AS c (task_id, carrier) VALUES ($1, $2)
       ON CONFLICT (task_id) DO UPDATE SET carrier = c.carrier RETURNING carrier`,
      [taskId, this.carriers.own],
    );
    return row?.carrier ?? this.carriers.own;
  }

  /** Takes a task over from a process that does not answer, unless that lives all the same, or another one came first. @returns who links it now */
  async takeOver(taskId: string, from: string): Promise<string> {
    if (!(await this.carriers.isMarked(from)))
      await this.db.query('UPDATE cluster_carrier SET carrier = $3 WHERE task_id = $1 AND carrier = $2', [
        taskId,
        from,
        this.carriers.own,
      ]);
    return this.of(taskId);
  }

  /** Those of the tasks that another process links: it took this one for dead. */
  async elsewhereAmong(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (taskIds.length === 0) return new Set();
    const rows = await this.db.query<{ readonly task_id: string }[]>(
      'SELECT task_id FROM cluster_carrier WHERE task_id = ANY($1::text[]) AND carrier <> $2',
      [taskIds, this.carriers.own],
    );
    return new Set(rows.map(({ task_id: taskId }) => taskId));
  }

  /** Of tasks that are over nobody asks any more. Never rejects. */
  private async forget(): Promise<void> {
    try {
      await this.db.query(
        'DELETE FROM cluster_carrier AS c WHERE NOT EXISTS (SELECT FROM task WHERE task.task_id = c.task_id AND end_ms IS NULL)',
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'who links clusters that are over could not be forgotten');
    }
  }
}
