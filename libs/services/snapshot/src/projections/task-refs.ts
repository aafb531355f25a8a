import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { parseRanges, type TaskSpec } from '@fornax/domain';
import type { Queries } from './snapshot-rows.js';

/** What triggering a snapshot needs to know of a task. */
export interface TaskRef {
  readonly taskId: string;
  readonly owner: string;
  /** The project that it lies in, whose members see it. */
  readonly projectUuid: string | null;
  readonly resultBucket: string | null;
  readonly snapshotBucket: string | null;
  readonly snapshotPrefix: string | null;
  readonly snapshotWhitelist: string | null;
  readonly snapshotBlacklist: string | null;
  readonly isOver: boolean;
}

/** How a batch changes one task's row. */
interface TaskChange {
  ended: number;
  deleted: boolean;
}

const countOf = (text: string): number => {
  const parsed = parseRanges(text);
  return 'ranges' in parsed ? parsed.ranges.size : 0;
};

interface NewRef {
  readonly taskId: string;
  readonly owner: string;
  readonly spec: TaskSpec;
  readonly sequence: number;
}

/** Tells which commits of tasks `writeTaskRefs` writes anything for. */
export const changesTaskRefs = withEvents(
  'TaskSubmitted',
  'InstancesConcluded',
  'WaitingInstancesCancelled',
  'WaitingInstancesExpired',
  'TaskDeleted',
  'TaskSnapshotsPlanned',
);

/** Writes the tasks of a batch: one statement for the new ones, one for the changed ones. */
export const writeTaskRefs = async (db: Queries, batch: readonly RecordedCommit[]): Promise<void> => {
  const submitted: NewRef[] = [];
  const changes = new Map<string, TaskChange>();
  for (const { aggregate, aggregateId, sequence, events } of batch) {
    if (aggregate !== 'task') continue;
    for (const event of events) {
      const change = changes.get(aggregateId) ?? { ended: 0, deleted: false };
      if (event.type === 'TaskSubmitted')
        submitted.push({ taskId: aggregateId, owner: event.owner, spec: event.spec, sequence });
      else if (event.type === 'InstancesConcluded') change.ended += event.attempts.length;
      else if (event.type === 'WaitingInstancesCancelled' || event.type === 'WaitingInstancesExpired')
        change.ended += countOf(event.instances);
      else if (event.type === 'TaskDeleted') change.deleted = true;
      else continue;
      changes.set(aggregateId, change);
    }
  }
  await insertRefs(db, submitted);
  await updateRefs(
    db,
    [...changes].filter(([, { ended, deleted }]) => ended > 0 || deleted),
  );
};

const insertRefs = async (db: Queries, refs: readonly NewRef[]): Promise<void> => {
  if (refs.length === 0) return;
  const column = <T>(pick: (ref: NewRef) => T): readonly T[] => refs.map(pick);
  await db.query(
    `INSERT INTO task_ref (task_id, owner, shortname, result_bucket, snapshot_bucket, snapshot_prefix, snapshot_whitelist, snapshot_blacklist,
       instances, ended, deleted, sequence, retention, resumes, origin_task, named_snapshot, project_uuid)
     SELECT task_id, owner, shortname, result_bucket, snapshot_bucket, snapshot_prefix, snapshot_whitelist, snapshot_blacklist, instances, 0, false, sequence,
       retention::jsonb, resumes, origin_task, named_snapshot, project_uuid
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::integer[], $10::bigint[],
       $11::text[], $12::boolean[], $13::text[], $14::text[], $15::text[])
       AS ref (task_id, owner, shortname, result_bucket, snapshot_bucket, snapshot_prefix, snapshot_whitelist, snapshot_blacklist, instances, sequence,
         retention, resumes, origin_task, named_snapshot, project_uuid)`,
    [
      column(({ taskId }) => taskId),
      column(({ owner }) => owner),
      column(({ spec }) => spec.shortname),
      column(({ spec }) => spec.resultBucket),
      column(({ spec }) => spec.snapshotBucket),
      column(({ spec }) => spec.snapshotPrefix),
      column(({ spec }) => spec.snapshotWhitelist),
      column(({ spec }) => spec.snapshotBlacklist),
      column(({ spec }) => countOf(spec.instances)),
      column(({ sequence }) => sequence),
      column(({ spec: { snapshotRetention: rule } }) => (rule === undefined ? null : JSON.stringify(rule))),
      column(({ spec }) => spec.resumeFromSnapshot !== undefined),
      column(({ spec }) => spec.origin?.taskId ?? null),
      column(({ spec: { resumeFromSnapshot: from } }) => (from === undefined || from === 'latest' ? null : from)),
      column(({ spec }) => spec.projectUuid ?? null),
    ],
  );
};

