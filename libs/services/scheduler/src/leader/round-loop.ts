import { metrics } from '@opentelemetry/api';
import type { TaskDesk } from '../desk/task-desk.js';
import type { Logger } from '../logger.js';
import { planRound, type WaitingReason } from '../view/round.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import { reasonChanges } from '../view/waiting-reasons.js';

export interface RoundLoopOptions {
  readonly view: SchedulerView;
  readonly desk: TaskDesk;
  readonly now: () => number;
  readonly newId: () => string;
  /** Whether nothing may be placed now; whoever lets it be placed again wakes. */
  readonly isHeld?: () => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Keeps one commit of leases (some 150 bytes each) and one turn of the event loop short. */
const MAX_PLACEMENTS_PER_ROUND = 1_000;
/** A round may use half of the time at most, up to this pause. */
const MAX_PAUSE_MS = 50;
const REASON_INTERVAL_MS = 500;
const REASON_PATIENCE_MS = 1_000;
/** Reasons are for people; at most some forty commits a second go to them, the oldest tasks first. All others can be asked for live. */
const MAX_REASONS_AT_ONCE = 20;

const meter = metrics.getMeter('fornax.scheduler');
const roundDuration = meter.createHistogram('fornax.scheduler.round.duration', {
  unit: 's',
  description: 'Time to plan one round',
});
const placementCount = meter.createCounter('fornax.scheduler.placements', { description: 'Instances dispatched' });

/**
 * Runs scheduling rounds, one at a time. `wake` is cheap: however often it is called, one round follows, after the events at hand are folded.
 * A round plans and starts its appends; it does not wait for them, the tasks concerned sit out the rounds until theirs is done.
 */
export class RoundLoop {
  private reasons: ReadonlyMap<string, WaitingReason> = new Map();
  private isScheduled = false;
  private earliest = 0;

  constructor(private readonly options: RoundLoopOptions) {}

  wake(): void {
    if (this.isScheduled || this.options.signal.aborted) return;
    this.isScheduled = true;
    const pauseMs = this.earliest - performance.now();
    if (pauseMs >= 1) setTimeout(() => this.round(), pauseMs);
    else setImmediate(() => this.round());
  }

  /** Why a task waits now, or undefined when it does not, or is being placed. */
  reasonOf(taskId: string): WaitingReason | undefined {
    const classKey = this.options.view.queue.classOf(taskId);
    return classKey === undefined ? undefined : this.reasons.get(classKey);
  }

  /** Watches reasons until the leadership ends. */
  watchReasons(): void {
    const timer = setInterval(() => this.recordReasons(), REASON_INTERVAL_MS);
    this.options.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  private round(): void {
    this.isScheduled = false;
    const { view, signal } = this.options;
    if (signal.aborted || view.queue.size === 0 || !view.hasRoom()) return;
    this.plan();
  }

  private plan(): void {
    const { view, desk, newId, logger, signal, isHeld } = this.options;
    if (isHeld?.() === true) return;
    const startedAt = performance.now();
    const { dispatches, placements, reasons } = planRound(view, {
      maxPlacements: MAX_PLACEMENTS_PER_ROUND,
      newLeaseId: newId,
      isBusy: (taskId) => desk.isBusy(taskId),
    });
    const tookMs = performance.now() - startedAt;
    this.reasons = reasons;
    roundDuration.record(tookMs / 1_000);
    placementCount.add(placements);
    for (const [taskId, leases] of dispatches) {
      desk.dispatch(taskId, leases).catch((error: unknown) => {
        if (!signal.aborted) logger.error({ taskId, err: error }, 'a dispatch could not be appended');
      });
    }
    this.earliest = performance.now() + Math.min(tookMs, MAX_PAUSE_MS);
    if (placements >= MAX_PLACEMENTS_PER_ROUND) this.wake();
  }

  private recordReasons(): void {
    const { view, desk, now, logger, signal } = this.options;
    if (view.queue.size > 0) this.plan();
    const changes = reasonChanges(view, this.reasons, {
      now: now(),
      patienceMs: REASON_PATIENCE_MS,
      limit: MAX_REASONS_AT_ONCE,
    });
    for (const change of changes) {
      if (desk.isBusy(change.taskId)) continue;
      desk.recordReason(change).catch((error: unknown) => {
        if (!signal.aborted)
          logger.warn({ taskId: change.taskId, err: error }, 'a waiting reason could not be recorded');
      });
    }
  }
}
