import { reasonInPool } from './pool-reasons.js';
import type { SchedulerView } from './scheduler-view.js';
import type { WaitingReason } from './round.js';

/** A change of reason to be recorded in a task's stream; null when nothing waits for room any more. */
export interface ReasonChange {
  readonly taskId: string;
  readonly reason: string | null;
  readonly detail: string | null;
}

export interface ReasonOptions {
  readonly now: number;
  /** Waits shorter than this are not worth an event. */
  readonly patienceMs: number;
  /** Most changes at once; the others come next time. */
  readonly limit: number;
}

/**
 * Which reasons (by class, see `planRound`) differ from what the tasks' streams say. Short waits make no events, so a busy platform whose tasks flow through writes none;
 * a wait that ends is closed with a null, once.
 */
export const reasonChanges = (
  view: SchedulerView,
  reasons: ReadonlyMap<string, WaitingReason>,
  { now, patienceMs, limit }: ReasonOptions,
): readonly ReasonChange[] => {
  const changes: ReasonChange[] = [];
  for (const { taskId, state, pool, waitingSince } of view.allTasks()) {
    if (changes.length >= limit) break;
    // Why slots are not opened can be asked for live.
    if (pool) continue;
    const classKey = view.queue.classKeyOf(taskId);
    const isInPool = view.pools.isWaiting(taskId);
    const known = classKey === undefined ? undefined : reasons.get(classKey);
    const current = isInPool ? reasonInPool(view, taskId, reasons, now) : known;
    if (classKey === undefined && !isInPool && state.lastReason !== null)
      changes.push({ taskId, reason: null, detail: null });
    else if (
      current &&
      current.reason !== state.lastReason &&
      waitingSince !== undefined &&
      // A wait that begins in the future began before the clock was set back.
      (now - waitingSince >= patienceMs || now < waitingSince)
    ) {
      changes.push({ taskId, ...current });
    }
  }
  return changes;
};