const updateRefs = async (db: Queries, changes: readonly (readonly [string, TaskChange])[]): Promise<void> => {
  if (changes.length === 0) return;
  await db.query(
    `UPDATE task_ref SET ended = task_ref.ended + change.ended, deleted = task_ref.deleted OR change.deleted
     FROM unnest($1::text[], $2::integer[], $3::boolean[]) AS change (task_id, ended, deleted) WHERE task_ref.task_id = change.task_id`,
    [
      changes.map(([taskId]) => taskId),
      changes.map(([, { ended }]) => ended),
      changes.map(([, { deleted }]) => deleted),
    ],
  );
};

interface StoredRef {
  readonly task_id: string;
  readonly owner: string;
  readonly project_uuid: string | null;
  readonly result_bucket: string | null;
  readonly snapshot_bucket: string | null;
  readonly snapshot_prefix: string | null;
  readonly snapshot_whitelist: string | null;
  readonly snapshot_blacklist: string | null;
  readonly is_over: boolean;
}

const refOf = (row: StoredRef): TaskRef => ({
  taskId: row.task_id,
  owner: row.owner,
  projectUuid: row.project_uuid,
  resultBucket: row.result_bucket,
  snapshotBucket: row.snapshot_bucket,
  snapshotPrefix: row.snapshot_prefix,
  snapshotWhitelist: row.snapshot_whitelist,
  snapshotBlacklist: row.snapshot_blacklist,
  isOver: row.is_over,
});

/** The owner's task by its id, or else the latest one of that short name; not the deleted ones. */
export const findOwnTaskRef = async (
  db: Queries,
  owner: string,
  idOrShortname: string,
): Promise<TaskRef | undefined> => {
  const [row] = await db.query<StoredRef[]>(
    `SELECT task_id, owner, project_uuid, result_bucket, snapshot_bucket, snapshot_prefix, snapshot_whitelist, snapshot_blacklist, ended >= instances AS is_over
     FROM task_ref WHERE owner = $1 AND (task_id = $2 OR shortname = $2) AND NOT deleted
     ORDER BY (task_id = $2) DESC, sequence DESC LIMIT 1`,
    [owner, idOrShortname],
  );
  return row && refOf(row);
};

/** Anybody's tasks by their ids, without those that are deleted. */
export const findTaskRefs = async (db: Queries, taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskRef>> => {
  const rows = await db.query<StoredRef[]>(
    `SELECT task_id, owner, project_uuid, result_bucket, snapshot_bucket, snapshot_prefix, snapshot_whitelist, snapshot_blacklist, ended >= instances AS is_over
     FROM task_ref WHERE task_id = ANY($1::text[]) AND NOT deleted`,
    [taskIds],
  );
  return new Map(rows.map((row) => [row.task_id, refOf(row)]));
};

/** Anybody's task by its id, unless it is deleted. */
export const findTaskRef = async (db: Queries, taskId: string): Promise<TaskRef | undefined> =>
  (await findTaskRefs(db, [taskId])).get(taskId);
