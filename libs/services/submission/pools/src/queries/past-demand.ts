import { Inject, Injectable } from '@nestjs/common';
import { eachLimited, Invalid } from '@fornax/base';
import { demandChanges, recordedDemand, type TaskEvent } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import type { Account } from '@fornax/identity';
import { EVENT_LOG } from '@fornax/service-kit';
import { PoolTasks } from '@fornax/tasks';
import { PoolLookup } from './pool-lookup.js';

/** Most tasks whose histories are read for one answer. */
const MOST_TASKS = 2_000;
const READ_AT_ONCE = 16;

type Demand = ReturnType<typeof recordedDemand>;

/** Tells what the tasks of a pool asked of it in the past, as the log has it. */
@Injectable()
export class PastDemand {
  constructor(
    private readonly lookup: PoolLookup,
    private readonly tasks: PoolTasks,
    @Inject(EVENT_LOG) private readonly log: EventLog,
  ) {}

  /**
   * Reads the demand from one moment to another. Tasks that are deleted by now are not counted.
   * @param id id or shortname of the pool
   * @throws NotFound, Unavailable, Invalid it had more than 2,000 tasks in that time
   */
  async of(account: Account, id: string, from: number, to: number): Promise<Demand> {
    const { poolId } = await this.lookup.find(account, id);
    const ids = await this.tasks.between(poolId, from, to, MOST_TASKS + 1);
    if (ids.length > MOST_TASKS)
      throw new Invalid(`The pool had more than ${MOST_TASKS} tasks in that time: ask for a shorter one`, {
        code: 'too-many-tasks',
      });
    const changes: Demand[number][] = [];
    await eachLimited(ids, READ_AT_ONCE, async (taskId) => {
      const commits = await this.log.readAggregate('task', taskId);
      const history = commits.map(({ at, events }) => ({ at, events: events as readonly TaskEvent[] }));
      for (const change of demandChanges(history)) changes.push(change);
    });
    return recordedDemand(changes, from, to);
  }
}
