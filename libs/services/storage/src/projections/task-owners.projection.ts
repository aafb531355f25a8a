import { Injectable } from '@nestjs/common';
import type { Aggregate, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';

export const TASK_OWNERS_PROJECTION = 'task-owners';

const saysSo = ({ type }: FornaxEvent): boolean => type === 'TaskSubmitted' || type === 'TaskDeleted';

/** Whose tasks are, of all that are not deleted: what is kept for a task is counted for its owner, and its key does not say whose it is. */
@Injectable()
export class TaskOwnersProjection implements Projection {
  readonly name = TASK_OWNERS_PROJECTION;
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['task'];
  readonly wants = ({ events }: RecordedCommit): boolean => events.some(saysSo);
  readonly tables = ['task_owner'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const owners = new Map<string, string>();
    const deleted = new Set<string>();
    for (const { aggregate, aggregateId, events } of batch) {
      if (aggregate !== 'task') continue;
      for (const event of events) {
        if (event.type === 'TaskSubmitted') owners.set(aggregateId, event.owner);
        if (event.type !== 'TaskDeleted') continue;
        owners.delete(aggregateId);
        deleted.add(aggregateId);
      }
    }
    if (deleted.size > 0) await tx.query('DELETE FROM task_owner WHERE task_id = ANY ($1::text[])', [[...deleted]]);
    if (owners.size > 0)
      await tx.query(
        `INSERT INTO task_owner (task_id, owner) SELECT * FROM unnest($1::text[], $2::text[])
          ON CONFLICT (task_id) DO UPDATE SET owner = excluded.owner`,
        [[...owners.keys()], [...owners.values()]],
      );
  }
}
