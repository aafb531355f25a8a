import type { BucketReading, MeterState } from '@fornax/domain';
import type { DataSource, EntityManager } from 'typeorm';

/** Readings of one commit. */
const MOST_READINGS = 500;
/** Parts that are remembered as told; the last one alone is looked at. */
const REMEMBERED = 10;

/** A bucket, whose it is, and what lies in it. */
export interface HeldBucket {
  readonly name: string;
  readonly owner: string;
  readonly project: string;
  readonly createdMs: number;
  readonly bytes: number;
}

/** Bytes that were sent out of a bucket. */
export interface SentBytes {
  readonly bucket: string;
  readonly owner: string;
  readonly project: string;
  readonly bytes: number;
}

/** Readings on their way into the log. */
export interface MeterPart {
  readonly part: number;
  readonly until: number;
  readonly readings: readonly BucketReading[];
}

const LOCK = `SELECT pg_advisory_xact_lock(hashtext('fornax.meters'))`;
const ADD = `ON CONFLICT (from_ms, until_ms, bucket, owner, project) DO UPDATE SET byte_seconds = meter_slot.byte_seconds + excluded.byte_seconds,
  bytes_out = meter_slot.bytes_out + excluded.bytes_out`;
/**
 * What lay in a bucket at the last look counts from then until now; of one that is gone, or was made anew, it does not. Time that was counted is not counted
 * again, nor is time that is told, though a look that began before came after it.
 */
const SPREAD = `INSERT INTO meter_slot (from_ms, until_ms, bucket, owner, project, byte_seconds, bytes_out)
  SELECT greatest(slot, $5::bigint) * 1000, (slot + $2::bigint) * 1000, bucket, meter_sample.owner, meter_sample.project,
    meter_sample.bytes::numeric * (least($1::bigint, slot + $2::bigint) - greatest(since, slot)), 0
  FROM meter_sample JOIN unnest($3::text[], $4::bigint[]) AS held (bucket, created_ms) USING (bucket, created_ms)
    CROSS JOIN LATERAL (SELECT greatest(sampled_s, $5::bigint) AS since) AS uncounted
    CROSS JOIN LATERAL generate_series(since - since % $2::bigint, $1::bigint - 1, $2::bigint) AS slot
  WHERE meter_sample.bytes > 0 AND since < $1::bigint ${ADD}`;
const SAMPLE = `INSERT INTO meter_sample (bucket, owner, project, created_ms, bytes, sampled_s)
  SELECT bucket, owner, project, created_ms, bytes, $6::bigint
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS held (bucket, owner, project, created_ms, bytes)
  ON CONFLICT (bucket) DO UPDATE SET owner = excluded.owner, project = excluded.project, created_ms = excluded.created_ms, bytes = excluded.bytes,
    sampled_s = greatest(meter_sample.sampled_s, excluded.sampled_s)`;

/** The end of the time that is told, or on its way: nothing is added to it, whatever the clock of a process says. */
const openSince = async (tx: EntityManager): Promise<number> => {
  await tx.query(LOCK);
  const [row] = await tx.query<{ readonly until_ms: string | null }[]>(
    'SELECT max(until_ms) AS until_ms FROM meter_part',
  );
  return Math.ceil(Number(row?.until_ms ?? 0) / 1_000);
};

/** Counts what buckets held since the last look, and notes what they hold now. Safe in several processes, and whatever clocks do. */
export const noteHeld = (
  db: DataSource,
  held: readonly HeldBucket[],
  { nowS: clockS, slotS }: { readonly nowS: number; readonly slotS: number },
): Promise<void> =>
  db.transaction(async (tx) => {
    const openS = await openSince(tx);
    const nowS = Math.max(clockS, openS);
    const names = held.map(({ name }) => name);
    const created = held.map(({ createdMs }) => createdMs);
    await tx.query(SPREAD, [nowS, slotS, names, created, openS]);
    await tx.query('DELETE FROM meter_sample WHERE bucket <> ALL ($1::text[])', [names]);
    const columns = [held.map(({ owner }) => owner), held.map(({ project }) => project), created];
    await tx.query(SAMPLE, [names, ...columns, held.map(({ bytes }) => bytes), nowS]);
  });

/** Adds what was sent out to the part of time that an instant lies in. */
export const noteSent = async (
  db: DataSource,
  sent: readonly SentBytes[],
  { nowS, slotS }: { readonly nowS: number; readonly slotS: number },
): Promise<void> => {
  if (sent.length === 0) return;
  await db.transaction(async (tx) => {
    const openS = await openSince(tx);
    const from = Math.max(nowS - (nowS % slotS), openS);
    await tx.query(
      `INSERT INTO meter_slot (from_ms, until_ms, bucket, owner, project, byte_seconds, bytes_out)
       SELECT $1::bigint, $2::bigint, bucket, owner, project, 0, bytes
       FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) AS sent (bucket, owner, project, bytes) ${ADD}`,
      [
        ...[from * 1_000, (from - (from % slotS) + slotS) * 1_000],
        sent.map(({ bucket }) => bucket),
        sent.map(({ owner }) => owner),
        sent.map(({ project }) => project),
        sent.map(({ bytes }) => bytes),
      ],
    );
  });
};

