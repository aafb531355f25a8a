import type { RecordedCommit } from '@fornax/contracts';
import { Inject } from '@nestjs/common';
import { withEvents, type Nats } from '@fornax/event-store';
import { LogFollower, LogHandler, NATS } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { DATABASE, InjectDatabase } from '../config/database.js';
import { deleteOutput } from '../model/log-store.js';
import { OutputArchiver } from '../model/output-archiver.js';
import { purgeOutput } from '../stream/log-stream.js';

const isDeletion = withEvents('TaskDeleted', 'PoolDeleted');

/** Deletes the output of deleted tasks and pools. */
@LogFollower()
export class OutputCleanup {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly archiver: OutputArchiver,
    @Inject(NATS) private readonly nats: Nats,
  ) {}

  @LogHandler({
    name: 'output-cleanup',
    aggregates: ['task', 'pool'],
    wants: isDeletion,
    from: 'checkpoint',
    service: DATABASE,
  })
  async forget(batch: readonly RecordedCommit[]): Promise<void> {
    const gone = batch.filter(isDeletion).map(({ aggregateId }) => aggregateId);
    if (gone.length === 0) return;
    await this.db.transaction((tx) => deleteOutput(tx, gone));
    await purgeOutput(this.nats, gone);
    // It removes the objects that nothing points to any more.
    this.archiver.nudge();
  }
}
