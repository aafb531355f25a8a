import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  CautiousClock,
  DueTimer,
  eachLimited,
  GATHER_MS,
  isOutage,
  countedFromZero,
  SteadyClock,
  Unavailable,
  type Clock,
  type DueLook,
  type MonotonicClock,
} from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { LogUnavailable } from '@fornax/event-store';
import type { ReadBarrier } from '@fornax/projections';
import { CLOCK, LOGGER, MONOTONIC_CLOCK, ReadBarriers } from '@fornax/service-kit';
import { DueSnapshots } from '../commands/due-snapshots.js';
import type { DuePlace, DuePlan } from '../projections/snapshot-plans.js';
import type { Logger } from './logger.js';
import { PassedOver } from './passed-over.js';

const BATCH = 200;
const AT_ONCE = 8;
/** So many in a row that nobody answered for say that nobody answers at all. */
const MANY = 2 * AT_ONCE;

const isPassing = (error: unknown): boolean =>
  error instanceof Unavailable || error instanceof LogUnavailable || isOutage(error);

/**
 * Triggers the periodic snapshots of tasks when they are due. Plans and what was taken stand in the log, so that a restart forgets nothing; it sleeps until the
 * next one is due. One that could not be taken in time (nobody was there, or the one before was on its way still) is taken as soon as it can be, once
 * for all that were due until then; those after it are due when they were. Every replica does this: the name of a snapshot says when it was due, so the
 * log takes it once. Its clock neither jumps forward with the time of day nor goes back with it, and is not behind what the log says was due: a clock that is set makes
 * neither many snapshots nor none. A task whose snapshot cannot be taken is passed over until its next one is due: no other task waits for it.
 */
@Injectable()
export class PeriodicSnapshots implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly clock: SteadyClock;
  private readonly barrier: ReadBarrier;
  private readonly timer: DueTimer;
  private readonly passedOver = new PassedOver();
  private readonly failures = countedFromZero('fornax.snapshots.not_taken', [
    { reason: 'unanswered' },
    { reason: 'refused' },
  ]);
  /** In a row, of what nobody answered. */
  private unanswered = 0;
  private hasLookedBack = false;

  constructor(
    private readonly due: DueSnapshots,
    barriers: ReadBarriers,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.clock = new SteadyClock(new CautiousClock(clock, monotonic), monotonic);
    this.barrier = barriers.of('snapshots');
    const failed = 'periodic snapshots could not be triggered, trying again';
    this.timer = new DueTimer({ look: (signal) => this.look(signal), monotonic, logger, failed });
  }

  onApplicationBootstrap(): void {
    this.timer.wakeIn(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.timer.close();
  }

  /** Looks again where these commits may have made a due time new. */
  notice(batch: readonly RecordedCommit[]): void {
    let isNew = false;
    for (const { aggregateId, events } of batch)
      for (const event of events) {
        const { type } = event;
        if (event.type === 'TaskSnapshotsPlanned') this.clock.notBefore(event.at);
        if (event.type === 'SnapshotTriggered') this.clock.notBefore(event.dueAt ?? 0);
        if (type === 'TaskSnapshotsPlanned') this.passedOver.forget(aggregateId);
        isNew ||= type === 'TaskSnapshotsPlanned' || type === 'SnapshotCompleted' || type === 'SnapshotFailed';
        if (type === 'InstancesStarted') isNew = this.passedOver.started(aggregateId, this.clock.now()) || isNew;
      }
    if (isNew) this.timer.wakeIn(GATHER_MS);
  }

  private async look(signal: AbortSignal): Promise<DueLook> {
    let isUpToDate = await this.barrier.caughtUp();
    this.unanswered = 0;
    await this.lookBack();
    // Each task once, in order: what is due again at once waits for the others.
    let after: DuePlace | undefined;
    for (let isMore = true; isMore && !signal.aborted;) {
      const now = this.clock.now();
      const due = await this.due.find({ now, passedOver: this.passedOver.at(now), after, limit: BATCH });
      await eachLimited(due, AT_ONCE, (plan) => (signal.aborted ? Promise.resolve() : this.take(plan)));
      after = due.at(-1)?.place;
      isMore = due.length === BATCH;
      // What was triggered has to show in the rows before they are read again.
      if (due.length > 0) isUpToDate = await this.barrier.caughtUp();
    }
    const now = this.clock.now();
    const next = (await this.due.next(this.passedOver.at(now))) ?? Number.POSITIVE_INFINITY;
    const soonest = Math.min(next, this.passedOver.soonest(now));
    return { isUpToDate, nextInMs: Number.isFinite(soonest) ? soonest - now : undefined };
  }

  /** At the start: what was taken before, by a clock that was ahead, was taken. */
  private async lookBack(): Promise<void> {
    if (this.hasLookedBack) return;
    this.clock.notBefore(await this.due.lastBegun());
    this.hasLookedBack = true;
  }

  /** @throws whatever made the last of many fail, one after the other, because a server did not answer */
  private async take(plan: DuePlan): Promise<void> {
    const { taskId, period } = plan;
    try {
      if (await this.due.take(plan, this.clock.now())) this.passedOver.forget(taskId);
      else this.passedOver.untilStarted(taskId, period);
      this.unanswered = 0;
    } catch (error) {
      const isAgain = isPassing(error);
      if (isAgain) this.passedOver.forAWhile(taskId, period, this.clock.now());
      else this.passedOver.untilNextDue(taskId, period, this.clock.now());
      this.failures.add(1, { reason: isAgain ? 'unanswered' : 'refused' });
      this.logger.warn(
        { err: error, taskId, isAgain },
        'a periodic snapshot could not be taken: its task is passed over',
      );
      if (!isAgain) return;
      this.unanswered += 1;
      if (this.unanswered >= MANY) throw error;
    }
  }
}