interface SlotRow {
  readonly from_ms: string;
  readonly until_ms: string;
  readonly bucket: string;
  readonly owner: string;
  readonly project: string;
  readonly byte_seconds: string;
  readonly bytes_out: string;
}
const readingOf = (row: SlotRow): BucketReading => ({
  bucket: row.bucket,
  owner: row.owner,
  projectUuid: row.project,
  from: Number(row.from_ms),
  until: Number(row.until_ms),
  byteSeconds: row.byte_seconds,
  bytesOut: row.bytes_out,
});

interface PartRow {
  readonly part: string;
  readonly until_ms: string;
  readonly readings: readonly BucketReading[] | null;
}

/** The database, or the log, was put back from before: what the log tells is told, and nothing else is. */
const takeOver = async (tx: EntityManager, { part, until }: MeterState): Promise<void> => {
  await tx.query('DELETE FROM meter_part');
  await tx.query('DELETE FROM meter_slot WHERE from_ms < $1::bigint', [until]);
  await tx.query('UPDATE meter_sample SET sampled_s = greatest(sampled_s, $1::bigint / 1000)', [until]);
  await tx.query('INSERT INTO meter_part (part, until_ms) VALUES ($1, $2)', [part, until]);
};

/** What is on its way becomes the part that the log waits for: it has lost those between, and what they told. */
const renumber = async (tx: EntityManager, found: MeterPart): Promise<MeterPart> => {
  await tx.query('DELETE FROM meter_part WHERE part >= $1', [found.part]);
  return putAside(tx, found);
};

const putAside = async (tx: EntityManager, taken: MeterPart): Promise<MeterPart> => {
  const { part, until, readings } = taken;
  await tx.query(
    `INSERT INTO meter_part (part, until_ms, readings) VALUES ($1, $2, $3::jsonb)
     ON CONFLICT (part) DO UPDATE SET until_ms = excluded.until_ms, readings = excluded.readings`,
    [part, until, JSON.stringify(readings)],
  );
  return taken;
};

const hasBuckets = async (tx: EntityManager): Promise<boolean> =>
  (await tx.query<object[]>('SELECT 1 FROM meter_sample LIMIT 1')).length > 0;

/** The database knows that this part was told, or is due, and the log as it was read does not: somebody else told it meanwhile, or the log has lost it. */
export interface Doubt {
  readonly doubted: number;
}

interface Wanted {
  readonly until: number;
  readonly lost?: number | undefined;
  readonly asksForTime?: boolean;
}

/**
 * The next part to tell: one that is on its way already, or else readings of time that is over. Whoever dies before it is told finds it again.
 * @param state what the log says is told
 * @param until what ends up to here is over
 * @param lost the part of a doubt that is none any more: the log has lost it
 * @param asksForTime an empty part where there is nothing else and a bucket, since the log's clock goes on with its commits
 */
export const takePart = (
  db: DataSource,
  state: MeterState,
  { until, lost, asksForTime = false }: Wanted,
): Promise<MeterPart | Doubt | undefined> =>
  db.transaction(async (tx) => {
    await tx.query(LOCK);
    const [last] = await tx.query<PartRow[]>('SELECT * FROM meter_part ORDER BY part DESC LIMIT 1');
    const known = Number(last?.part ?? 0);
    if (known > state.part + (last?.readings ? 1 : 0) && known !== lost) return { doubted: known };
    if (last?.readings && known > state.part) {
      const found = { part: state.part + 1, until: Number(last.until_ms), readings: last.readings };
      return known === found.part ? found : renumber(tx, found);
    }
    if (known !== state.part) await takeOver(tx, state);
    const [early] = await tx.query<{ readonly first: string | null; readonly over: string | null }[]>(
      'SELECT min(from_ms) AS first, max(until_ms) FILTER (WHERE until_ms <= $1::bigint) AS over FROM meter_slot',
      [until],
    );
    // What is left of the last closing comes first. A part of time is closed whole: what is open within it may still come.
    const isLeft = typeof early?.first === 'string' && Number(early.first) < state.until;
    const closes = isLeft ? state.until : Number(early?.over ?? 0);
    const rows = await tx.query<SlotRow[]>(
      `SELECT from_ms, until_ms, bucket, owner, project, byte_seconds::text, bytes_out::text FROM meter_slot WHERE until_ms <= $1::bigint
       ORDER BY from_ms, bucket, owner, project LIMIT ${MOST_READINGS}`,
      [closes],
    );
    if (rows.length === 0)
      return asksForTime && (await hasBuckets(tx))
        ? putAside(tx, { part: state.part + 1, until: state.until, readings: [] })
        : undefined;
    await tx.query(
      `DELETE FROM meter_slot USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS taken (from_ms, until_ms, bucket, owner, project)
       WHERE meter_slot.from_ms = taken.from_ms AND meter_slot.until_ms = taken.until_ms AND meter_slot.bucket = taken.bucket
         AND meter_slot.owner = taken.owner AND meter_slot.project = taken.project`,
      [
        rows.map((row) => row.from_ms),
        rows.map((row) => row.until_ms),
        rows.map((row) => row.bucket),
        rows.map((row) => row.owner),
        rows.map((row) => row.project),
      ],
    );
    return putAside(tx, { part: state.part + 1, until: closes, readings: rows.map(readingOf) });
  });

/** Forgets the readings of parts that are told. */
export const partsTold = async (db: Pick<DataSource, 'query'>, part: number): Promise<void> => {
  await db.query('UPDATE meter_part SET readings = NULL WHERE part <= $1', [part]);
  await db.query('DELETE FROM meter_part WHERE part < $1', [part - REMEMBERED]);
};
