import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';

/** Name of the projection and of its checkpoint. */
export const TASK_SNAPSHOTS = 'task-snapshots';

interface SnapshotCommit {
  readonly task_id: string;
  readonly sequence: number;
  readonly snapshot_id: string;
  readonly at_ms: number;
  readonly is_completion: boolean;
}

/** Which commits of snapshots belong to the history of which task: the log keeps them under the snapshot's name. */
@Injectable()
export class TaskSnapshotsProjection implements Projection {
  readonly name = TASK_SNAPSHOTS;
  readonly version = 1;
  readonly aggregates = ['snapshot'] as const;
  readonly tables = ['task_snapshot_commit'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const tasks = await this.tasksOf(tx, batch);
    const rows = batch.flatMap((commit): SnapshotCommit[] => {
      const taskId = tasks.get(commit.aggregateId);
      if (taskId === undefined) return [];
      return [
        {
          task_id: taskId,
          sequence: commit.sequence,
          snapshot_id: commit.aggregateId,
          at_ms: Math.round(commit.at),
          is_completion: commit.events.some(({ type }) => type === 'SnapshotCompleted'),
        },
      ];
    });
    if (rows.length === 0) return;
    await tx.query(
      `INSERT INTO task_snapshot_commit (task_id, sequence, snapshot_id, at_ms, is_completion)
       SELECT * FROM json_to_recordset($1::json) AS r(task_id text, sequence bigint, snapshot_id text, at_ms bigint, is_completion boolean)`,
      [JSON.stringify(rows)],
    );
  }

  /** Only the first event of a snapshot names its task; of older snapshots the rows tell. */
  private async tasksOf(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<ReadonlyMap<string, string>> {
    const tasks = new Map<string, string>();
    for (const { aggregateId, events } of batch) {
      for (const event of events) if (event.type === 'SnapshotTriggered') tasks.set(aggregateId, event.taskId);
    }
    const older = batch.map(({ aggregateId }) => aggregateId).filter((id) => !tasks.has(id));
    if (older.length === 0) return tasks;
    const rows = await tx.query<{ snapshot_id: string; task_id: string }[]>(
      'SELECT DISTINCT snapshot_id, task_id FROM task_snapshot_commit WHERE snapshot_id = ANY($1)',
      [[...new Set(older)]],
    );
    for (const row of rows) tasks.set(row.snapshot_id, row.task_id);
    return tasks;
  }
}
