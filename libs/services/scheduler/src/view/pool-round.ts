import {
  has,
  isSynchronized,
  iterate,
  openSlotsOf,
  startableOf,
  takesWork,
  type DispatchedLease,
  type PoolDemand,
  type PoolState,
} from '@fornax/domain';
import { holdOf } from './pool-reasons.js';
import type { RoundOptions } from './round.js';
import type { SchedulerView } from './scheduler-view.js';

interface FreeSlot {
  readonly leaseId: string;
  readonly node: string;
  readonly nodeEpoch: number;
  room: number;
}

/** Slots that are ready and have room, on nodes that take work. */
const freeSlots = (view: SchedulerView, pool: PoolState): readonly FreeSlot[] =>
  [...iterate(openSlotsOf(pool))].flatMap((slot) => {
    const lease = pool.slots.inFlight.get(slot);
    if (lease?.phase !== 'executing' || view.pools.isHeld(lease.leaseId)) return [];
    const { leaseId, node, nodeEpoch } = lease;
    const state = view.node(node)?.state;
    const room = pool.spec.slotsPerNode - view.leases.runningIn(leaseId);
    return room > 0 && state !== undefined && takesWork(state) ? [{ leaseId, node, nodeEpoch, room }] : [];
  });

/** Gives free slots of pools to the instances that wait for them: who came first goes first. Changes nothing in the view. */
export const placeInPools = (
  view: SchedulerView,
  { maxPlacements, newLeaseId, isBusy, now }: RoundOptions,
): ReadonlyMap<string, readonly DispatchedLease[]> => {
  const dispatches = new Map<string, readonly DispatchedLease[]>();
  let left = maxPlacements;
  for (const poolId of view.pools.wanted()) {
    const pool = view.task(poolId)?.pool;
    if (!pool || pool.deleteRequested || pool.failed !== null) continue;
    const free = [...freeSlots(view, pool)];
    for (const { taskId } of view.pools.tasksOf(poolId)) {
      if (free.length === 0 || left <= 0) break;
      const state = view.task(taskId)?.state;
      if (!state || isBusy(taskId) || holdOf(view, state, now)) continue;
      if (state.spec.waitsForPoolResources === true && !isSynchronized(pool)) continue;
      const leases: DispatchedLease[] = [];
      for (const instance of iterate(startableOf(state))) {
        const [slot] = free;
        if (!slot || left <= 0) break;
        const { leaseId: inSlot, node, nodeEpoch } = slot;
        const attempt = (state.attempts.get(instance) ?? 0) + 1;
        leases.push({ instance, leaseId: newLeaseId(), attempt, node, nodeEpoch, inSlot });
        left -= 1;
        slot.room -= 1;
        if (slot.room === 0) free.shift();
      }
      if (leases.length > 0) dispatches.set(taskId, leases);
    }
  }
  return dispatches;
};

/** Whether a round could place something in a slot of a pool. */
export const hasRoomInPools = (view: SchedulerView): boolean => {
  for (const poolId of view.pools.wanted()) {
    const pool = view.task(poolId)?.pool;
    if (pool && freeSlots(view, pool).length > 0) return true;
  }
  return false;
};

/** What the slots of a pool do now. */
export const demandOf = (view: SchedulerView, pool: PoolState): PoolDemand => {
  const running = new Map<number, number>();
  const idleSince = new Map<number, number>();
  const leaving = new Set<number>();
  for (const [slot, { leaseId, node }] of pool.slots.inFlight) {
    if (view.node(node)?.state.status === 'draining') leaving.add(slot);
    const count = view.leases.runningIn(leaseId);
    if (count > 0) running.set(slot, count);
    const freed = view.pools.freedSince(leaseId);
    if (freed !== undefined) idleSince.set(slot, freed);
  }
  return { running, idleSince, waiting: view.pools.waitingFor(pool.poolId), leaving };
};

/** The leases of slots. */
export const leasesOfSlots = ({ slots }: PoolState, numbers: Parameters<typeof has>[0]): readonly string[] =>
  [...slots.inFlight].flatMap(([slot, { leaseId }]) => (has(numbers, slot) ? [leaseId] : []));
