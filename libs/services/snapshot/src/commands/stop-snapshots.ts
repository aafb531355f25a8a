import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { derivedId, eachLimited, Unavailable, type Logger } from '@fornax/base';
import type { StopSnapshotsReply } from '@fornax/contracts';
import { LOGGER } from '@fornax/service-kit';
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
/** After that no further snapshot is triggered for a question: whoever asks waits for the answer ten seconds at most. */
const BEGIN_MS = 3_000;
/** Of many tasks, any number may be stopped in one second. */
const UNIQUE_CHARS = 12;

/** Takes the snapshots that tasks get before they are stopped, and tells how they stand. Their ids are made of what stops the tasks, so the log takes each once. */
@Injectable()
export class StopSnapshots {
  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    private readonly placements: Placements,
    private readonly snapshots: SnapshotOnce,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Leaves out those of which nobody knows yet, as scheduler or log do not answer: it may be asked again.
   * @param now milliseconds since the epoch
   * @throws Unavailable the rows are behind the log
   */
  async of(taskIds: readonly string[], stop: Stop, now: number): Promise<readonly Stand[]> {
    if (!(await this.snapshots.isUpToDate()))
      throw new Unavailable('the snapshots projection is behind the log', { code: 'projection-behind' });
    const tasks = await this.snapshots.tasks(taskIds);
    const idOf = (taskId: string): string =>
      snapshotIdOf(taskId, stop.at, derivedId('stop-snapshot', taskId, stop.id, String(stop.at)), UNIQUE_CHARS);
    const taken = await readSnapshots(this.db, taskIds.map(idOf));
    const stands: Stand[] = [];
    const untaken: string[] = [];
    for (const taskId of taskIds) {
      const known = taken.get(idOf(taskId));
      if (!known) untaken.push(taskId);
      else if (known.status === 'triggered' || known.status === 'inProgress')
        stands.push({ taskId, status: 'open', triggeredAt: known.triggeredAt });
      else stands.push({ taskId, status: 'over' });
    }
    const failures: unknown[] = [];
    const late = AbortSignal.timeout(BEGIN_MS);
    await eachLimited(untaken, AT_ONCE, async (taskId) => {
      if (late.aborted) return;
      try {
        stands.push(await this.trigger(idOf(taskId), taskId, tasks.get(taskId), now));
      } catch (error) {
        failures.push(error);
      }
    });
    const leftOut = taskIds.length - stands.length;
    if (leftOut > 0)
      this.logger.warn({ err: failures[0], tasks: leftOut }, 'tasks that a budget stops could not be given a snapshot');
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
