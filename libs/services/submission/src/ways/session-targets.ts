import { Injectable } from '@nestjs/common';
import { Conflict, Forbidden, NotFound } from '@fornax/base';
import { has, type InFlight } from '@fornax/domain';
import { AccountDirectory, type Admission, admissionsOf, type RequestContext } from '@fornax/identity';
import { TaskLookup, type TaskStatus } from '@fornax/tasks';

/** Finds the running instance that somebody wants a session in, and says how long they may have it. */
@Injectable()
export class SessionTargets {
  constructor(
    private readonly lookup: TaskLookup,
    private readonly accounts: AccountDirectory,
  ) {}

  /** @param ended called when who opened one would not be let in any more as they were @returns stops it */
  watch(admission: Admission, ended: () => void): () => void {
    return admissionsOf(this.accounts).watch(admission, ended);
  }

  /** Of the caller, or of anybody where that is an operator. @throws NotFound @throws Forbidden */
  async task(id: string, { account }: RequestContext): Promise<TaskStatus> {
    const task = await this.lookup.find(account, id, 'tend');
    if (task.fold.owner !== account.id && account.role !== 'operator')
      throw new Forbidden(`Only its owner and operators may enter instances of task ${task.taskId}`, {
        code: 'not-the-owner',
      });
    return task;
  }

  /** @throws NotFound @throws Conflict it does not run */
  async leaseOf(task: TaskStatus, instance: number, context: RequestContext): Promise<InFlight> {
    if (!has(task.fold.all, instance))
      throw new NotFound(`Task ${task.taskId} has no instance ${instance}`, { code: 'instance-not-found' });
    const now = (one: TaskStatus): InFlight | undefined => {
      const lease = one.fold.inFlight.get(instance);
      return lease?.phase === 'executing' ? lease : undefined;
    };
    const found =
      now(task) ?? ((await this.lookup.caughtUp()) ? now(await this.task(task.taskId, context)) : undefined);
    if (found) return found;
    throw new Conflict(`Instance ${instance} of task ${task.taskId} is not running`, { code: 'instance-not-running' });
  }
}
