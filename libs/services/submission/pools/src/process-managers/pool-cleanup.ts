import { Inject } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import { InjectDatabase, Shortnames, forgetDeleted } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { POOL_SHORTNAMES } from '../commands/pool-names.js';
import { ENDS, PoolExpiry } from './pool-expiry.js';

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
