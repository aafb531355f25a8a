import type { RecordedCommit } from '@fornax/contracts';
import { nextDue, type Period, type TaskEvent } from '@fornax/domain';
import type { Queries } from './snapshot-rows.js';

type Planned = Extract<TaskEvent, { readonly type: 'TaskSnapshotsPlanned' }>;

/** Writes what a batch says of periodic snapshots: what each task wants from now on, and when the next one is due. */
export const writePlans = async (db: Queries, batch: readonly RecordedCommit[]): Promise<void> => {
  const planned = new Map<string, Planned>();
  const taken = new Map<string, number>();
  for (const { aggregateId, events } of batch)
    for (const event of events) {
      if (event.type === 'TaskSnapshotsPlanned') {
        // What one of them leaves as it was is as the one before it said.
        const { retention = planned.get(aggregateId)?.retention } = event;
        planned.set(aggregateId, { ...event, ...(retention === undefined ? {} : { retention }) });
      }
      if (event.type === 'SnapshotTriggered' && event.dueAt !== undefined) taken.set(event.taskId, event.dueAt);
    }
  await writePlanned(db, [...planned]);
  await writeTaken(db, taken);
};

const writePlanned = async (db: Queries, plans: readonly (readonly [string, Planned])[]): Promise<void> => {
  if (plans.length === 0) return;
  const column = <T>(pick: (plan: Planned) => T): readonly T[] => plans.map(([, plan]) => pick(plan));
  const dueOf = ({ intervalSeconds, at }: Planned): number | null =>
    intervalSeconds === 0 ? null : nextDue({ intervalSeconds, since: at }, at);
  await db.query(
    `UPDATE task_ref SET interval_s = plan.interval_s, planned_ms = plan.planned_ms, due_ms = plan.due_ms,
       snapshot_bucket = plan.bucket, snapshot_prefix = plan.prefix, snapshot_whitelist = plan.whitelist, snapshot_blacklist = plan.blacklist,
       retention = CASE WHEN plan.keeps_others THEN plan.retention::jsonb ELSE task_ref.retention END
     FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[],
         $9::boolean[], $10::text[])
       AS plan (task_id, interval_s, planned_ms, due_ms, bucket, prefix, whitelist, blacklist, keeps_others, retention)
     WHERE task_ref.task_id = plan.task_id`,
    [
      plans.map(([taskId]) => taskId),
      column(({ intervalSeconds }) => intervalSeconds),
      column(({ at }) => at),
      column(dueOf),
      column(({ bucket }) => bucket),
      column(({ prefix }) => prefix),
      column(({ whitelist }) => whitelist),
      column(({ blacklist }) => blacklist),
      column(({ retention }) => retention !== undefined),
      column(({ retention }) => (retention ? JSON.stringify(retention) : null)),
    ],
  );
};

interface StoredPeriod {
  readonly task_id: string;
  readonly interval_s: number;
  readonly planned_ms: string;
}

const periodOf = ({ interval_s: intervalSeconds, planned_ms }: StoredPeriod): Period => ({
  intervalSeconds,
  since: Number(planned_ms),
});

/** The next one is due after the last that was taken, by the plan of now. */
const writeTaken = async (db: Queries, taken: ReadonlyMap<string, number>): Promise<void> => {
  if (taken.size === 0) return;
  const plans = await db.query<StoredPeriod[]>(
    'SELECT task_id, interval_s, planned_ms FROM task_ref WHERE task_id = ANY($1::text[]) AND interval_s > 0',
    [[...taken.keys()]],
  );
  await db.query(
    `UPDATE task_ref SET due_ms = taken.due_ms FROM unnest($1::text[], $2::bigint[]) AS taken (task_id, due_ms)
     WHERE task_ref.task_id = taken.task_id`,
    [plans.map(({ task_id }) => task_id), plans.map((plan) => nextDue(periodOf(plan), taken.get(plan.task_id) ?? 0))],
  );
};

/** Where a task stands among those of which one is due: the oldest due time first. */
export interface DuePlace {
  readonly dueMs: string;
  readonly taskId: string;
}

/** A task of which a periodic snapshot is due. */
export interface DuePlan {
  readonly taskId: string;
  readonly place: DuePlace;
  readonly period: Period;
}

const ALIVE = 'NOT deleted AND ended < instances';
/** Alive, and with no periodic snapshot that is still on its way: the next one waits for its end. */
const TAKEABLE = `${ALIVE} AND NOT EXISTS (
  SELECT FROM snapshot WHERE snapshot.task_id = task_ref.task_id AND snapshot.due_ms IS NOT NULL
    AND snapshot.status IN ('triggered', 'inProgress'))`;

export interface DueQuery {
  readonly now: number;
  readonly passedOver: readonly string[];
  /** Begins behind this one. */
  readonly after: DuePlace | undefined;
  readonly limit: number;
}

/** Tasks of which one is due at an instant, without those that are passed over. */
export const duePlans = async (
  db: Queries,
  { now, passedOver, after, limit }: DueQuery,
): Promise<readonly DuePlan[]> => {
  const rows = await db.query<(StoredPeriod & { readonly due_ms: string })[]>(
    `SELECT task_id, interval_s, planned_ms, due_ms FROM task_ref
     WHERE due_ms <= $1 AND task_id <> ALL($2::text[]) AND (due_ms, task_id) > ($3, $4) AND ${TAKEABLE}
     ORDER BY due_ms, task_id LIMIT $5`,
    [now, passedOver, after?.dueMs ?? '-1', after?.taskId ?? '', limit],
  );
  return rows.map((row) => ({
    taskId: row.task_id,
    place: { dueMs: row.due_ms, taskId: row.task_id },
    period: periodOf(row),
  }));
};

/** When the next one is due of any task that is not passed over; undefined: none. */
export const nextPlanDue = async (db: Queries, passedOver: readonly string[]): Promise<number | undefined> => {
  const [row] = await db.query<{ readonly next: string | null }[]>(
    `SELECT min(due_ms) AS next FROM task_ref WHERE due_ms IS NOT NULL AND task_id <> ALL($1::text[]) AND ${TAKEABLE}`,
    [passedOver],
  );
  return row?.next == null ? undefined : Number(row.next);
};

/** The latest instant at which an interval of a plan began: with the plan, or with a snapshot that was due; 0: there is none. */
export const lastPeriodBegun = async (db: Queries): Promise<number> => {
  const [row] = await db.query<{ readonly begun: string | null }[]>(
    `SELECT max(due_ms - interval_s * 1000::bigint) AS begun FROM task_ref WHERE due_ms IS NOT NULL AND ${ALIVE}`,
  );
  return Number(row?.begun ?? 0);
};
