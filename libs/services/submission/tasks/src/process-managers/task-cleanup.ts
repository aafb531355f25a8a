import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { LogFollower, LogHandler } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { forgetDeleted } from './forget-deleted.js';
import { Shortnames } from '../commands/shortnames.js';
import { ENDS, TaskExpiry } from './task-expiry.js';
import { InjectDatabase } from '../model/database.js';

/** Deletes what goes with a deleted task besides its rows: remembered answers, and the hold on its name. */
@LogFollower()
export class TaskCleanup {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly expiry: TaskExpiry,
    private readonly names: Shortnames,
  ) {}

  @LogHandler({
    name: 'task-cleanup',
    aggregates: ['task'],
    wants: withEvents('TaskDeleted', ...ENDS),
    from: 'checkpoint',
    service: 'submission',
  })
  async forget(batch: readonly RecordedCommit[]): Promise<void> {
    this.expiry.notice(batch);
    await forgetDeleted('TaskDeleted', batch, { db: this.db, names: this.names });
  }
}
