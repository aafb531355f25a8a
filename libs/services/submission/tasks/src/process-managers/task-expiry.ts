import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import type { Logger, MonotonicClock } from '@fornax/base';
import { DueTasks } from './due-tasks.js';
import { DueTimer, GATHER_MS } from './due-timer.js';

/** Events after which a task may be over. */
export const ENDS = ['InstancesConcluded', 'WaitingInstancesCancelled', 'WaitingInstancesExpired'] as const;
const isEnd = withEvents(...ENDS);

/**
 * Deletes finished tasks when their `completionTimeToLive` is over (contract, 5.40). Ends of tasks wake it. Every replica does this, and the log
 * takes one deletion of each.
 */
@Injectable()
export class TaskExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timer: DueTimer;

  constructor(due: DueTasks, @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock, @Inject(LOGGER) logger: Logger) {
    this.timer = new DueTimer({
      look: (signal) => due.delete(signal),
      monotonic,
      logger,
      failed: 'tasks whose time is over could not be deleted, trying again',
    });
  }

  onApplicationBootstrap(): void {
    this.timer.wakeIn(0);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timer.close();
  }

  /** Tasks may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(isEnd)) this.timer.wakeIn(GATHER_MS);
  }
}
