import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { EventLog } from '@fornax/event-store';
import { CORE_CONFIG, EVENT_LOG, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import { AccountDirectory, type Account, type Need } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { SnapshotRow } from '../projections/snapshot-row.js';
import { readSnapshots } from '../projections/snapshot-rows.js';
import { findOwnTaskRef, findTaskRef, type TaskRef } from '../projections/task-refs.js';

/** Looks up tasks and snapshots once the rows show what is in the log now, or after a bounded wait. */
@Injectable()
export class SnapshotReader {
  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
    private readonly projections: ProjectionHost,
    private readonly accounts: AccountDirectory,
  ) {}

  /** @throws NotFound also for a task of somebody else, unless the account looks after it and names it by its id */
  async task(account: Account, idOrShortname: string, need: Need): Promise<TaskRef> {
    const { sequence } = await this.log.head();
    await this.projections.waitFor('snapshots', sequence, this.config.readYourWritesTimeoutMs);
    const own = await findOwnTaskRef(this.db, account.id, idOrShortname);
    const task = own ?? (account.role === 'user' ? undefined : await findTaskRef(this.db, idOrShortname));
    if (!task || !this.accounts.reaches(account, task.owner, need))
      throw new NotFound(`No such task: ${idOrShortname}`);
    return task;
  }

  /** @throws NotFound */
  async snapshot(account: Account, idOrShortname: string, snapshotId: string): Promise<SnapshotRow> {
    const { taskId } = await this.task(account, idOrShortname, 'look');
    const row = (await readSnapshots(this.db, [snapshotId])).get(snapshotId);
    if (row?.state.taskId !== taskId) throw new NotFound(`No such snapshot: ${snapshotId}`);
    return row;
  }
}
