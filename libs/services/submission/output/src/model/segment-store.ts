import { createHash, randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { lockOutput } from './log-store.js';
import type { OutputArchive } from './output-archive.js';
import { encodeSegment, type PlacedChunk, type Segment } from './segment.js';

/** A stream of a task with more in the database than should stay there. */
export interface LargeStream {
  readonly taskId: string;
  readonly stream: string;
  readonly keptBytes: number;
  /** Its task is over: nothing will be added. */
  readonly isOver: boolean;
}

const MAX_STREAMS = 16;
/** Streams of one statement; most are of tasks that run and may keep what they have. */
const LOOKED_AT = 1_000;
const MAX_CHUNKS = 20_000;
const MAX_GARBAGE = 200;
const AT_ONCE = 8;
/** Longer than output stays in the log stream, from where a late message could come. */
const FORGET_AFTER = '8 days';

interface SizedStream {
  readonly taskId: string;
  readonly stream: string;
  readonly keptBytes: number;
}

/** The largest first, behind the one that is given. */
const streamsOver = async (
  db: DataSource,
  bytes: number,
  after: SizedStream | undefined,
): Promise<readonly SizedStream[]> => {
  const rows = await db.query<{ task_id: string; stream: string; kept_bytes: string }[]>(
    `SELECT task_id, stream, kept_bytes FROM log_stream
     WHERE kept_bytes > 1024 AND kept_bytes > $1
       AND ($2::bigint IS NULL OR (kept_bytes, task_id, stream) < ($2::bigint, $3::text, $4::text))
     ORDER BY kept_bytes DESC, task_id DESC, stream DESC LIMIT ${LOOKED_AT}`,
    [bytes, after?.keptBytes ?? null, after?.taskId ?? null, after?.stream ?? null],
  );
  return rows.map((row) => ({ taskId: row.task_id, stream: row.stream, keptBytes: Number(row.kept_bytes) }));
};

/**
 * Streams with more than `keepBytes` in the database, or more than `keepEndedBytes` when their task is over; the largest first, 16 at most.
 * @param endedAmong those of the tasks that are over
 */
export const largeStreams = async (
  db: DataSource,
  keepBytes: number,
  keepEndedBytes: number,
  endedAmong: (taskIds: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<readonly LargeStream[]> => {
  const found: LargeStream[] = [];
  for (let after: SizedStream | undefined; ;) {
    const streams = await streamsOver(db, Math.min(keepBytes, keepEndedBytes), after);
    const ended = await endedAmong([...new Set(streams.map(({ taskId }) => taskId))]);
    for (const stream of streams) {
      const isOver = ended.has(stream.taskId);
      if (stream.keptBytes > (isOver ? keepEndedBytes : keepBytes)) found.push({ ...stream, isOver });
      if (found.length === MAX_STREAMS) return found;
    }
    if (streams.length < LOOKED_AT) return found;
    after = streams.at(-1);
  }
};

/** Objects that were noted and perhaps stored by an archiver that is gone. Call it under the archiver's lock only. */
export const pruneUnfinished = async (db: DataSource): Promise<void> => {
  await db.query(
    `WITH gone AS (DELETE FROM log_segment WHERE NOT is_stored RETURNING object_key)
     INSERT INTO log_garbage SELECT object_key FROM gone ON CONFLICT DO NOTHING`,
  );
};

/** Removes objects that nothing points to. Call it under the archiver's lock only: so none of them is being written. */
export const collectGarbage = async (db: DataSource, archive: Pick<OutputArchive, 'delete'>): Promise<void> => {
  for (;;) {
    const rows = await db.query<{ object_key: string }[]>(`SELECT object_key FROM log_garbage LIMIT ${MAX_GARBAGE}`);
    const keys = rows.map((row) => row.object_key);
    for (let at = 0; at < keys.length; at += AT_ONCE)
      await Promise.all(keys.slice(at, at + AT_ONCE).map((key) => archive.delete(key)));
    if (keys.length > 0) await db.query('DELETE FROM log_garbage WHERE object_key = ANY($1)', [keys]);
    if (keys.length < MAX_GARBAGE) return;
  }
};

/** Tasks that are gone for so long that no output of theirs can come any more. */
export const forgetOld = async (db: DataSource): Promise<void> => {
  await db.query(`DELETE FROM log_forgotten WHERE at < now() - interval '${FORGET_AFTER}'`);
};

const oldestChunks = async (
  db: DataSource,
  { taskId, stream }: LargeStream,
  bytes: number,
): Promise<readonly PlacedChunk[]> => {
  const rows = await db.query<
    { position: string; instance: number; attempt: number; byte_offset: string; data: Buffer }[]
  >(
    `SELECT chunk.position, chunk.instance, chunk.attempt, chunk.byte_offset, chunk.data
     FROM (SELECT position, sum(size_bytes) OVER (ORDER BY position) - size_bytes AS before FROM (
         SELECT position, size_bytes FROM log_chunk WHERE task_id = $1 AND stream = $2 ORDER BY position LIMIT ${MAX_CHUNKS}
       ) AS oldest) AS sized
     JOIN log_chunk AS chunk USING (position) WHERE sized.before < $3 ORDER BY chunk.position`,
    [taskId, stream, bytes],
  );
  return rows.map((row) => ({
    position: Number(row.position),
    instance: row.instance,
    attempt: row.attempt,
    offset: Number(row.byte_offset),
    data: row.data,
  }));
};

/** A name of its own for every try, so that a late write can never replace what another try has stored. */
const newKey = (taskId: string, stream: string): string => {
  const folder = /^[A-Za-z0-9-]{1,64}$/.test(taskId) ? taskId : createHash('sha256').update(taskId).digest('hex');
  return `${folder}/${stream}/${randomUUID()}`;
};

/**
 * Moves about `segmentBytes` of a stream's oldest output into one object. @returns how many bytes left the database; 0 when there was nothing
 * @throws Unavailable storage is away: nothing has changed
 */
export const moveOldest = async (
  db: DataSource,
  archive: Pick<OutputArchive, 'put'>,
  of: LargeStream,
  segmentBytes: number,
): Promise<number> => {
  const chunks = await oldestChunks(db, of, segmentBytes);
  const [first, last] = [chunks.at(0), chunks.at(-1)];
  if (!first || !last) return 0;
  const segment = encodeSegment(chunks);
  const key = newKey(of.taskId, of.stream);
  const [row] = await db.query<{ segment_id: string }[]>(
    `INSERT INTO log_segment (task_id, stream, first_position, last_position, data_bytes, object_key, is_stored)
     VALUES ($1, $2, $3, $4, $5, $6, false) RETURNING segment_id`,
    [of.taskId, of.stream, first.position, last.position, segment.dataBytes, key],
  );
  await archive.put(key, segment.bytes);
  return db.transaction((tx) =>
    settle(tx, of, { segmentId: row?.segment_id ?? '', key, lastPosition: last.position, segment }),
  );
};

interface Stored {
  readonly segmentId: string;
  readonly key: string;
  readonly lastPosition: number;
  readonly segment: Segment;
}

/** The rows of a stored segment give way to the note of where it is, in one transaction. */
const settle = async (
  tx: EntityManager,
  { taskId, stream }: LargeStream,
  { segmentId, key, lastPosition, segment }: Stored,
): Promise<number> => {
  // Nothing is taken in meanwhile, for both change the same counters, and no output is deleted: what is asked for below holds to the end.
  await lockOutput(tx);
  const noted = await tx.query<[{ segment_id: string }[], number]>(
    `UPDATE log_segment SET is_stored = true
     WHERE segment_id = $1 AND NOT EXISTS (SELECT FROM log_forgotten WHERE task_id = $2) RETURNING segment_id`,
    [segmentId, taskId],
  );
  if (noted[1] === 0) {
    // The task was deleted meanwhile, perhaps before this segment was noted, or another archiver took this one for dead.
    await tx.query('DELETE FROM log_segment WHERE segment_id = $1', [segmentId]);
    await tx.query('INSERT INTO log_garbage VALUES ($1) ON CONFLICT DO NOTHING', [key]);
    return 0;
  }
  const { parts } = segment;
  await tx.query(
    `WITH part AS (
       SELECT * FROM unnest($3::integer[], $4::integer[], $5::bigint[], $6::bigint[], $7::bigint[])
         AS p(instance, attempt, byte_offset, size_bytes, object_offset)),
     noted AS (
       INSERT INTO log_archived (task_id, stream, instance, attempt, byte_offset, size_bytes, segment_id, object_offset)
       SELECT $1, $2, instance, attempt, byte_offset, size_bytes, $8::bigint, object_offset FROM part
       WHERE NOT EXISTS (SELECT 1 FROM log_attempt AS newer
         WHERE newer.task_id = $1 AND newer.instance = part.instance AND newer.attempt > part.attempt)
       ON CONFLICT DO NOTHING RETURNING size_bytes),
     gone AS (DELETE FROM log_chunk WHERE task_id = $1 AND stream = $2 AND position <= $9 RETURNING size_bytes)
     UPDATE log_stream SET archived_to = $9,
       kept_bytes = kept_bytes - (SELECT coalesce(sum(size_bytes), 0) FROM gone),
       archived_bytes = archived_bytes + (SELECT coalesce(sum(size_bytes), 0) FROM noted)
     WHERE task_id = $1 AND stream = $2`,
    [
      taskId,
      stream,
      parts.map((p) => p.instance),
      parts.map((p) => p.attempt),
      parts.map((p) => p.offset),
      parts.map((p) => p.sizeBytes),
      parts.map((p) => p.objectOffset),
      segmentId,
      lastPosition,
    ],
  );
  return segment.dataBytes;
};
