import { Controller } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { RecordedCommit } from '@fornax/contracts';
import { forgetObjects, LogHandler } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { deleteOutput } from '../logs/log-store.js';
import { OutputArchiver } from '../logs/output-archiver.js';
import { TaskExpiry } from '../process-managers/task-expiry.js';

/** What goes with a task besides its rows: output, and the hold on its name. */
@Controller()
export class TaskCleanupController {
  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    private readonly expiry: TaskExpiry,
    private readonly archiver: OutputArchiver,
  ) {}

  @LogHandler({ name: 'task-cleanup', aggregates: ['task'], from: 'checkpoint', service: 'submission' })
  async forget(batch: readonly RecordedCommit[]): Promise<void> {
    this.expiry.notice(batch);
    const gone = batch
      .filter(({ events }) => events.some(({ type }) => type === 'TaskDeleted'))
      .map(({ aggregateId }) => aggregateId);
    if (gone.length === 0) return;
    await this.db.transaction(async (tx) => {
      await deleteOutput(tx, gone);
      await forgetObjects(tx, gone);
      await tx.query('DELETE FROM shortname WHERE task_id = ANY($1)', [gone]);
    });
    // It removes the objects that nothing points to any more.
    this.archiver.nudge();
  }
}
