import { Injectable } from '@nestjs/common';
import type { DueLook } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import type { StoppingHold } from '@fornax/domain';
import { withEvents } from '@fornax/event-store';
import { AccountDirectory } from '@fornax/identity';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { DueObjects } from './due-objects.js';

/** What a look at a project that is stopped goes by. */
export interface StopLook {
  /** Milliseconds since the epoch, by a clock that is not believed at once when it is set forward. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Whether the budget still stops what runs: it may be raised on the way. */
  readonly isOn: () => boolean;
}

/** What runs in projects, and is stopped when a budget of theirs is used up whose policy says so. */
export interface StoppedWork {
  readonly barrier: { caughtUp(): Promise<boolean> };
  /**
   * Stops what can be stopped now. Safe to repeat, and in several processes.
   * @returns milliseconds until there is more to do, if nobody says so before; undefined: nothing then
   */
  readonly stop: (hold: StoppingHold, look: StopLook) => Promise<number | undefined>;
  /** What is said when that fails. */
  readonly failed: string;
}

/**
 * Stops what runs in projects whose budget is used up, as long as it is. Which they are stands in the log, and what runs in the rows, so a restart forgets
 * nothing; every process does this, so the log has to take each end once.
 */
@Injectable()
export class StoppedProjects {
  private readonly wakes: (() => void)[] = [];

  constructor(
    private readonly accounts: AccountDirectory,
    private readonly due: DueObjects,
  ) {
    accounts.onChange(() => this.notice());
  }

  /** To be called while the process is built. */
  whenStopped(work: StoppedWork): void {
    const { failed } = work;
    this.wakes.push(this.due.whenWoken({ look: (signal) => this.stopAll(work, signal), failed }));
  }

  /** Something may be there to stop, or may be ready to be stopped. */
  notice(): void {
    if (this.accounts.stoppingHolds().length > 0) for (const wake of this.wakes) wake();
  }

  private isOn({ spendingId, at }: StoppingHold): boolean {
    return this.accounts.stoppingHolds().some((hold) => hold.spendingId === spendingId && hold.at === at);
  }

  /** @throws what kept the first project from being stopped that could not be, after all others */
  private async stopAll({ barrier, stop }: StoppedWork, signal: AbortSignal): Promise<DueLook> {
    // Of several budgets of a project the first one that was used up counts.
    const first = new Map<string, StoppingHold>();
    for (const hold of this.accounts.stoppingHolds().toSorted((a, b) => a.at - b.at))
      if (!first.has(hold.holder)) first.set(hold.holder, hold);
    if (first.size === 0) return { isUpToDate: true, nextInMs: undefined };
    const isUpToDate = await barrier.caughtUp();
    let nextInMs: number | undefined;
    const failures: unknown[] = [];
    for (const hold of first.values()) {
      if (signal.aborted) break;
      try {
        const next = await stop(hold, { signal, now: () => this.due.now(), isOn: () => this.isOn(hold) });
        if (next !== undefined) nextInMs = Math.min(nextInMs ?? next, next);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return { isUpToDate, nextInMs };
  }
}

/** Tells when something may have begun in a project that is stopped, or the snapshot is over that it was to get. In every process: each looks by itself. */
@LogFollower()
export class StopOccasions {
  constructor(private readonly stopped: StoppedProjects) {}

  @LogHandler({
    name: 'stop-occasions',
    aggregates: ['task', 'pool', 'snapshot'],
    wants: withEvents('InstancesDispatched', 'SlotsDispatched', 'SnapshotCompleted', 'SnapshotFailed'),
    from: 'now',
  })
  notice(_batch: readonly RecordedCommit[]): Promise<void> {
    this.stopped.notice();
    return Promise.resolve();
  }
}
