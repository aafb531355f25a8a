import { Injectable } from '@nestjs/common';
import type { TaskSpec } from '@fornax/domain';
import type { CheckedSpec } from '../model/task-spec.js';
import type { ParameterTable } from '../tables/parameter-table.js';
import { TaskTables } from '../tables/task-tables.js';
import type { RequestContext } from '@fornax/identity';
import { both, unnamed, type Reservation } from './reservation.js';
import { Shortnames } from './shortnames.js';
import { TaskBuckets } from './task-buckets.js';
import { TaskQuota } from './task-quota.js';

/** Reserves what a new task needs. What costs nothing is asked first, what leaves a trace last. */
@Injectable()
export class Reservations {
  constructor(
    private readonly quota: TaskQuota,
    private readonly buckets: TaskBuckets,
    private readonly names: Shortnames,
    private readonly tables: TaskTables,
  ) {}

  /**
   * @param taskId the task's id, unless an unanswered request of the same name is gone on with
   * @param mayContinue whether this request may be taken for such a one; a caller with a key of its own tells its requests apart
   * @throws Forbidden the quota is used up
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
      if (table) await this.storeTable(name, table);
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

  /** The table lies in the storage before the log names it. */
  private async storeTable(name: Reservation, table: ParameterTable): Promise<void> {
    try {
      await this.tables.store(name.id, table);
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
