import { phaseCounts, restorePoolState, storePoolState, type PublicPoolState } from '@fornax/domain';
import {
  CHANGING_COLUMNS,
  LASTING_COLUMNS,
  restoreUsage,
  rowsOf,
  timesOf,
  TIMES_COLUMNS,
  upsertSql,
  type Column,
  type TaskUsage,
  type TimesRecord,
} from '@fornax/tasks';
import type { EntityManager } from 'typeorm';
import type { PoolStatus } from './pool-status.js';

/** A row of `pool` as Postgres gives it. bigint comes as text. */
export interface PoolRecord extends TimesRecord {
  readonly pool_id: string;
  readonly owner: string;
  readonly state: PublicPoolState;
  readonly previous_state: PublicPoolState | null;
  readonly fold: unknown;
  readonly usage: TaskUsage;
  readonly sequence: string;
}

/** Columns that make up a PoolStatus. */
export const POOL_COLUMNS = `pool.pool_id, owner, state, previous_state, ${TIMES_COLUMNS}, fold, usage, sequence`;

export const poolStatusOf = (record: PoolRecord): PoolStatus => ({
  poolId: record.pool_id,
  fold: restorePoolState(record.fold),
  state: record.state,
  previousState: record.previous_state,
  ...timesOf(record),
  usage: restoreUsage(record.usage),
  sequence: Number(record.sequence),
});

const COLUMNS: readonly [Column<PoolStatus>, ...Column<PoolStatus>[]] = [
  { name: 'pool_id', type: 'text', value: (s) => s.poolId },
  ...CHANGING_COLUMNS,
  ...LASTING_COLUMNS,
  { name: 'running_instances', type: 'integer', value: (s) => phaseCounts(s.fold.slots).executing },
  { name: 'fold', type: 'jsonb', value: (s) => storePoolState(s.fold) },
];
const UPSERT = upsertSql('pool', COLUMNS);

export const upsertPools = async (tx: EntityManager, statuses: readonly PoolStatus[]): Promise<void> => {
  if (statuses.length > 0) await tx.query(UPSERT, [rowsOf(COLUMNS, statuses)]);
};

export const deletePools = async (tx: EntityManager, poolIds: readonly string[]): Promise<void> => {
  if (poolIds.length > 0) await tx.query('DELETE FROM pool WHERE pool_id = ANY($1::text[])', [poolIds]);
};
