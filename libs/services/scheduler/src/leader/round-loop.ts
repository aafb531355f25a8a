import { counterOf, durationsOf, soon } from '@fornax/base';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import { hasRoomInPools } from '../view/pool-round.js';
import { MAX_PLACEMENTS_PER_ROUND, planRound, type WaitingReason } from '../view/round.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface RoundLoopOptions {
  readonly view: SchedulerView;
  readonly writer: TaskWriter;
  readonly newId: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether nothing may be placed now; whoever lets it be placed again wakes. */
  readonly isHeld?: () => boolean;
  /** Told, by class, why what a round has not placed waits. */
  readonly onReasons: (byClass: ReadonlyMap<string, WaitingReason>) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A round may use half of the time at most, up to this pause. */
const MAX_PAUSE_MS = 50;
/** A clock that was set makes the end of a hold sooner or later. */
const LONGEST_SLEEP_MS = 60_000;

const roundDuration = durationsOf('fornax.scheduler.round.duration');
const placementCount = counterOf('fornax.scheduler.placements');

/**
 * Runs scheduling rounds, one at a time. `wake` is cheap: however often it is called, one round follows, after the events at hand are folded.
 * A round plans and starts its appends; it does not wait for them, the tasks concerned sit out the rounds until theirs is done.
 */
export class RoundLoop {
  private isScheduled = false;
  private earliest = 0;
  private holdTimer: NodeJS.Timeout | undefined;
  private holdEndsAt: number | undefined;
  private pauseTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RoundLoopOptions) {
    const end = (): void => [this.holdTimer, this.pauseTimer].forEach((timer) => clearTimeout(timer));
    options.signal.addEventListener('abort', end, { once: true });
  }

  /** @param isIdle nothing is being decided or appended: the round waits for nobody but who is due already */
  wake(isIdle = false): void {
    if (this.isScheduled || this.options.signal.aborted) return;
    this.isScheduled = true;
    const pauseMs = this.earliest - performance.now();
    if (pauseMs >= 1) setTimeout(() => this.round(), pauseMs);
    else soon(isIdle, () => this.round());
  }

  private round(): void {
    this.isScheduled = false;
    const { view, signal } = this.options;
    if (signal.aborted) return;
    this.wakeAtEndOfPause();
    if ((view.queue.size > 0 && view.hasRoom()) || hasRoomInPools(view)) this.plan();
  }

  /** What a hold that ends by itself has held back can be placed then, and nobody says so. */
  private wakeAtEndOfHold(now: number): void {
    const next = this.options.view.holds.nextEnd(now);
    if (next === this.holdEndsAt) return;
    clearTimeout(this.holdTimer);
    this.holdEndsAt = next;
    if (next === undefined) return;
    this.holdTimer = setTimeout(
      () => {
        this.holdEndsAt = undefined;
        this.wake();
      },
      Math.min(next - now, LONGEST_SLEEP_MS),
    );
  }

  /** What waits because nodes failed can be placed by and by, and nobody says so. */
  private wakeAtEndOfPause(): void {
    const { view } = this.options;
    clearTimeout(this.pauseTimer);
    const now = view.elapsed();
    const next = view.queue.size === 0 ? undefined : view.failures.nextChange(now);
    if (next !== undefined) this.pauseTimer = setTimeout(() => this.wake(), Math.max(1, next - now));
  }

  private plan(): void {
    const { view, writer, newId, now, onReasons, logger, signal, isHeld } = this.options;
    if (isHeld?.() === true) return;
    const startedAt = performance.now();
    const { dispatches, placements, reasons } = planRound(view, {
      maxPlacements: MAX_PLACEMENTS_PER_ROUND,
      newLeaseId: newId,
      isBusy: (taskId) => writer.isBusy(taskId),
      now: now(),
    });
    this.wakeAtEndOfHold(now());
    const tookMs = performance.now() - startedAt;
    onReasons(reasons);
    roundDuration.record(tookMs / 1_000);
    placementCount.add(placements);
    for (const [taskId, leases] of dispatches) {
      writer.dispatch(taskId, leases).catch((error: unknown) => {
        if (!signal.aborted) logger.error({ taskId, err: error }, 'a dispatch could not be appended');
      });
    }
    this.earliest = performance.now() + Math.min(tookMs, MAX_PAUSE_MS);
    if (placements >= MAX_PLACEMENTS_PER_ROUND) this.wake();
  }
}
