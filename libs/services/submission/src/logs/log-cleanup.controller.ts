import { Controller } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { RecordedCommit } from '@fornax/contracts';
import { LogHandler } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { deleteOutput } from './log-store.js';

/** Output goes with its task. */
@Controller()
export class LogCleanupController {
  constructor(@InjectDataSource('submission') private readonly db: DataSource) {}

  @LogHandler({ name: 'output-cleanup', aggregates: ['task'], from: 'checkpoint', service: 'submission' })
  async forget(batch: readonly RecordedCommit[]): Promise<void> {
    const gone = batch.filter(({ events }) => events.some(({ type }) => type === 'TaskDeleted')).map(({ aggregateId }) => aggregateId);
    if (gone.length > 0) await this.db.transaction((tx) => deleteOutput(tx, gone));
  }
}
