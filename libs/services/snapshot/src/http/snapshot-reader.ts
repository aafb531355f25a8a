import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { EventLog } from '@fornax/event-store';
import { CORE_CONFIG, EVENT_LOG, NotFound, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { SnapshotRow } from '../projections/snapshot-row.js';
import { readSnapshots } from '../projections/snapshot-rows.js';
import { findTaskRef, type TaskRef } from '../projections/task-refs.js';

/** Looks up tasks and snapshots once the rows show what is in the log now, or after a bounded wait. */
@Injectable()
export class SnapshotReader {
  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
    private readonly projections: ProjectionHost,
  ) {}

  /** @throws NotFound also for a task of somebody else */
  async task(owner: string, idOrShortname: string): Promise<TaskRef> {
    const { sequence } = await this.log.head();
    await this.projections.waitFor('snapshots', sequence, this.config.readYourWritesTimeoutMs);
    const task = await findTaskRef(this.db, owner, idOrShortname);
    if (!task) throw new NotFound(`No such task: ${idOrShortname}`);
    return task;
  }

  /** @throws NotFound */
  async snapshot(owner: string, idOrShortname: string, snapshotId: string): Promise<SnapshotRow> {
    const { taskId } = await this.task(owner, idOrShortname);
    const row = (await readSnapshots(this.db, [snapshotId])).get(snapshotId);
    if (row?.state.taskId !== taskId) throw new NotFound(`No such snapshot: ${snapshotId}`);
    return row;
  }
}
