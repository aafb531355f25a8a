import { sizeOf, sizePool, type InstanceError, type PoolEvent, type PoolState } from '@fornax/domain';
import { aggregatePages, type EventLog } from '@fornax/event-store';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { demandOf, leasesOfSlots } from '../view/pool-round.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface PoolSizerOptions {
  readonly view: SchedulerView;
  readonly writer: Pick<TaskWriter, 'isBusy' | 'resize' | 'failWaiting'>;
  readonly log: Pick<EventLog, 'readAggregate'>;
  readonly now: () => number;
  /** Whether nothing may be placed now. */
  readonly isHeld: () => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Windows of policies are of the time of day, so a timer that was set an hour ago may be late or early when that was set: it looks again. */
const LONGEST_SLEEP_MS = 60_000;
/** A pool is looked at again this long after its decision could not be appended. */
const AGAIN_MS = 1_000;

/** What its tasks are told when a pool takes no more. */
const POOL_ENDS: InstanceError = {
  code: 'FX-POOL-CLOSED',
  message: 'The pool of the task was closed before the task began',
  debug: '',
};

/**
 * Opens and closes the slots of pools (contract, section 4.11), and ends tasks whose pool has no room for them any more. Something that happens to a pool
 * or to its tasks wakes it, and the clock does at the next step of a pool's growth and at the next window of its policies.
 */
export class PoolSizer {
  private isScheduled = false;
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly options: PoolSizerOptions) {
    options.signal.addEventListener('abort', () => this.timers.forEach((timer) => clearTimeout(timer)), { once: true });
  }

  /** Call when something may have changed: cheap, and one look follows however often it is called. */
  wake(): void {
    if (this.isScheduled || this.options.signal.aborted || !this.options.view.pools.hasChanged) return;
    this.isScheduled = true;
    setImmediate(() => this.look());
  }

  private look(): void {
    this.isScheduled = false;
    const { view, writer, signal, isHeld } = this.options;
    if (signal.aborted) return;
    for (const poolId of view.pools.takeChanged()) {
      // Whoever lets things be placed again, and whoever is done with the pool, wakes.
      if (isHeld() || writer.isBusy(poolId)) view.pools.change(poolId);
      else this.decide(poolId);
    }
  }

  private decide(poolId: string): void {
    const { view, writer, now } = this.options;
    const pool = view.task(poolId)?.pool;
    this.endTasks(poolId, pool);
    clearTimeout(this.timers.get(poolId));
    this.timers.delete(poolId);
    if (!pool) return;
    const at = now();
    const sizing = sizePool(pool, demandOf(view, pool), at);
    if (sizing.againAt !== null) this.lookAgain(poolId, sizing.againAt - at);
    const isSame = sizeOf(sizing.open) + sizeOf(sizing.close) === 0 && sizing.policyName === pool.policyName;
    const isEnding = pool.closeRequested && !pool.closed && pool.slots.inFlight.size === 0 && sizing.againAt === null;
    if (isSame && pool.isSized && !isEnding) return;
    const letGo = view.pools.hold(leasesOfSlots(pool, sizing.close));
    this.carryOut(poolId, writer.resize(poolId, sizing).finally(letGo));
  }

  /** A task of which nothing has begun waits for nothing when its pool ends; one that has begun is finished. Those of a deleted pool are cancelled by whoever deleted it. */
  private endTasks(poolId: string, pool: PoolState | undefined): void {
    const { view, writer } = this.options;
    const isOpen = pool !== undefined && !pool.closeRequested && !pool.deleteRequested && pool.failed === null;
    if (isOpen) return;
    const mayFinish = pool !== undefined && !pool.deleteRequested && pool.failed === null;
    let why: Promise<InstanceError | undefined> | undefined;
    for (const { taskId } of view.pools.tasksOf(poolId)) {
      const state = view.task(taskId)?.state;
      if (!state || (mayFinish && state.attempts.size > 0)) continue;
      why ??= this.endOf(poolId, pool);
      this.carryOut(
        poolId,
        why.then((error) => error && writer.failWaiting(taskId, error)),
      );
    }
  }

  /** What tasks are told of the end of their pool; undefined: it was deleted. One that was over before this leader came is not in the view: the log knows. */
  private async endOf(poolId: string, pool: PoolState | undefined): Promise<InstanceError | undefined> {
    const { view, log } = this.options;
    const known = pool?.failed ?? view.pools.failureOf(poolId);
    if (known) return known;
    if (pool) return pool.deleteRequested ? undefined : POOL_ENDS;
    let isDeleted = false;
    for await (const commits of aggregatePages(log, 'pool', poolId))
      for (const event of commits.flatMap((commit) => commit.events as readonly PoolEvent[]))
        if (event.type === 'PoolFailed') return event.error;
        else isDeleted ||= event.type === 'PoolDeleteRequested';
    return isDeleted ? undefined : POOL_ENDS;
  }

  private carryOut(poolId: string, decision: Promise<void>): void {
    decision.catch((error: unknown) => {
      const { logger, signal } = this.options;
      if (signal.aborted) return;
      logger.warn({ poolId, err: error }, 'a decision about a pool could not be appended, trying again');
      this.lookAgain(poolId, AGAIN_MS);
    });
  }

  private lookAgain(poolId: string, inMs: number): void {
    clearTimeout(this.timers.get(poolId));
    const sleepMs = Math.min(LONGEST_SLEEP_MS, Math.max(1, inMs));
    const timer = setTimeout(() => {
      this.options.view.pools.change(poolId);
      this.wake();
    }, sleepMs);
    this.timers.set(poolId, timer);
  }
}
