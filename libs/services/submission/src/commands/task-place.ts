import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { TaskSpec } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import type { RequestContext } from './request-context.js';
import { Shortnames } from './shortnames.js';
import { TaskBuckets } from './task-buckets.js';
import { TaskQuota } from './task-quota.js';

/** What a new task takes up beside the log: a place in the quota, buckets, a name. */
@Injectable()
export class TaskPlace {
  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    private readonly quota: TaskQuota,
    private readonly buckets: TaskBuckets,
    private readonly shortnames: Shortnames,
  ) {}

  async isTaken(taskId: string): Promise<boolean> {
    return (await this.db.query<unknown[]>('SELECT 1 FROM task WHERE task_id = $1', [taskId])).length > 0;
  }

  async prepare(spec: TaskSpec, context: RequestContext): Promise<void> {
    await this.quota.admit(context.account);
    await this.buckets.ensure(spec, context);
  }

  reserve(owner: string, shortname: string, taskId: string, mayContinue: boolean): ReturnType<Shortnames['reserve']> {
    return this.shortnames.reserve(owner, shortname, taskId, mayContinue);
  }

  settle(owner: string, shortname: string, taskId: string): Promise<void> {
    return this.shortnames.settle(owner, shortname, taskId);
  }

  release(owner: string, shortname: string, taskId: string): Promise<void> {
    return this.shortnames.release(owner, shortname, taskId);
  }

  markUnknown(owner: string, shortname: string, taskId: string): Promise<void> {
    return this.shortnames.markUnknown(owner, shortname, taskId);
  }
}
