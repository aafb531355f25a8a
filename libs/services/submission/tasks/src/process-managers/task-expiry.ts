import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { MonotonicClock } from '@fornax/base';
import type { Logger } from 'pino';
import { DueTasks } from './due-tasks.js';

/** Ends of tasks that come close together are looked at once. */
const GATHER_MS = 250;
const AGAIN_MS = 5_000;
/** It looks that often at least: a clock that was set makes what is due sooner or later. */
const MAX_TIMER_MS = 60_000;

/** Events after which a task may be over. */
export const ENDS = ['InstancesConcluded', 'WaitingInstancesCancelled', 'WaitingInstancesExpired'] as const;
const isEnd = withEvents(...ENDS);

/**
 * Deletes finished tasks when their `completionTimeToLive` is over (contract, 5.40). When each is due stands in its row, so a restart forgets
 * nothing; it sleeps until the next one is due and is woken by ends of tasks. Every replica does this, and the log takes one deletion of each.
 */
@Injectable()
export class TaskExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  private wakesAt = Number.POSITIVE_INFINITY;
  private working: Promise<void> = Promise.resolve();
  private readonly stop = new AbortController();

  constructor(
    private readonly due: DueTasks,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.wakeIn(0);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    clearTimeout(this.timer);
    await this.working;
  }

  /** Tasks may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(isEnd)) this.wakeIn(GATHER_MS);
  }

  private wakeIn(ms: number): void {
    const at = this.monotonic.elapsed() + ms;
    if (this.stop.signal.aborted || at >= this.wakesAt) return;
    clearTimeout(this.timer);
    this.wakesAt = at;
    this.timer = setTimeout(
      () => {
        this.wakesAt = Number.POSITIVE_INFINITY;
        this.working = this.working.then(() => this.round());
      },
      Math.min(Math.max(0, ms), MAX_TIMER_MS),
    );
  }

  private async round(): Promise<void> {
    try {
      const { isUpToDate, nextInMs } = await this.due.delete(this.stop.signal);
      if (nextInMs !== undefined) this.wakeIn(Math.max(GATHER_MS, nextInMs));
      if (!isUpToDate) this.wakeIn(AGAIN_MS);
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.logger.warn({ err: error }, 'tasks whose time is over could not be deleted, trying again');
      this.wakeIn(AGAIN_MS);
    }
  }
}
