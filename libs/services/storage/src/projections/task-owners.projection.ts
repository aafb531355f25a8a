import { Injectable } from '@nestjs/common';
import type { Aggregate, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';

export const TASK_OWNERS_PROJECTION = 'task-owners';

const saysSo = ({ type }: FornaxEvent): boolean =>
  type === 'TaskSubmitted' || type === 'TaskDeleted' || type === 'SnapshotTriggered';

interface Belongs {
  readonly owner: string;
  readonly project: string | null;
}

/** Whose tasks are, of all that are not deleted, and which have snapshots: what is kept for a task is counted for its owner, and its key does not say whose it is. */
@Injectable()
export class TaskOwnersProjection implements Projection {
  readonly name = TASK_OWNERS_PROJECTION;
  readonly version = 2;
  readonly aggregates: readonly Aggregate[] = ['task', 'snapshot'];
  readonly wants = ({ events }: RecordedCommit): boolean => events.some(saysSo);
  readonly tables = ['task_owner'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const submitted = new Map<string, Belongs>();
    const deleted = new Set<string>();
    const withSnapshots = new Set<string>();
    for (const { aggregateId, events } of batch)
      for (const event of events)
        switch (event.type) {
          case 'TaskSubmitted':
            submitted.set(aggregateId, { owner: event.owner, project: event.spec.projectUuid ?? null });
            break;
          case 'SnapshotTriggered':
            withSnapshots.add(event.taskId);
            break;
          case 'TaskDeleted':
            submitted.delete(aggregateId);
            deleted.add(aggregateId);
            break;
          default:
        }
    if (deleted.size > 0) await tx.query('DELETE FROM task_owner WHERE task_id = ANY ($1::text[])', [[...deleted]]);
    if (submitted.size > 0)
      await tx.query(
        `INSERT INTO task_owner (task_id, owner, project) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
          ON CONFLICT (task_id) DO UPDATE SET owner = excluded.owner, project = excluded.project`,
        [
          [...submitted.keys()],
          [...submitted.values()].map(({ owner }) => owner),
          [...submitted.values()].map(({ project }) => project),
        ],
      );
    if (withSnapshots.size > 0)
      await tx.query(
        'UPDATE task_owner SET has_snapshots = true WHERE task_id = ANY ($1::text[]) AND NOT has_snapshots',
        [[...withSnapshots]],
      );
  }
}
