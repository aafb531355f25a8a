import { isSynchronized } from '@fornax/domain';
import type { WaitingReason } from './round.js';
import type { SchedulerView } from './scheduler-view.js';

const BUSY: WaitingReason = {
  reason: 'pool-busy',
  detail: 'every slot of its pool is in use, or is still being opened',
};

const SYNCHRONIZING: WaitingReason = {
  reason: 'pool-synchronizing',
  detail: 'not every slot of its pool has the newest resources yet',
};

/** Why instances of a task wait for their pool; undefined: they do not. @param byClass why what the scheduler has not placed waits, slots of pools too */
export const reasonInPool = (
  view: SchedulerView,
  taskId: string,
  byClass: ReadonlyMap<string, WaitingReason>,
): WaitingReason | undefined => {
  const { poolUuid, waitsForPoolResources } = view.task(taskId)?.state.spec ?? {};
  if (poolUuid === undefined || !view.pools.isWaiting(taskId)) return undefined;
  const pool = view.task(poolUuid)?.pool;
  if (pool && waitsForPoolResources === true && !isSynchronized(pool)) return SYNCHRONIZING;
  const classKey = view.queue.classKeyOf(poolUuid);
  const why = classKey === undefined ? undefined : byClass.get(classKey);
  return why ? { ...why, detail: `a slot of its pool cannot be opened: ${why.detail}` } : BUSY;
};
