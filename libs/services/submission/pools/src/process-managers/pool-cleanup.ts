import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger, MonotonicClock } from '@fornax/base';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LOGGER, LogFollower, LogHandler, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { DueTimer, GATHER_MS, InjectDatabase, Shortnames, forgetDeleted } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { POOL_SHORTNAMES } from '../commands/pool-names.js';
import { DuePools } from './due-pools.js';

const ENDS = ['PoolClosed', 'PoolFailed', 'SlotsEnded'] as const;
const isEnd = withEvents(...ENDS);

/** Deletes ended pools when their `completionTimeToLive` is over. Every replica does this, and the log takes one deletion of each. */
@Injectable()
export class PoolExpiry implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly timer: DueTimer;

  constructor(due: DuePools, @Inject(MONOTONIC_CLOCK) monotonic: MonotonicClock, @Inject(LOGGER) logger: Logger) {
    const failed = 'pools whose time is over could not be deleted, trying again';
    this.timer = new DueTimer({ look: (signal) => due.delete(signal), monotonic, logger, failed });
  }

  onApplicationBootstrap(): void {
    this.timer.wakeIn(0);
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.timer.close();
  }

  /** Pools may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(isEnd)) this.timer.wakeIn(GATHER_MS);
  }
}

/** Deletes what goes with a deleted pool besides its row: remembered answers, and the hold on its name. */
@LogFollower()
export class PoolCleanup {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly expiry: PoolExpiry,
    @Inject(POOL_SHORTNAMES) private readonly names: Shortnames,
  ) {}

  @LogHandler({
    name: 'pool-cleanup',
    aggregates: ['pool'],
    wants: withEvents('PoolDeleted', ...ENDS),
    from: 'checkpoint',
    service: 'submission',
  })
  async forget(batch: readonly RecordedCommit[]): Promise<void> {
    this.expiry.notice(batch);
    await forgetDeleted('PoolDeleted', batch, { db: this.db, names: this.names });
  }
}
