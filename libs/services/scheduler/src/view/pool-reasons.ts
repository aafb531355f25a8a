import {
  isSynchronized,
  type PoolState,
  refreshFailuresOf,
  type TaskState,
  type SpendingHold,
  whyHeld,
} from '@fornax/domain';
import type { WaitingReason } from './round.js';
import { whyPoolWaits } from './running-pools.js';
import type { SchedulerView } from './scheduler-view.js';

const BUSY: WaitingReason = {
  reason: 'pool-busy',
  detail: 'every slot of its pool is in use or still being opened, or its pool grows at its next change of size',
};

/** With the reason of one slot that could not fetch them, of one that has given up above all. */
const synchronizing = (pool: PoolState): WaitingReason => {
  const reason = 'pool-synchronizing';
  const failures = refreshFailuresOf(pool);
  const failure = failures.find(({ isFinal }) => isFinal) ?? failures[0];
  if (!failure) return { reason, detail: 'not every slot of its pool has the newest resources yet' };
  const { error, isFinal, instance } = failure;
  const next = isFinal ? 'it tries again when the resources of the pool are updated again' : 'it tries again';
  return {
    reason,
    detail: `slot ${instance} of its pool could not fetch the newest resources, and ${next}: ${error.message}`,
  };
};

/** What holds back a task in a pool: its own account and project, whoever's the pool is. */
export const holdOf = ({ holds }: SchedulerView, { owner, spec }: TaskState, now: number): SpendingHold | undefined =>
  holds.of(owner, spec.projectUuid ?? null, now);

/** Why instances of a task wait for their pool; undefined: they do not. @param byClass why what the scheduler has not placed waits, slots of pools too */
export const reasonInPool = (
  view: SchedulerView,
  taskId: string,
  byClass: ReadonlyMap<string, WaitingReason>,
  now: number,
): WaitingReason | undefined => {
  const state = view.task(taskId)?.state;
  const { poolUuid, waitsForPoolResources } = state?.spec ?? {};
  if (!state || poolUuid === undefined || !view.pools.isWaiting(taskId)) return undefined;
  const hold = holdOf(view, state, now);
  if (hold) return whyHeld(hold);
  const pool = view.task(poolUuid)?.pool;
  if (pool && waitsForPoolResources === true && !isSynchronized(pool)) return synchronizing(pool);
  const classKey = view.queue.classKeyOf(poolUuid);
  const why = classKey === undefined ? undefined : (whyPoolWaits(view, poolUuid) ?? byClass.get(classKey));
  return why ? { ...why, detail: `a slot of its pool cannot be opened: ${why.detail}` } : BUSY;
};
