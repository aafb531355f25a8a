import { Injectable } from '@nestjs/common';
import type { TaskSpec } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { Gathering } from './gathering.js';
import type { RequestContext } from '@fornax/service-kit';
import { Shortnames } from './shortnames.js';
import { TaskBuckets } from './task-buckets.js';
import { TaskQuota } from './task-quota.js';
import { InjectDatabase } from '../model/database.js';

/** What a new task takes up beside the log: a place in the quota, buckets, a name. */
@Injectable()
export class TaskPlace {
  private readonly takes = new Gathering((taskIds: readonly string[]) => this.areTaken(taskIds));

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly quota: TaskQuota,
    private readonly buckets: TaskBuckets,
    private readonly shortnames: Shortnames,
  ) {}

  isTaken(taskId: string): Promise<boolean> {
    return this.takes.one(taskId);
  }

  private async areTaken(taskIds: readonly string[]): Promise<readonly boolean[]> {
    const rows = await this.db.query<{ task_id: string }[]>('SELECT task_id FROM task WHERE task_id = ANY($1)', [
      taskIds,
    ]);
    const taken = new Set(rows.map((row) => row.task_id));
    return taskIds.map((taskId) => taken.has(taskId));
  }

  /** Takes a place in the quota, under the given id: to be given back with `settled` or `vacate`. */
  async prepare(spec: TaskSpec, slot: string, context: RequestContext): Promise<void> {
    await this.quota.admit(context.account, slot);
    try {
      await this.buckets.ensure(spec, context);
    } catch (error) {
      this.vacate(context.account.id, slot);
      throw error;
    }
  }

  settled(owner: string, slot: string): void {
    this.quota.settle(owner, slot);
  }

  vacate(owner: string, slot: string): void {
    this.quota.drop(owner, slot);
  }

  reserve(owner: string, shortname: string, taskId: string, mayContinue: boolean): ReturnType<Shortnames['reserve']> {
    return this.shortnames.reserve(owner, shortname, taskId, mayContinue);
  }

  settle(taskId: string): Promise<void> {
    return this.shortnames.settle(taskId);
  }

  release(owner: string, shortname: string, taskId: string): Promise<void> {
    return this.shortnames.release(owner, shortname, taskId);
  }

  leaveUnknown(taskId: string): void {
    this.shortnames.leaveUnknown(taskId);
  }
}
