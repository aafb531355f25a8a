import { outdateRows, type Position, readPositions } from '@fornax/projections';
import type { DataSource } from 'typeorm';

/** A log as it was when somebody looked: which one, its end, and the id of its last message, which tells two logs of one epoch apart. */
export interface LogMark {
  readonly epoch: string;
  readonly sequence: number;
  /** Undefined when it is not known: marks of before, and an empty log. */
  readonly messageId: string | undefined;
}

/** What a service's rows in Postgres were made from. */
export interface StoredMark extends LogMark {
  /** When an operator accepted the log as it was then, in milliseconds; undefined when nobody had to. */
  readonly acceptedAt: number | undefined;
  /** How long ago that was when the mark was read, in milliseconds, by the database's clock alone; undefined with it. */
  readonly acceptedAgoMs: number | undefined;
}

interface MarkRow {
  readonly epoch: string;
  readonly sequence: string;
  readonly message_id: string | null;
  readonly accepted_at: Date | null;
  readonly accepted_ago_ms: number | null;
}

/**
 * The mark of a schema. Where a checkpoint knows more of the same log (the process was killed before it could write its mark), that counts;
 * where there is no mark yet, the checkpoints alone do.
 */
export const loadMark = async (db: DataSource): Promise<StoredMark | undefined> => {
  const [row] = await db.query<MarkRow[]>(
    `SELECT epoch, sequence, message_id, accepted_at,
       extract(epoch FROM clock_timestamp() - accepted_at)::float8 * 1000 AS accepted_ago_ms FROM log_mark`,
  );
  const positions = await readPositions(db);
  const furthest = positions
    .filter(({ epoch }) => row === undefined || epoch === row.epoch)
    .reduce<Position | undefined>((most, one) => (most && most.sequence >= one.sequence ? most : one), undefined);
  if (!row) return furthest && markOf(furthest.epoch, furthest.sequence);
  const accepted = {
    acceptedAt: row.accepted_at?.getTime(),
    acceptedAgoMs: row.accepted_ago_ms ?? undefined,
  };
  const sequence = Number(row.sequence);
  if (furthest && furthest.sequence > sequence) return { ...markOf(row.epoch, furthest.sequence), ...accepted };
  return { epoch: row.epoch, sequence, messageId: row.message_id ?? undefined, ...accepted };
};

const markOf = (epoch: string, sequence: number): StoredMark => ({
  epoch,
  sequence,
  messageId: undefined,
  acceptedAt: undefined,
  acceptedAgoMs: undefined,
});

/**
 * Moves the mark on. Never back, and never to another log: that is what `acceptLog` is for. Does not wait for the disk: what is lost with the machine's
 * power is a mark that stood a moment earlier, as if nobody had looked since.
 */
export const saveMark = async (db: DataSource, { epoch, sequence, messageId }: LogMark): Promise<void> => {
  await db.query(
    `INSERT INTO log_mark (epoch, sequence, message_id) SELECT $1::text, $2::bigint, $3::text FROM set_config('synchronous_commit', 'off', true)
     ON CONFLICT (is_only) DO UPDATE SET sequence = excluded.sequence, message_id = excluded.message_id, updated_at = now()
     WHERE log_mark.epoch = excluded.epoch AND log_mark.sequence < excluded.sequence`,
    [epoch, sequence, messageId ?? null],
  );
};

/**
 * Makes a schema belong to the log as it is now: projections are out of date from here on, so that each is folded anew when it starts;
 * handlers go on behind what the log still has, or, in another log, at its beginning.
 * @param projections names of the schema's projections; what else has a checkpoint is a handler
 */
export const acceptLog = (
  db: DataSource,
  { epoch, sequence, messageId }: LogMark,
  projections: readonly string[],
): Promise<void> =>
  db.transaction(async (tx) => {
    await tx.query(
      `INSERT INTO log_mark (epoch, sequence, message_id, accepted_at) VALUES ($1, $2, $3, now())
       ON CONFLICT (is_only) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, message_id = excluded.message_id,
         accepted_at = excluded.accepted_at, updated_at = now()`,
      [epoch, sequence, messageId ?? null],
    );
    await outdateRows(tx, projections);
    await tx.query('DELETE FROM projection_checkpoint WHERE NOT projection = ANY($1) AND epoch <> $2', [
      projections,
      epoch,
    ]);
    await tx.query(
      `UPDATE projection_checkpoint SET sequence = least(sequence, $2), updated_at = now() WHERE NOT projection = ANY($1)`,
      [projections, sequence],
    );
  });
