import type { SnapshotRetention, TakenSnapshot } from '@fornax/domain';
import { NAMED_IN_TIME, type Queries } from './snapshot-rows.js';

/** A task that says which of its snapshots are kept, and those that are. */
export interface KeptSnapshots {
  readonly taskId: string;
  readonly retention: SnapshotRetention;
  readonly taken: readonly TakenSnapshot[];
}

/**
 * Complete snapshots of these tasks, and of those whose snapshots they name, as far as these say which are kept. Needed is one that has the latest state of an
 * instance that has not succeeded, and one that a task which is not over names as the one to begin with.
 */
export const keptSnapshots = async (db: Queries, taskIds: readonly string[]): Promise<readonly KeptSnapshots[]> => {
  if (taskIds.length === 0) return [];
  const rows = await db.query<
    {
      readonly task_id: string;
      readonly retention: SnapshotRetention;
      readonly snapshot_id: string;
      readonly triggered_at: Date;
      readonly is_needed: boolean;
    }[]
  >(
    `WITH asked AS (SELECT unnest($1::text[]) AS task_id UNION
         SELECT named.task_id FROM task_ref JOIN snapshot AS named ON named.snapshot_id = task_ref.named_snapshot WHERE task_ref.task_id = ANY ($1::text[])),
       ruled AS (SELECT task_id, retention FROM task_ref JOIN asked USING (task_id) WHERE retention IS NOT NULL AND NOT deleted),
       complete AS (SELECT task_id, retention, snapshot_id, triggered_at, sequence FROM ruled JOIN snapshot USING (task_id) WHERE status = 'success'),
       latest AS (SELECT DISTINCT ON (task_id, instance) snapshot_id FROM complete JOIN snapshot_part USING (snapshot_id)
         WHERE manifest IS NOT NULL AND NOT is_done ORDER BY task_id, instance, sequence DESC)
     SELECT complete.*, snapshot_id IN (SELECT snapshot_id FROM latest) OR EXISTS (
       SELECT FROM task_ref WHERE named_snapshot = complete.snapshot_id AND NOT deleted AND ended < instances) AS is_needed FROM complete ORDER BY sequence`,
    [taskIds],
  );
  return [...Map.groupBy(rows, (row) => row.task_id)].flatMap(([taskId, group]) => {
    const [first] = group;
    const taken = group.map((row) => ({
      snapshotId: row.snapshot_id,
      at: row.triggered_at.getTime(),
      isNeeded: row.is_needed,
    }));
    return first ? [{ taskId, retention: first.retention, taken }] : [];
  });
};

/** Tasks that say which of their snapshots are kept, by id. @param after begins behind this one */
export const tasksWithRetention = async (db: Queries, after: string, limit: number): Promise<readonly string[]> => {
  const rows = await db.query<{ readonly task_id: string }[]>(
    'SELECT task_id FROM task_ref WHERE retention IS NOT NULL AND NOT deleted AND task_id > $1 ORDER BY task_id LIMIT $2',
    [after, limit],
  );
  return rows.map((row) => row.task_id);
};

/** Snapshots that are to be pruned, that no instance is about to begin with, and that no task named in time. */
export const prunedSoon = async (db: Queries, limit: number): Promise<readonly string[]> => {
  const rows = await db.query<{ readonly snapshot_id: string }[]>(
    `SELECT snapshot_id FROM snapshot WHERE status = 'pruning' AND NOT ${NAMED_IN_TIME} AND NOT EXISTS (
       SELECT FROM resuming_lease AS lease JOIN snapshot_part AS part USING (instance)
       WHERE lease.source_task = snapshot.task_id AND part.snapshot_id = snapshot.snapshot_id)
     ORDER BY snapshot_id LIMIT $1`,
    [limit],
  );
  return rows.map((row) => row.snapshot_id);
};
