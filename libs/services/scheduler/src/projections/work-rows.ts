import type { ComputingQuotas, NodeState, SpendingHold } from '@fornax/domain';
import { isStoredPoolState, restorePoolState, restoreTaskState, storePoolState, storeTaskState } from '@fornax/domain';
import type { EntityManager } from 'typeorm';
import type { QuotaEntry } from '../view/quota-book.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { TaskContext, TaskEntry } from '../view/task-entry.js';

interface TaskRow {
  readonly task_id: string;
  readonly sequence: string;
  readonly submitted_at_sequence: string;
  readonly waiting_since: string | null;
  readonly context: TaskContext;
  readonly leader_epoch: string;
  readonly state: unknown;
}

interface NodeRow {
  readonly node_id: string;
  readonly sequence: string;
  readonly state: NodeState;
}

interface QuotaRow {
  readonly account_id: string;
  readonly quotas: ComputingQuotas;
  readonly organisation_id: string | null;
}

interface HoldRow {
  readonly spending_id: string;
  readonly hold: SpendingHold;
}

type Queries = Pick<EntityManager, 'query'>;

const TASK_COLUMNS = 'task_id, sequence, submitted_at_sequence, waiting_since, context, leader_epoch, state';

const QUOTA_COLUMNS = 'account_id, quotas, organisation_id';

const foldOf = (stored: unknown): Pick<TaskEntry, 'state' | 'pool'> => {
  if (!isStoredPoolState(stored)) return { state: restoreTaskState(stored) };
  const pool = restorePoolState(stored);
  return { state: pool.slots, pool };
};

const entryOf = (row: TaskRow): TaskEntry => ({
  taskId: row.task_id,
  ...foldOf(row.state),
  sequence: Number(row.sequence),
  order: Number(row.submitted_at_sequence),
  context: row.context,
  leaderEpoch: Number(row.leader_epoch),
  waitingSince: row.waiting_since === null ? undefined : Number(row.waiting_since),
});

const restoreTasks = (view: SchedulerView, rows: readonly TaskRow[]): void => {
  for (const row of rows) view.restoreTask(entryOf(row));
};

const restoreNodes = (view: SchedulerView, rows: readonly NodeRow[]): void => {
  for (const { node_id, sequence, state } of rows) view.restoreNode(node_id, { state, sequence: Number(sequence) });
};

const restoreQuotas = (view: SchedulerView, rows: readonly QuotaRow[]): void => {
  for (const { account_id, quotas, organisation_id } of rows)
    view.quotas.put(account_id, { quotas, organisationId: organisation_id });
};

const restoreHolds = (view: SchedulerView, rows: readonly HoldRow[]): void => {
  for (const { spending_id, hold } of rows) view.holds.put(spending_id, hold);
};

/** Nodes come first: a lease takes the hardware of its node. */
export const restoreAll = async (db: Queries, view: SchedulerView): Promise<void> => {
  restoreNodes(view, await db.query<NodeRow[]>('SELECT node_id, sequence, state FROM work_node'));
  restoreTasks(view, await db.query<TaskRow[]>(`SELECT ${TASK_COLUMNS} FROM work_task`));
  restoreQuotas(view, await db.query<QuotaRow[]>(`SELECT ${QUOTA_COLUMNS} FROM work_quota`));
  restoreHolds(view, await db.query<HoldRow[]>('SELECT spending_id, hold FROM work_hold'));
};

/** Only the rows that a batch touches. */
export const restoreSome = async (
  db: Queries,
  view: SchedulerView,
  {
    taskIds,
    nodeIds,
    accountIds,
    spendingIds,
  }: Readonly<Record<'taskIds' | 'nodeIds' | 'accountIds' | 'spendingIds', readonly string[]>>,
): Promise<void> => {
  if (spendingIds.length > 0) {
    restoreHolds(
      view,
      await db.query<HoldRow[]>('SELECT spending_id, hold FROM work_hold WHERE spending_id = ANY($1::text[])', [
        spendingIds,
      ]),
    );
  }
  if (accountIds.length > 0) {
    restoreQuotas(
      view,
      await db.query<QuotaRow[]>(`SELECT ${QUOTA_COLUMNS} FROM work_quota WHERE account_id = ANY($1::text[])`, [
        accountIds,
      ]),
    );
  }
  if (nodeIds.length > 0) {
    restoreNodes(
      view,
      await db.query<NodeRow[]>('SELECT node_id, sequence, state FROM work_node WHERE node_id = ANY($1::text[])', [
        nodeIds,
      ]),
    );
  }
  if (taskIds.length > 0) {
    restoreTasks(
      view,
      await db.query<TaskRow[]>(`SELECT ${TASK_COLUMNS} FROM work_task WHERE task_id = ANY($1::text[])`, [taskIds]),
    );
  }
};

