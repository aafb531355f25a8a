import type { NodeStatus } from '@fornax/domain';
import type { EntityManager } from 'typeorm';
import type { NodeRow } from './node-row.js';

interface StoredNode {
  readonly node_id: string;
  readonly status: NodeStatus;
  readonly drain_requested: boolean;
  readonly epoch: number;
  readonly boot_id: string;
  readonly driver: string;
  readonly warnings: readonly string[];
  readonly specification_key: string;
  readonly cpu_model: string;
  readonly cores: number;
  readonly memory_mb: string;
  readonly ghz: number;
  readonly ssd: boolean;
  readonly gpus: number;
  readonly joined_at: Date | null;
  readonly lost_at: Date | null;
  readonly lost_cause: string | null;
  readonly drained_at: Date | null;
  readonly drained_by: string | null;
  readonly drain_reason: string | null;
}

export type Queries = Pick<EntityManager, 'query'>;

const COLUMNS = `node_id, status, drain_requested, epoch, boot_id, driver, warnings, specification_key, cpu_model, cores, memory_mb, ghz, ssd, gpus,
  joined_at, lost_at, lost_cause, drained_at, drained_by, drain_reason`;

const rowOf = (stored: StoredNode): NodeRow => ({
  state: {
    status: stored.status,
    nodeId: stored.node_id,
    epoch: stored.epoch,
    bootId: stored.boot_id,
    hardware: {
      specificationKey: stored.specification_key,
      cpuModel: stored.cpu_model,
      cores: stored.cores,
      memoryMB: Number(stored.memory_mb),
      ghz: stored.ghz,
      ssd: stored.ssd,
      gpus: stored.gpus,
    },
    driver: stored.driver,
    isDrainRequested: stored.drain_requested,
  },
  warnings: stored.warnings,
  joinedAt: stored.joined_at?.getTime() ?? null,
  lostAt: stored.lost_at?.getTime() ?? null,
  lostCause: stored.lost_cause,
  drain:
    stored.drained_at && stored.drained_by !== null
      ? { at: stored.drained_at.getTime(), by: stored.drained_by, reason: stored.drain_reason }
      : null,
});

/** Nodes by name; all of them when no ids are given. */
export const readNodes = async (db: Queries, ids?: readonly string[]): Promise<readonly NodeRow[]> => {
  const stored = await db.query<StoredNode[]>(
    `SELECT ${COLUMNS} FROM node WHERE $1::text[] IS NULL OR node_id = ANY($1::text[]) ORDER BY node_id`,
    [ids ?? null],
  );
  return stored.map(rowOf);
};

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export const upsertNodes = async (db: Queries, rows: readonly NodeRow[]): Promise<void> => {
  if (rows.length === 0) return;
  const column = <T>(pick: (row: NodeRow) => T): readonly T[] => rows.map(pick);
  await db.query(
    `INSERT INTO node (${COLUMNS})
     SELECT node_id, status, drain_requested, epoch, boot_id, driver, warnings::jsonb, specification_key, cpu_model, cores, memory_mb, ghz, ssd, gpus,
       joined_at, lost_at, lost_cause, drained_at, drained_by, drain_reason
     FROM unnest($1::text[], $2::text[], $3::boolean[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::integer[],
       $11::bigint[], $12::double precision[], $13::boolean[], $14::integer[], $15::timestamptz[], $16::timestamptz[], $17::text[],
       $18::timestamptz[], $19::text[], $20::text[])
       AS row (${COLUMNS})
     ON CONFLICT (node_id) DO UPDATE SET status = excluded.status, drain_requested = excluded.drain_requested, epoch = excluded.epoch,
       boot_id = excluded.boot_id, driver = excluded.driver, warnings = excluded.warnings, specification_key = excluded.specification_key,
       cpu_model = excluded.cpu_model, cores = excluded.cores, memory_mb = excluded.memory_mb, ghz = excluded.ghz, ssd = excluded.ssd,
       gpus = excluded.gpus, joined_at = excluded.joined_at, lost_at = excluded.lost_at, lost_cause = excluded.lost_cause,
       drained_at = excluded.drained_at, drained_by = excluded.drained_by, drain_reason = excluded.drain_reason`,
    [
      column(({ state }) => state.nodeId),
      column(({ state }) => state.status),
      column(({ state }) => state.isDrainRequested),
      column(({ state }) => state.epoch),
      column(({ state }) => state.bootId),
      column(({ state }) => state.driver),
      column(({ warnings }) => JSON.stringify(warnings)),
      column(({ state }) => state.hardware.specificationKey),
      column(({ state }) => state.hardware.cpuModel),
      column(({ state }) => state.hardware.cores),
      column(({ state }) => state.hardware.memoryMB),
      column(({ state }) => state.hardware.ghz),
      column(({ state }) => state.hardware.ssd),
      column(({ state }) => state.hardware.gpus),
      column(({ joinedAt }) => instant(joinedAt)),
      column(({ lostAt }) => instant(lostAt)),
      column(({ lostCause }) => lostCause),
      column(({ drain }) => instant(drain?.at ?? null)),
      column(({ drain }) => drain?.by ?? null),
      column(({ drain }) => drain?.reason ?? null),
    ],
  );
};
