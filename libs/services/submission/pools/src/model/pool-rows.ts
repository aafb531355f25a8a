import { phaseCounts, restorePoolState, storePoolState, type PublicPoolState } from '@fornax/domain';
import { restoreUsage, type TaskUsage } from '@fornax/tasks';
import type { EntityManager } from 'typeorm';
import type { PoolStatus } from './pool-status.js';

/** A row of `pool` as Postgres gives it. bigint comes as text. */
export interface PoolRecord {
  readonly pool_id: string;
  readonly owner: string;
  readonly state: PublicPoolState;
  readonly previous_state: PublicPoolState | null;
  readonly state_ms: string;
  readonly previous_state_ms: string | null;
  readonly created_ms: string;
  readonly modified_ms: string;
  readonly end_ms: string | null;
  readonly fold: unknown;
  readonly usage: TaskUsage;
  readonly sequence: string;
}

/** Columns that make up a PoolStatus. */
export const POOL_COLUMNS =
  'pool.pool_id, owner, state, previous_state, state_ms, previous_state_ms, created_ms, modified_ms, end_ms, fold, usage, sequence';

const numberOrNull = (text: string | null): number | null => (text === null ? null : Number(text));

export const poolStatusOf = (record: PoolRecord): PoolStatus => ({
  poolId: record.pool_id,
  fold: restorePoolState(record.fold),
  state: record.state,
  previousState: record.previous_state,
  stateMs: Number(record.state_ms),
  previousStateMs: numberOrNull(record.previous_state_ms),
  createdMs: Number(record.created_ms),
  modifiedMs: Number(record.modified_ms),
  endMs: numberOrNull(record.end_ms),
  usage: restoreUsage(record.usage),
  sequence: Number(record.sequence),
});

/** When the pool is to be deleted; null while it is not over, and for one that is kept. */
const deleteAtMs = ({ endMs, fold }: PoolStatus): number | null => {
  const { completionTimeToLiveSeconds: seconds } = fold.spec;
  return endMs === null || seconds === undefined ? null : endMs + seconds * 1_000;
};

const COLUMNS: readonly { readonly name: string; readonly type: string; readonly of: (s: PoolStatus) => unknown }[] = [
  { name: 'pool_id', type: 'text', of: (s) => s.poolId },
  { name: 'owner', type: 'text', of: (s) => s.fold.owner },
  { name: 'shortname', type: 'text', of: (s) => s.fold.spec.shortname },
  { name: 'name', type: 'text', of: (s) => s.fold.spec.name },
  { name: 'profile', type: 'text', of: (s) => s.fold.spec.profile },
  { name: 'state', type: 'text', of: (s) => s.state },
  { name: 'previous_state', type: 'text', of: (s) => s.previousState },
  { name: 'state_ms', type: 'bigint', of: (s) => s.stateMs },
  { name: 'previous_state_ms', type: 'bigint', of: (s) => s.previousStateMs },
  { name: 'created_ms', type: 'bigint', of: (s) => s.createdMs },
  { name: 'modified_ms', type: 'bigint', of: (s) => s.modifiedMs },
  { name: 'end_ms', type: 'bigint', of: (s) => s.endMs },
  { name: 'delete_at_ms', type: 'bigint', of: deleteAtMs },
  { name: 'auto_delete', type: 'boolean', of: (s) => s.fold.spec.autoDeleteOnCompletion === true },
  { name: 'tags', type: 'text[]', of: (s) => s.fold.spec.tags },
  { name: 'running_instances', type: 'integer', of: (s) => phaseCounts(s.fold.slots).executing },
  { name: 'execution_ms', type: 'bigint', of: (s) => s.usage.executionMs },
  { name: 'spec', type: 'jsonb', of: (s) => s.fold.spec },
  { name: 'fold', type: 'jsonb', of: (s) => storePoolState(s.fold) },
  { name: 'usage', type: 'jsonb', of: (s) => s.usage },
  { name: 'sequence', type: 'bigint', of: (s) => s.sequence },
];
const NAMES = COLUMNS.map(({ name }) => name).join(', ');
const RECORDS = `json_to_recordset($1::json) AS r(${COLUMNS.map(({ name, type }) => `${name} ${type}`).join(', ')})`;
const UPSERT = `INSERT INTO pool (${NAMES}) SELECT ${NAMES} FROM ${RECORDS}
  ON CONFLICT (pool_id) DO UPDATE SET ${COLUMNS.map(({ name }) => `${name} = excluded.${name}`).join(', ')}`;

export const upsertPools = async (tx: EntityManager, statuses: readonly PoolStatus[]): Promise<void> => {
  if (statuses.length === 0) return;
  const rows = statuses.map((status) => Object.fromEntries(COLUMNS.map(({ name, of }) => [name, of(status)])));
  await tx.query(UPSERT, [JSON.stringify(rows)]);
};

export const deletePools = async (tx: EntityManager, poolIds: readonly string[]): Promise<void> => {
  if (poolIds.length > 0) await tx.query('DELETE FROM pool WHERE pool_id = ANY($1::text[])', [poolIds]);
};