export const upsertTasks = async (db: Queries, entries: readonly TaskEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  await db.query(
    `INSERT INTO work_task (${TASK_COLUMNS})
     SELECT task_id, sequence, submitted_at_sequence, waiting_since, context::jsonb, leader_epoch, state::jsonb
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[])
       AS row (task_id, sequence, submitted_at_sequence, waiting_since, context, leader_epoch, state)
     ON CONFLICT (task_id) DO UPDATE SET sequence = excluded.sequence, waiting_since = excluded.waiting_since,
       leader_epoch = excluded.leader_epoch, state = excluded.state`,
    [
      entries.map(({ taskId }) => taskId),
      entries.map(({ sequence }) => sequence),
      entries.map(({ order }) => order),
      entries.map(({ waitingSince }) => waitingSince ?? null),
      entries.map(({ context }) => JSON.stringify(context)),
      entries.map(({ leaderEpoch }) => leaderEpoch),
      entries.map(({ state, pool }) => JSON.stringify(pool ? storePoolState(pool) : storeTaskState(state))),
    ],
  );
};

export const deleteTasks = async (db: Queries, taskIds: readonly string[]): Promise<void> => {
  if (taskIds.length > 0) await db.query('DELETE FROM work_task WHERE task_id = ANY($1::text[])', [taskIds]);
};

export const upsertNodes = async (
  db: Queries,
  nodes: readonly { readonly id: string; readonly sequence: number; readonly state: NodeState }[],
): Promise<void> => {
  if (nodes.length === 0) return;
  await db.query(
    `INSERT INTO work_node (node_id, sequence, state)
     SELECT node_id, sequence, state::jsonb FROM unnest($1::text[], $2::bigint[], $3::text[]) AS row (node_id, sequence, state)
     ON CONFLICT (node_id) DO UPDATE SET sequence = excluded.sequence, state = excluded.state`,
    [nodes.map(({ id }) => id), nodes.map(({ sequence }) => sequence), nodes.map(({ state }) => JSON.stringify(state))],
  );
};

/** Accounts and organizations, each under its own id. */
export const upsertQuotas = async (db: Queries, entries: ReadonlyMap<string, QuotaEntry>): Promise<void> => {
  if (entries.size === 0) return;
  await db.query(
    `INSERT INTO work_quota (${QUOTA_COLUMNS})
     SELECT account_id, quotas::jsonb, organisation_id FROM unnest($1::text[], $2::text[], $3::text[]) AS row (${QUOTA_COLUMNS})
     ON CONFLICT (account_id) DO UPDATE SET quotas = excluded.quotas, organisation_id = excluded.organisation_id`,
    [
      [...entries.keys()],
      [...entries.values()].map(({ quotas }) => JSON.stringify(quotas)),
      [...entries.values()].map(({ organisationId }) => organisationId),
    ],
  );
};

/** @param holds undefined: there is none any more */
export const replaceHolds = async (
  db: Queries,
  holds: ReadonlyMap<string, SpendingHold | undefined>,
): Promise<void> => {
  if (holds.size === 0) return;
  await db.query('DELETE FROM work_hold WHERE spending_id = ANY($1::text[])', [[...holds.keys()]]);
  const kept = [...holds].flatMap(([id, hold]) => (hold ? [{ id, hold }] : []));
  if (kept.length === 0) return;
  await db.query(
    `INSERT INTO work_hold (spending_id, hold) SELECT spending_id, hold::jsonb
     FROM unnest($1::text[], $2::text[]) AS row (spending_id, hold)`,
    [kept.map(({ id }) => id), kept.map(({ hold }) => JSON.stringify(hold))],
  );
};
