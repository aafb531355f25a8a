import { plan, type DispatchedLease, type Plan, type SchedulingPolicy } from '@fornax/domain';
import { placeInPools } from './pool-round.js';
import { whyPoolWaits, withinRunningPools } from './running-pools.js';
import type { SchedulerView } from './scheduler-view.js';

/** Keeps one commit of leases (some 150 bytes each) and one turn of the event loop short. */
export const MAX_PLACEMENTS_PER_ROUND = 1_000;

export interface WaitingReason {
  readonly reason: string;
  readonly detail: string;
}

/** What one round decided: leases to dispatch, by task, and why the others wait. */
export interface Round {
  readonly dispatches: ReadonlyMap<string, readonly DispatchedLease[]>;
  readonly placements: number;
  /** By equivalence class: what keeps one task of a class waiting keeps them all. */
  readonly reasons: ReadonlyMap<string, WaitingReason>;
}

export interface RoundOptions {
  readonly maxPlacements: number;
  /** A new lease id. */
  readonly newLeaseId: () => string;
  /** Tasks that a decision is being appended for: their state is about to change, so they sit this round out. */
  readonly isBusy: (taskId: string) => boolean;
  /** Milliseconds since the epoch: holds end by themselves. */
  readonly now: number;
}

const policyOf = (view: SchedulerView, maxPlacements: number, now: number): SchedulingPolicy => ({
  maxPlacements,
  closedNodes: view.closedNodes(),
  ...(view.holds.size === 0 ? {} : { holdOf: (owner, project) => view.holds.of(owner, project ?? null, now) }),
  ...view.quotas.policy(view.leases),
});

const planned = (
  view: SchedulerView,
  { maxPlacements, isBusy, now }: Pick<RoundOptions, 'maxPlacements' | 'isBusy' | 'now'>,
): Plan => {
  const isLeftOut = (taskId: string): boolean => isBusy(taskId) || whyPoolWaits(view, taskId) !== undefined;
  const classes = view.failures.apart(view.queue.front(maxPlacements, isLeftOut), view.elapsed());
  const all = plan(view.cluster(), classes, policyOf(view, maxPlacements, now));
  return { ...all, placements: withinRunningPools(view, all.placements) };
};

const byClass = (reasons: Plan['reasons']): ReadonlyMap<string, WaitingReason> =>
  new Map(reasons.map(({ classKey, ...why }) => [classKey, why]));

/** One scheduling round over the view as it stands. Changes nothing. */
export const planRound = (view: SchedulerView, options: RoundOptions): Round => {
  const { newLeaseId } = options;
  const { placements, reasons } = planned(view, options);
  const inPools = placeInPools(view, options);
  const dispatches = new Map<string, DispatchedLease[]>();
  for (const { taskId, instance, node, nodeEpoch } of placements) {
    const attempt = (view.task(taskId)?.state.attempts.get(instance) ?? 0) + 1;
    const lease: DispatchedLease = { instance, leaseId: newLeaseId(), attempt, node, nodeEpoch };
    const leases = dispatches.get(taskId);
    if (leases) leases.push(lease);
    else dispatches.set(taskId, [lease]);
  }
  let placed = placements.length;
  for (const [taskId, leases] of inPools) {
    dispatches.set(taskId, [...leases]);
    placed += leases.length;
  }
  return {
    dispatches,
    placements: placed,
    reasons: byClass(reasons),
  };
};

/** Why tasks wait, by class, as a round would find it now. Changes nothing, and places nothing. */
export const reasonsNow = (
  view: SchedulerView,
  options: Pick<RoundOptions, 'isBusy' | 'now'>,
): ReadonlyMap<string, WaitingReason> =>
  byClass(planned(view, { ...options, maxPlacements: MAX_PLACEMENTS_PER_ROUND }).reasons);

/** One reason for all classes that wait. */
export const sameForAll = (view: SchedulerView, reason: WaitingReason): ReadonlyMap<string, WaitingReason> =>
  new Map([...view.queue.classKeys()].map((key) => [key, reason]));
