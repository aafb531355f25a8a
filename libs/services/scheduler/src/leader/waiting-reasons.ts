import { isAtItsLimit, type TaskState } from '@fornax/domain';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { reasonInPool } from '../view/pool-reasons.js';
import { whyPoolWaits } from '../view/running-pools.js';
import { reasonsNow, sameForAll, type WaitingReason } from '../view/round.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import { reasonChanges } from '../view/reason-changes.js';

export interface WaitingReasonsOptions {
  readonly view: SchedulerView;
  /** All that recording needs: what is planned for its sake cannot be dispatched. */
  readonly writer: Pick<TaskWriter, 'isBusy' | 'recordReason'>;
  readonly now: () => number;
  /** Whether nothing may be placed now, so that all wait for the same. */
  readonly isHeld?: () => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const INTERVAL_MS = 500;
const PATIENCE_MS = 1_000;
/** Reasons are for people; at most some forty commits a second go to them, the oldest tasks first. All others can be asked for live. */
const MAX_AT_ONCE = 20;

/** Commits of the log were given up, and nodes may still run what was lost with them: see `Settling`. */
const SETTLING: WaitingReason = {
  reason: 'settling',
  detail: 'commits of the event log were given up: nothing is placed until nodes have ended what it does not know',
};

/** See `maxParallel` of a task. */
const atItsLimit = ({ spec: { maxParallel } }: TaskState): WaitingReason => ({
  reason: 'max-parallel',
  detail: `${maxParallel} at once`,
});

/** Why tasks wait: as the last round found it, and, where a wait is worth an event, in the log. */
export class WaitingReasons {
  private byClass: ReadonlyMap<string, WaitingReason> = new Map();

  constructor(private readonly options: WaitingReasonsOptions) {}

  /** Takes what a round found on its way. */
  found(byClass: ReadonlyMap<string, WaitingReason>): void {
    this.byClass = byClass;
  }

  /** Why a task waits now, or undefined when it does not, or is being placed. */
  of(taskId: string): WaitingReason | undefined {
    const { view, now, isHeld } = this.options;
    if (view.pools.isWaiting(taskId))
      return isHeld?.() === true ? SETTLING : reasonInPool(view, taskId, this.byClass, now());
    const classKey = view.queue.classKeyOf(taskId);
    const entry = view.task(taskId);
    if (classKey === undefined && entry && !entry.pool && isAtItsLimit(entry.state)) return atItsLimit(entry.state);
    if (classKey === undefined) return undefined;
    return isHeld?.() === true ? SETTLING : (whyPoolWaits(view, taskId) ?? this.byClass.get(classKey));
  }

  /** Records changes until the leadership ends. */
  watch(): void {
    const timer = setInterval(() => this.record(), INTERVAL_MS);
    this.options.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Records what has changed. Rounds are not run while no node has room, so the reasons are looked up anew. */
  record(): void {
    const { view, writer, now, isHeld, logger, signal } = this.options;
    const isBusy = (taskId: string): boolean => writer.isBusy(taskId);
    if (view.queue.size > 0)
      this.byClass = isHeld?.() === true ? sameForAll(view, SETTLING) : reasonsNow(view, { isBusy, now: now() });
    const changes = reasonChanges(view, this.byClass, { now: now(), patienceMs: PATIENCE_MS, limit: MAX_AT_ONCE });
    for (const change of changes) {
      if (writer.isBusy(change.taskId)) continue;
      writer.recordReason(change).catch((error: unknown) => {
        if (!signal.aborted)
          logger.warn({ taskId: change.taskId, err: error }, 'a waiting reason could not be recorded');
      });
    }
  }
}
