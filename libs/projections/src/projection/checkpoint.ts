import type { EntityManager } from 'typeorm';
import type { Position, Projection } from './projection.js';
import { type VersionedPosition, parseStamp, stampOf } from './row-version.js';
import { keyOf, readStopped } from './stopped-aggregates.js';

interface CheckpointRow {
  readonly epoch: string;
  /** bigint, which the driver gives as text. */
  readonly sequence: string;
}

/** A projection as its checkpoint knows it. */
type Named = Pick<Projection, 'name' | 'version'>;

const toPosition = (rows: unknown): VersionedPosition | undefined => {
  const row = (rows as readonly CheckpointRow[])[0];
  return row && parseStamp(row.epoch, row.sequence);
};

/** Where the rows of a projection stand, for whoever reads them; undefined when nothing was ever folded. */
export const readPosition = async (
  db: Pick<EntityManager, 'query'>,
  projection: string,
): Promise<VersionedPosition | undefined> =>
  toPosition(await db.query('SELECT epoch, sequence FROM projection_checkpoint WHERE projection = $1', [projection]));

/** In front of the epoch of rows that are to be folded anew, whatever log they are of: so no program takes them for rows of its log. */
const OUTDATED = 'before ';

/**
 * Makes rows ones that are to be folded anew, which whoever runs their projection does by itself. Until then they are read as they are.
 * @param from only those that were folded up to here at least
 */
export const outdateRows = async (
  db: Pick<EntityManager, 'query'>,
  projections: readonly string[],
  from = 0,
): Promise<void> => {
  await db.query(
    `UPDATE projection_checkpoint SET epoch = $3 || epoch, updated_at = now()
     WHERE projection = ANY($1) AND sequence >= $2 AND NOT starts_with(epoch, $3)`,
    [projections, from, OUTDATED],
  );
};

/** Where everything that has a checkpoint in the schema stands, each in which log; without rows that are to be folded anew. */
export const readPositions = async (db: Pick<EntityManager, 'query'>): Promise<readonly VersionedPosition[]> => {
  const rows: readonly CheckpointRow[] = await db.query(
    'SELECT epoch, sequence FROM projection_checkpoint WHERE NOT starts_with(epoch, $1)',
    [OUTDATED],
  );
  return rows.map(({ epoch, sequence }) => parseStamp(epoch, sequence));
};

/** The checkpoint as committed, created at the beginning of the log `epoch` when there is none. */
export const readCheckpoint = async (
  db: EntityManager,
  projection: Named,
  epoch: string,
): Promise<VersionedPosition> => {
  const found = await readPosition(db, projection.name);
  if (found !== undefined) return found;
  await db.query(
    'INSERT INTO projection_checkpoint (projection, epoch, sequence) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING',
    [projection.name, stampOf(projection, epoch)],
  );
  return readCheckpoint(db, projection, epoch);
};

/**
 * Locks the checkpoint until the transaction ends: nobody else writes this projection meanwhile. The same statement lets this
 * transaction commit without waiting for the disk: rows and checkpoint are lost together if at all, and are folded again from the log.
 */
export const lockCheckpoint = async (tx: EntityManager, projection: string): Promise<LockedPosition | undefined> => {
  const rows = await tx.query<readonly (CheckpointRow & { readonly has_stopped: boolean })[]>(
    `SELECT epoch, sequence, has_stopped, set_config('synchronous_commit', 'off', true) FROM projection_checkpoint WHERE projection = $1 FOR UPDATE`,
    [projection],
  );
  const position = toPosition(rows);
  // Asked after the lock: another replica may have stopped at one while this one waited.
  const stopped = rows[0]?.has_stopped === true ? await readStopped(tx, projection) : [];
  return position && { ...position, stopped: stopped.map(keyOf) };
};

/**
 * Locks the checkpoint and moves it on, in one statement, when it stands in this log, with rows of this version, not before `from` and before `to`, and
 * no aggregate is left out: what holds nearly always. Commits without waiting for the disk, as with `lockCheckpoint`.
 * @returns where it stood; undefined when nothing was moved
 */
export const lockAndAdvance = async (
  tx: EntityManager,
  projection: Named,
  { epoch, from, to }: { readonly epoch: string; readonly from: number; readonly to: number },
): Promise<number | undefined> => {
  const [[row]] = await tx.query<[readonly { readonly stood: string }[], number]>(
    `WITH was AS MATERIALIZED (SELECT sequence, set_config('synchronous_commit', 'off', true) FROM projection_checkpoint
       WHERE projection = $1 AND epoch = $2 AND sequence >= $3 AND sequence < $4 AND NOT has_stopped FOR UPDATE)
     UPDATE projection_checkpoint SET sequence = $4, updated_at = now() FROM was WHERE projection = $1 RETURNING was.sequence AS stood`,
    [projection.name, stampOf(projection, epoch), from, to],
  );
  return row && Number(row.stood);
};

/** Where a projection stands, and the aggregates that it leaves out, as `aggregate/id`. */
export interface LockedPosition extends VersionedPosition {
  readonly stopped: readonly string[];
}

export const writeCheckpoint = async (
  tx: EntityManager,
  projection: Named,
  { epoch, sequence }: Position,
): Promise<void> => {
  await tx.query(
    'UPDATE projection_checkpoint SET epoch = $2, sequence = $3, updated_at = now() WHERE projection = $1',
    [projection.name, stampOf(projection, epoch), sequence],
  );
};

/**
 * Moves a checkpoint over commits that do not concern the projection; never back, never in another log, never that of another version's rows.
 * @param from where whoever asks has left it at least: one that stands before has lost rows in a crash of the database, and these are folded again
 */
export const advanceCheckpoint = async (
  db: EntityManager,
  projection: Named,
  { epoch, sequence }: Position,
  from: number,
): Promise<void> => {
  await db.query(
    'UPDATE projection_checkpoint SET sequence = $3, updated_at = now() WHERE projection = $1 AND epoch = $2 AND sequence >= $4 AND sequence < $3',
    [projection.name, stampOf(projection, epoch), sequence, from],
  );
};
