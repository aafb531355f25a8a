import { Injectable } from '@nestjs/common';
import type { Asking } from '@fornax/identity';
import { Forbidden } from '@fornax/base';
import type { TaskRef } from '../projections/task-refs.js';
import { SnapshotReader } from './snapshot-reader.js';
import type { TriggerRequest } from './wire-snapshot.js';

export const notRunning = (taskId: string): Forbidden =>
  new Forbidden(`Task ${taskId} is not running`, { code: 'task-not-running' });

/** Finds the task that somebody wants snapshots of. */
@Injectable()
export class AskedTasks {
  constructor(private readonly reader: SnapshotReader) {}

  /**
   * @throws NotFound
   * @throws Forbidden it is over, or somebody else says where to: what belongs to the owner goes where the owner said
   */
  async alive({ account }: Asking, idOrShortname: string, { bucket, bucketPrefix }: TriggerRequest): Promise<TaskRef> {
    const task = await this.reader.task(account, idOrShortname, 'tend');
    if (task.owner !== account.id && (bucket ?? bucketPrefix) !== undefined)
      throw new Forbidden(`Only its owner says where snapshots of task ${task.taskId} go`, { code: 'not-the-owner' });
    if (task.isOver) throw notRunning(task.taskId);
    return task;
  }
}
