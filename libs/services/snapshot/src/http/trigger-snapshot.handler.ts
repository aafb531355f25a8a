import { Injectable } from '@nestjs/common';
import type { WireSnapshot } from '@fornax/contracts';
import { userMeta, type Asking } from '@fornax/identity';
import { newId } from '@fornax/base';
import { Placements } from '../commands/placements.js';
import { SnapshotBuckets } from '../commands/snapshot-buckets.js';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import { configOf, snapshotIdOf } from '../commands/snapshot-of-task.js';
import { AskedTasks, notRunning } from './asked-tasks.js';
import { newWireSnapshot, type TriggerRequest } from './wire-snapshot.js';

/** Takes a snapshot of a task's running instances, at once. */
@Injectable()
export class TriggerSnapshotHandler {
  constructor(
    private readonly tasks: AskedTasks,
    private readonly placements: Placements,
    private readonly buckets: SnapshotBuckets,
    private readonly commands: SnapshotCommands,
  ) {}

  /**
   * @throws NotFound the task
   * @throws Forbidden no instance of it runs, or somebody else says where to: what belongs to the owner goes where the owner said
   * @throws Invalid the bucket
   * @throws Unavailable scheduler or storage do not answer: nothing was triggered
   */
  async handle(asking: Asking, idOrShortname: string, request: TriggerRequest, now: number): Promise<WireSnapshot> {
    const task = await this.tasks.alive(asking, idOrShortname, request);
    const { owner, taskId } = task;
    const config = configOf(request, task);
    const parts = await this.placements.running(taskId);
    if (parts.length === 0) throw notRunning(taskId);
    await this.buckets.ensure(config.bucket, owner, asking);
    const snapshotId = snapshotIdOf(taskId, now, newId());
    const at = await this.commands.trigger(
      { snapshotId, taskId, owner, config, parts },
      userMeta('snapshot', asking, { kind: 'user', id: owner }),
    );
    return newWireSnapshot(snapshotId, taskId, config, at);
  }
}
