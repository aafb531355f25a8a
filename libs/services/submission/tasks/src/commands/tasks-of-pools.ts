import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import { SomeTasks } from './some-tasks.js';
import { TaskDeletion } from './task-deletion.js';

/** Ends the tasks of deleted pools. */
@Injectable()
export class TasksOfPools {
  private readonly parts: SomeTasks;

  constructor(@InjectDatabase() db: DataSource, deletion: TaskDeletion) {
    this.parts = new SomeTasks(db, deletion, `spec->>'poolUuid' = $1`);
  }

  /** Cancels what has not ended of a pool's tasks. @returns whether there may be more @throws Unavailable the rows are behind */
  cancelSome(poolId: string): Promise<boolean> {
    return this.parts.cancel(poolId, 'pool-deleted');
  }
}
