import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import type { Account } from '@fornax/identity';
import { PoolsOfTasks } from '@fornax/tasks';

/** Says in which pool the copies of tasks run that ran in pools. */
@Injectable()
export class RepetitionPool {
  constructor(private readonly pools: PoolsOfTasks) {}

  /**
   * @param before the pools that a job and its tasks ran in @param named id or shortname of the pool that stands in for all of them
   * @returns the id of that pool; undefined: each copy runs where its origin ran
   * @throws ValidationFailed one takes no new tasks, or there is nothing to stand in for
   */
  async of(before: ReadonlySet<string>, named: string | undefined, account: Account): Promise<string | undefined> {
    if (named !== undefined) return this.standIn(before, named, account);
    for (const id of before) {
      if ((await this.pools.find(account, id))?.isOpen === true) continue;
      throw new ValidationFailed({
        pool: [`The pool ${id}, in which it ran, takes no new tasks: name an open one.`],
      });
    }
    return undefined;
  }

  private async standIn(before: ReadonlySet<string>, named: string, account: Account): Promise<string> {
    if (before.size === 0)
      throw new ValidationFailed({ pool: ['It did not run in a pool, so no other one can stand in.'] });
    const pool = await this.pools.find(account, named);
    if (!pool) throw new ValidationFailed({ pool: [`No such pool: ${named}`] });
    if (!pool.isOpen) throw new ValidationFailed({ pool: [`The pool ${named} is closed: it takes no new tasks.`] });
    return pool.poolId;
  }
}
