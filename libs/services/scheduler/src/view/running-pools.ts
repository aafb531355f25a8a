import type { Placement } from '@fornax/domain';
import type { WaitingReason } from './round.js';
import type { SchedulerView } from './scheduler-view.js';

const FULL: WaitingReason = {
  reason: 'quota',
  detail: 'the account has as many pools with slots as it may at once',
};

/** The owner of a pool that has no slot; undefined: it has some, or it is no pool. */
const ownerWithoutSlots = (view: SchedulerView, poolId: string): string | undefined => {
  const entry = view.task(poolId);
  if (!entry?.pool || view.leases.hasSlots(entry.state.owner, poolId)) return undefined;
  return entry.state.owner;
};

/** How many more pools of an owner may get their first slot (`maxRunningPool`; contract, section 4.9). */
const placesOf = ({ leases, quotas }: SchedulerView, owner: string): number =>
  quotas.maxRunningPools(owner) - leases.poolsWithSlots(owner);

/** Why a pool is given no first slot; undefined: it may get one, has some, or is no pool. */
export const whyPoolWaits = (view: SchedulerView, poolId: string): WaitingReason | undefined => {
  const owner = ownerWithoutSlots(view, poolId);
  return owner !== undefined && placesOf(view, owner) <= 0 ? FULL : undefined;
};

/** Leaves out placements that would give slots to more pools than may have some: pools of one round that are placed first have the places. */
export const withinRunningPools = (view: SchedulerView, placements: readonly Placement[]): readonly Placement[] => {
  const begun = new Map<string, Set<string>>();
  return placements.filter(({ taskId }) => {
    const owner = ownerWithoutSlots(view, taskId);
    if (owner === undefined) return true;
    const pools = begun.get(owner) ?? new Set<string>();
    if (pools.has(taskId)) return true;
    if (pools.size >= placesOf(view, owner)) return false;
    begun.set(owner, pools.add(taskId));
    return true;
  });
};
