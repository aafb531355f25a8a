import { Injectable } from '@nestjs/common';
import type { TaskSpec } from '@fornax/domain';
import type { CheckedSpec } from '../model/task-spec.js';
import { TaskTables } from '../tables/task-tables.js';
import { eachLimited } from '@fornax/base';
import type { RequestContext } from '@fornax/identity';
import { both, unnamed, type Reservation } from './reservation.js';
import { Shortnames } from './shortnames.js';
import { TaskBuckets } from './task-buckets.js';
import { TaskPins } from './task-pins.js';
import { TaskQuota } from './task-quota.js';

/** A task that has its place and its name. */
export interface ReservedTask {
  readonly taskId: string;
  readonly made: CheckedSpec;
}

/** Tables stored, and pins held, at once. */
const AT_ONCE = 100;

/** Reserves what a new task needs, and makes it. What costs nothing is asked first, what leaves a trace last. */
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
   * @throws PaymentRequired credits or a budget are used up
   * @throws Forbidden the quota is used up
   * @throws Invalid the account has a task of this name
   */
  async reserve(
    { spec }: CheckedSpec,
    taskId: string,
    mayContinue: boolean,
    context: RequestContext,
  ): Promise<Reservation> {
    const place = await this.quota.reserve(context.account, taskId, spec.projectUuid);
    try {
      return both(place, await this.nameOf(spec, taskId, mayContinue, context));
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  /** An earlier request has submitted the task: only its name may still have to be confirmed. */
  ofSubmitted({ shortname }: TaskSpec, taskId: string): Reservation {
    return shortname === taskId ? unnamed(taskId) : this.names.ofSubmitted(taskId);
  }

  /**
   * Makes what lies beside the log, before the log names it: the buckets of tasks that were reserved for, all of them or none, lists of pinned inputs, and
   * tables. Repeating it is safe.
   * @throws Conflict inputs that a task is pinned to have changed
   * @throws NoSuchBucket, BucketRefused
   * @throws Unavailable storage does not answer
   */
  async prepare(tasks: readonly ReservedTask[], context: RequestContext): Promise<void> {
    await eachLimited(tasks, AT_ONCE, async ({ taskId, made: { spec } }) => {
      const { pin, origin } = spec;
      if (pin && origin) await this.pins.hold(pin, origin.taskId, taskId, context);
    });
    await this.buckets.ensure(
      tasks.map(({ made: { spec } }) => spec),
      context,
    );
    await eachLimited(tasks, AT_ONCE, async ({ taskId, made: { table } }) => {
      if (table) await this.tables.store(taskId, table);
    });
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
