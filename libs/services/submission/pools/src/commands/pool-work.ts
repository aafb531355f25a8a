import { Injectable } from '@nestjs/common';
import { NotFound } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import type { RequestContext } from '@fornax/identity';
import { ChangeTask, PoolTasks } from '@fornax/tasks';

/** What runs and waits in pools. */
@Injectable()
export class PoolWork {
  constructor(
    private readonly tasks: PoolTasks,
    private readonly changes: ChangeTask,
  ) {}

  /** Cancels all tasks of a pool that are not over. */
  async cancel(poolId: string, context: RequestContext): Promise<void> {
    const tasks = await this.tasks.of(poolId, true);
    await Promise.all(tasks.map(({ taskId }) => this.cancelOne(taskId, context)));
  }

  /** One that is over meanwhile needs no cancelling. */
  private async cancelOne(taskId: string, context: RequestContext): Promise<void> {
    try {
      await this.changes.abort(taskId, context);
    } catch (error) {
      if (!(error instanceof CommandRejected) && !(error instanceof NotFound)) throw error;
    }
  }
}
