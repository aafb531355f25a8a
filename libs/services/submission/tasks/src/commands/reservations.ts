import { Injectable } from '@nestjs/common';
import type { TaskSpec } from '@fornax/domain';
import type { CheckedSpec } from '../model/task-spec.js';
import { TaskTables } from '../tables/task-tables.js';
import type { RequestContext } from '@fornax/identity';
import { both, unnamed, type Reservation } from './reservation.js';
import { Shortnames } from './shortnames.js';
import { TaskBuckets } from './task-buckets.js';
import { TaskPins } from './task-pins.js';
import { TaskQuota } from './task-quota.js';

/** Reserves what a new task needs. What costs nothing is asked first, what leaves a trace last. */
@Injectable()
export class Reservations {
  constructor(
    private readonly quota: TaskQuota,
    private readonly buckets: TaskBuckets,
    private readonly names: Shortnames,
    private readonly tables: TaskTables,
    private readonly pins: TaskPins,
  ) {}

  /**
   * @param taskId the task's id, unless an unanswered request of the same name is gone on with
   * @param mayContinue whether this request may be taken for such a one; a caller with a key of its own tells its requests apart
   * @throws Forbidden the quota is used up
   * @throws Conflict inputs that it is pinned to have changed
   * @throws NotFound, Invalid a bucket cannot be used
   * @throws Invalid the account has a task of this name
   * @throws Unavailable storage does not answer
   */
  async reserve(
    { spec, table }: CheckedSpec,
    taskId: string,
    mayContinue: boolean,
    context: RequestContext,
  ): Promise<Reservation> {
    const place = await this.quota.reserve(context.account, taskId);
    try {
      await this.buckets.ensure(spec, context);
      const name = await this.nameOf(spec, taskId, mayContinue, context);
      await this.storeBeside(name, { spec, ...(table ? { table } : {}) }, context);
      return both(place, name);
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  /** An earlier request has submitted the task: only its name may still have to be confirmed. */
  ofSubmitted({ shortname }: TaskSpec, taskId: string): Reservation {
    return shortname === taskId ? unnamed(taskId) : this.names.ofSubmitted(taskId);
  }

  /** What lies beside the log does so before the log names it: the table, and the lists of pinned inputs. */
  private async storeBeside(name: Reservation, { spec, table }: CheckedSpec, context: RequestContext): Promise<void> {
    const { pin, origin } = spec;
    try {
      if (pin && origin) await this.pins.hold(pin, origin.taskId, name.id, context);
      if (table) await this.tables.store(name.id, table);
    } catch (error) {
      await name.release();
      throw error;
    }
  }

  private async nameOf(
    { shortname }: TaskSpec,
    taskId: string,
    mayContinue: boolean,
    { account }: RequestContext,
  ): Promise<Reservation> {
    return shortname === taskId
      ? unnamed(taskId)
      : this.names.reserve({ owner: account.id, shortname, id: taskId }, mayContinue);
  }
}
