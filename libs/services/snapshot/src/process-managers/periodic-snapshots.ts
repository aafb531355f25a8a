import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  CautiousClock,
  DueTimer,
  eachLimited,
  GATHER_MS,
  type Clock,
  type DueLook,
  type MonotonicClock,
} from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { nextDue, type Period } from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { CLOCK, LOGGER, MONOTONIC_CLOCK, ReadBarriers } from '@fornax/service-kit';
import { DueSnapshots } from '../commands/due-snapshots.js';
import type { Logger } from './logger.js';

const BATCH = 200;
const AT_ONCE = 8;
const MOST_PASSED_OVER = 10_000;

/** A task of which nothing ran when a snapshot was due, and when it is looked at again; Infinity: once something of it has started. */
interface PassedOver {
  readonly period: Period;
  readonly until: number;
}

/**
 * Triggers the periodic snapshots of tasks when they are due. Plans and what was taken stand in the log, so that a restart forgets nothing; it sleeps until the
 * next one is due. One that could not be taken in time (nobody was there, or the one before was on its way still) is taken as soon as it can be, once
 * for all that were due until then; those after it are due when they were. Every replica does this: the name of a snapshot says when it was due, so the
 * log takes it once.
 */
@Injectable()
export class PeriodicSnapshots implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly clock: Clock;
  private readonly barrier: ReadBarrier;
  private readonly timer: DueTimer;
  private readonly passedOver = new Map<string, PassedOver>();

  constructor(
    private readonly due: DueSnapshots,
    barriers: ReadBarriers,
    @Inject(CLOCK) clock: Clock,
    @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.clock = new CautiousClock(clock, monotonic);
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
      for (const { type } of events) {
        if (type === 'TaskSnapshotsPlanned') this.passedOver.delete(aggregateId);
        isNew ||= type === 'TaskSnapshotsPlanned' || type === 'SnapshotCompleted' || type === 'SnapshotFailed';
        if (type === 'InstancesStarted') isNew = this.started(aggregateId) || isNew;
      }
    if (isNew) this.timer.wakeIn(GATHER_MS);
  }

  private started(taskId: string): boolean {
    const passed = this.passedOver.get(taskId);
    if (passed?.until !== Number.POSITIVE_INFINITY) return false;
    this.passOver(taskId, { ...passed, until: nextDue(passed.period, this.clock.now()) });
    return true;
  }

  private async look(signal: AbortSignal): Promise<DueLook> {
    let isUpToDate = await this.barrier.caughtUp();
    for (let isMore = true; isMore && !signal.aborted;) {
      const due = await this.due.find(this.clock.now(), this.waiting(), BATCH);
      await eachLimited(due, AT_ONCE, async ({ taskId, period }) => {
        const isTaken = await this.due.take({ taskId, period }, this.clock.now());
        if (!isTaken) this.passOver(taskId, { period, until: Number.POSITIVE_INFINITY });
      });
      // What was triggered has to show in the rows before they are read again.
      if (due.length > 0) isUpToDate = await this.barrier.caughtUp();
      isMore = due.length === BATCH && isUpToDate;
    }
    const next = await this.due.next([...this.passedOver.keys()]);
    const soonest = Math.min(
      next ?? Number.POSITIVE_INFINITY,
      ...[...this.passedOver.values()].map(({ until }) => until),
    );
    return { isUpToDate, nextInMs: Number.isFinite(soonest) ? soonest - this.clock.now() : undefined };
  }

  /** Tasks that are passed over now. */
  private waiting(): readonly string[] {
    const now = this.clock.now();
    for (const [taskId, { until }] of this.passedOver) if (until <= now) this.passedOver.delete(taskId);
    return [...this.passedOver.keys()];
  }

  private passOver(taskId: string, passed: PassedOver): void {
    this.passedOver.delete(taskId);
    this.passedOver.set(taskId, passed);
    const [oldest] = this.passedOver.keys();
    if (this.passedOver.size > MOST_PASSED_OVER && oldest !== undefined) this.passedOver.delete(oldest);
  }
}
