import { Injectable } from '@nestjs/common';
import { Unavailable } from '@fornax/base';
import { MOST_STOPS } from '@fornax/contracts';
import type { StoppingHold } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { TaskDeletion } from '../commands/task-deletion.js';
import { InjectDatabase } from '../model/database.js';
import { StatusBarrier } from '../model/status-barrier.js';
import { STATUS_COLUMNS, type TaskRecord } from '../model/task-rows.js';
import { LastSnapshots } from './last-snapshots.js';
import { StoppedProjects, type StopLook } from './stopped-projects.js';

/** Cancels tasks of which something runs in a project whose budget stops it: after a snapshot, where they have a bucket for one and it does not take too long. */
@Injectable()
export class TaskStops {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    projects: StoppedProjects,
    private readonly deletion: TaskDeletion,
    private readonly snapshots: LastSnapshots,
    barrier: StatusBarrier,
  ) {
    projects.whenStopped({
      barrier,
      stop: (hold, look) => this.stop(hold, look),
      failed: 'tasks that a budget stops could not be cancelled, trying again',
    });
  }

  private async stop(hold: StoppingHold, { now, signal, isOn }: StopLook): Promise<number | undefined> {
    let nextInMs: number | undefined;
    let records: readonly TaskRecord[] = [];
    do {
      records = await this.inFlight(hold.holder, records.at(-1)?.task_id ?? '');
      if (records.length === 0 || signal.aborted) break;
      const ids = records.map(({ task_id: id }) => id);
      const waits = await this.snapshots.waits(ids, hold, now);
      const due = records.filter((_, index) => (waits[index] ?? 0) <= 0);
      for (const inMs of waits) if (inMs > 0) nextInMs = Math.min(nextInMs ?? inMs, inMs);
      if (!isOn()) return undefined;
      if (due.length > 0 && !(await this.deletion.cancel(due, 'budget-exhausted')))
        throw new Unavailable('The rows of tasks do not show yet what has happened to them', { code: 'behind' });
    } while (records.length === MOST_STOPS);
    return nextInMs;
  }

  /** Those of which some instance is on a node, in the order of their ids. What waits is held back, and stays. */
  private inFlight(projectId: string, after: string): Promise<readonly TaskRecord[]> {
    return this.db.query<TaskRecord[]>(
      `SELECT ${STATUS_COLUMNS} FROM task
       WHERE coalesce(spec->>'projectUuid', owner) = $1 AND end_ms IS NULL AND task_id > $2
         AND NOT (fold->>'cancelRequested')::boolean AND NOT (fold->>'deleteRequested')::boolean
         AND jsonb_array_length(fold->'inFlight') > 0
       ORDER BY task_id LIMIT ${MOST_STOPS}`,
      [projectId, after],
    );
  }
}
