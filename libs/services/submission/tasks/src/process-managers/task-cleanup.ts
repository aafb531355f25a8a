import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { forgetObjects, LogFollower, LogHandler } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
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
    const gone = batch
      .filter(({ events }) => events.some(({ type }) => type === 'TaskDeleted'))
      .map(({ aggregateId }) => aggregateId);
    if (gone.length === 0) return;
    await this.db.transaction(async (tx) => {
      await forgetObjects(tx, gone);
      await this.names.forget(tx, gone);
    });
  }
}
