import type { EntityManager } from 'typeorm';
import { identifier } from '../database/identifiers.js';
import type { Position, Projection } from '../projection/projection.js';
import { parseStamp, stampOf } from '../projection/row-version.js';
import type { StoppedAggregate } from '../projection/stopped-aggregates.js';
import { hasShapeOfLive } from './shadow-tables.js';

/** How far the shadow tables are folded. Written in the transaction that folds them, so it is true whenever the process died. */
export interface RebuildProgress {
  readonly sequence: number;
  readonly stopped: readonly StoppedAggregate[];
}

interface Row {
  readonly epoch: string;
  readonly sequence: string;
  readonly stopped: readonly StoppedAggregate[];
}

/** Qualified: inside the shadow's search path an unqualified name would not be found. */
const tableIn = (schema: string): string => `${identifier(schema)}.projection_rebuild`;

/** What an earlier process folded beside the live rows, if this program can go on with it: the same log, version and tables. */
export const readProgress = async (
  tx: EntityManager,
  schema: string,
  projection: Projection,
  head: Position,
): Promise<RebuildProgress | undefined> => {
  const [row] = await tx.query<readonly Row[]>(
    `SELECT epoch, sequence, stopped FROM ${tableIn(schema)} WHERE projection = $1`,
    [projection.name],
  );
  if (row === undefined) return undefined;
  const { epoch, sequence, version } = parseStamp(row.epoch, row.sequence);
  const isUsable = epoch === head.epoch && version === projection.version && sequence <= head.sequence;
  return isUsable && (await hasShapeOfLive(tx, schema, projection.tables))
    ? { sequence, stopped: row.stopped }
    : undefined;
};

export const writeProgress = async (
  tx: EntityManager,
  schema: string,
  projection: Projection,
  epoch: string,
  { sequence, stopped }: RebuildProgress,
): Promise<void> => {
  await tx.query(
    `INSERT INTO ${tableIn(schema)} (projection, epoch, sequence, stopped) VALUES ($1, $2, $3, $4)
     ON CONFLICT (projection) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, stopped = excluded.stopped`,
    [projection.name, stampOf(projection, epoch), sequence, JSON.stringify(stopped)],
  );
};

export const forgetProgress = async (tx: EntityManager, schema: string, projection: string): Promise<void> => {
  await tx.query(`DELETE FROM ${tableIn(schema)} WHERE projection = $1`, [projection]);
};
