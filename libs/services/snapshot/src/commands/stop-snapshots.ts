import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { derivedId, eachLimited, Unavailable } from '@fornax/base';
import type { StopSnapshotsReply } from '@fornax/contracts';
import type { DataSource } from 'typeorm';
import { readSnapshots } from '../projections/snapshot-rows.js';
import type { TaskRef } from '../projections/task-refs.js';
import { Placements } from './placements.js';
import { bucketOf, configOf, snapshotIdOf } from './snapshot-of-task.js';
import { SnapshotOnce } from './snapshot-once.js';

type Stand = StopSnapshotsReply['snapshots'][number];
/** What stops tasks, and since when. */
interface Stop {
  readonly id: string;
  readonly at: number;
}

const AT_ONCE = 8;
/** Of many tasks, any number may be stopped in one second. */
const UNIQUE_CHARS = 12;

/** Takes the snapshots that tasks get before they are stopped, and tells how they stand. Their ids are made of what stops the tasks, so the log takes each once. */
@Injectable()
export class StopSnapshots {
  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    private readonly placements: Placements,
    private readonly snapshots: SnapshotOnce,
  ) {}

  /** @throws Unavailable scheduler or log do not answer: some may have been triggered @param now milliseconds since the epoch */
  async of(taskIds: readonly string[], stop: Stop, now: number): Promise<readonly Stand[]> {
    if (!(await this.snapshots.isUpToDate()))
      throw new Unavailable('the snapshots projection is behind the log', { code: 'projection-behind' });
    const tasks = await this.snapshots.tasks(taskIds);
    const idOf = (taskId: string): string =>
      snapshotIdOf(taskId, stop.at, derivedId('stop-snapshot', taskId, stop.id, String(stop.at)), UNIQUE_CHARS);
    const taken = await readSnapshots(this.db, taskIds.map(idOf));
    const stands: Stand[] = [];
    await eachLimited(taskIds, AT_ONCE, async (taskId) => {
      const known = taken.get(idOf(taskId));
      if (!known) {
        stands.push(await this.trigger(idOf(taskId), taskId, tasks.get(taskId), now));
        return;
      }
      const isOpen = known.status === 'triggered' || known.status === 'inProgress';
      stands.push(isOpen ? { taskId, status: 'open', triggeredAt: known.triggeredAt } : { taskId, status: 'over' });
    });
    return stands;
  }

  private async trigger(snapshotId: string, taskId: string, task: TaskRef | undefined, now: number): Promise<Stand> {
    if (!task || bucketOf({}, task) === undefined) return { taskId, status: 'none' };
    const parts = await this.placements.running(taskId);
    if (parts.length === 0) return { taskId, status: 'none' };
    const { owner } = task;
    await this.snapshots.trigger(
      { snapshotId, taskId, owner, config: configOf({}, task), parts },
      {
        actor: 'service:snapshot',
        onBehalfOf: `user:${owner}`,
        reason: 'a budget of its project is used up',
        correlationId: snapshotId,
      },
    );
    return { taskId, status: 'open', triggeredAt: now };
  }
}
