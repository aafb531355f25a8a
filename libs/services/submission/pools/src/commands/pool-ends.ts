import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Unavailable } from '@fornax/base';
import { InjectDatabase, PoolTasks, TasksOfPools } from '@fornax/tasks';
import type { DataSource } from 'typeorm';

/** A pool with so many open tasks at most has cancelled all of them when the request to delete it is answered. */
const FEW_TASKS = 200;

/** Cancels what runs and waits in pools that were deleted. Safe to repeat, at any time and by any process. */
@Injectable()
export class PoolEnds implements BeforeApplicationShutdown {
  private isStopping = false;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly tasks: PoolTasks,
    private readonly ending: TasksOfPools,
  ) {}

  beforeApplicationShutdown(): void {
    this.isStopping = true;
  }

  /** Cancels the tasks of a pool that has few: those of a large one are cancelled behind the answer, by whoever follows the log. @throws LogUnavailable */
  async cancelFew(poolId: string): Promise<void> {
    if ((await this.tasks.openIn(poolId)) <= FEW_TASKS) await this.cancel(poolId);
  }

  /** @throws LogUnavailable @throws Unavailable the process ends: the next one goes on */
  async cancel(poolId: string): Promise<void> {
    while (await this.ending.cancelSome(poolId))
      if (this.isStopping) throw new Unavailable('The process is being stopped', { code: 'behind' });
  }

  /** Cancels tasks that came to a pool when it was deleted. @param poolIds pools that such tasks name */
  async cancelLate(poolIds: readonly string[]): Promise<void> {
    if (poolIds.length === 0) return;
    const rows = await this.db.query<{ pool_id: string }[]>(
      `SELECT w.pool_id FROM unnest($1::text[]) AS w(pool_id) LEFT JOIN pool USING (pool_id)
       WHERE pool.fold IS NULL OR (pool.fold->>'deleteRequested')::boolean`,
      [poolIds],
    );
    for (const { pool_id: poolId } of rows) await this.cancel(poolId);
  }
}
