import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers } from '@fornax/service-kit';
import { AccountDirectory, type Account, type Need } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { SnapshotRow, SnapshotSummary } from '../projections/snapshot-row.js';
import { readSnapshots } from '../projections/snapshot-rows.js';
import { latestSummaries, readSummary } from '../projections/snapshot-summaries.js';
import { findOwnTaskRef, findTaskRef, type TaskRef } from '../projections/task-refs.js';

const MOST_LISTED = 100;

/** Looks up tasks and snapshots once the rows show what is in the log now, or after a bounded wait. */
@Injectable()
export class SnapshotReader {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    barriers: ReadBarriers,
    private readonly accounts: AccountDirectory,
  ) {
    this.barrier = barriers.of('snapshots');
  }

  /** @throws NotFound also for a task of another user, unless the account may act on it and names it by its id */
  async task(account: Account, idOrShortname: string, need: Need): Promise<TaskRef> {
    await this.barrier.caughtUp();
    const own = await findOwnTaskRef(this.db, account.id, idOrShortname);
    const task = own ?? (this.accounts.seesOthers(account) ? await findTaskRef(this.db, idOrShortname) : undefined);
    if (!task || !this.accounts.reaches(account, task.owner, need, task.projectUuid))
      throw new NotFound(`No such task: ${idOrShortname}`);
    return task;
  }

  /** The latest snapshots of a task, newest first. @throws NotFound */
  async latest(account: Account, idOrShortname: string): Promise<readonly SnapshotSummary[]> {
    const { taskId } = await this.task(account, idOrShortname, 'look');
    return latestSummaries(this.db, taskId, MOST_LISTED);
  }

  /** @throws NotFound */
  async snapshot(account: Account, idOrShortname: string, snapshotId: string): Promise<SnapshotRow> {
    const { taskId } = await this.task(account, idOrShortname, 'look');
    const row = (await readSnapshots(this.db, [snapshotId])).get(snapshotId);
    if (row?.taskId !== taskId) throw new NotFound(`No such snapshot: ${snapshotId}`);
    return row;
  }

  /** How one stands, with the notes of so many of its instances. @throws NotFound */
  async summary(
    account: Account,
    idOrShortname: string,
    snapshotId: string,
    mostNoted: number,
  ): Promise<SnapshotSummary> {
    const { taskId } = await this.task(account, idOrShortname, 'look');
    const summary = await readSummary(this.db, snapshotId, mostNoted);
    if (summary?.taskId !== taskId) throw new NotFound(`No such snapshot: ${snapshotId}`);
    return summary;
  }

  /** @throws NotFound also for one of a task that the account may not look at */
  async byId(account: Account, snapshotId: string, need: Need = 'look'): Promise<SnapshotRow> {
    const unknown = (): NotFound => new NotFound(`No such snapshot: ${snapshotId}`);
    if (snapshotId.includes('\0')) throw unknown();
    await this.barrier.caughtUp();
    const row = (await readSnapshots(this.db, [snapshotId])).get(snapshotId);
    const task = row && (await findTaskRef(this.db, row.taskId));
    if (!row || !task || !this.accounts.reaches(account, row.owner, need, task.projectUuid)) throw unknown();
    return row;
  }
}
