import { Injectable } from '@nestjs/common';
import { eachLimited, NotFound } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import type { RequestContext } from '@fornax/identity';
import { ChangeTask, PoolTasks } from '@fornax/tasks';

/** Tasks that are cancelled at once. */
const AT_ONCE = 64;

/** What runs and waits in pools. */
@Injectable()
export class PoolWork {
  constructor(
    private readonly tasks: PoolTasks,
    private readonly changes: ChangeTask,
  ) {}

  /** Cancels all tasks of a pool that are not over. */
  async cancel(poolId: string, context: RequestContext): Promise<void> {
    for await (const taskIds of this.tasks.openOf(poolId))
      await eachLimited(taskIds, AT_ONCE, (taskId) => this.cancelOne(taskId, context));
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
