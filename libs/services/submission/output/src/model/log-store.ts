import type { EntityManager } from 'typeorm';
import { untold, type ArrivedChunk, type Gap, type KnownPart } from './arrived-chunk.js';

/** A stream of a task after a batch. */
export interface StreamSize {
  readonly taskId: string;
  readonly keptBytes: number;
}

type Chunk = ArrivedChunk;
const instanceKey = ({ taskId, instance }: Pick<Chunk, 'taskId' | 'instance'>): string => `${instance}/${taskId}`;
const columns = (chunks: readonly Chunk[]) => ({
  tasks: chunks.map((c) => c.taskId),
  streams: chunks.map((c) => c.stream),
  instances: chunks.map((c) => c.instance),
  attempts: chunks.map((c) => c.attempt),
});

/**
 * Stores a batch of output. Runs in the transaction that moves the checkpoint, so batches never overlap. Only the newest attempt of an instance is
 * kept; what came before (an agent repeats what it is not sure of) is passed over; of each stream of a task at most `mostBytes` stay: beyond that
 * the oldest are lost, which only happens while object storage does not take them.
 */
export const storeOutput = async (
  tx: EntityManager,
  arrived: readonly ArrivedChunk[],
  mostBytes: number,
): Promise<readonly StreamSize[]> => {
  const { fresh, gaps } = await withoutRepeats(tx, await newestAttempts(tx, arrived));
  if (fresh.length === 0) return [];
  const sizes = await insert(tx, fresh);
  await countGaps(tx, gaps);
  await loseOldest(tx, sizes, mostBytes);
  return sizes.map(({ task_id: taskId, kept_bytes: kept }) => ({ taskId, keptBytes: Number(kept) }));
};

/** Which of the tasks were deleted: output that was still on its way goes nowhere. */
export const forgottenAmong = async (tx: EntityManager, taskIds: readonly string[]): Promise<ReadonlySet<string>> => {
  if (taskIds.length === 0) return new Set();
  const rows = await tx.query<{ task_id: string }[]>('SELECT task_id FROM log_forgotten WHERE task_id = ANY($1)', [
    taskIds,
  ]);
  return new Set(rows.map((row) => row.task_id));
};

/** Drops what an instance printed in an earlier attempt, both what comes late now and what is stored. */
const newestAttempts = async (tx: EntityManager, chunks: readonly Chunk[]): Promise<readonly Chunk[]> => {
  const newest = new Map<string, Chunk>();
  for (const chunk of chunks) {
    const key = instanceKey(chunk);
    if (chunk.attempt > (newest.get(key)?.attempt ?? 0)) newest.set(key, chunk);
  }
  const seen = [...newest.values()];
  if (seen.length === 0) return [];
  const { tasks, instances, attempts } = columns(seen);
  const rows = await tx.query<{ task_id: string; instance: number; attempt: number; is_new: boolean }[]>(
    `INSERT INTO log_attempt AS known (task_id, instance, attempt)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[])
     ON CONFLICT (task_id, instance) DO UPDATE SET attempt = greatest(known.attempt, excluded.attempt)
     RETURNING task_id, instance, attempt, xmax = 0 AS is_new`,
    [tasks, instances, attempts],
  );
  const current = new Map(
    rows.map((row) => [instanceKey({ taskId: row.task_id, instance: row.instance }), row.attempt]),
  );
  const retried = rows.filter((row) => !row.is_new && row.attempt > 1);
  if (retried.length > 0) {
    await forgetAttempts(
      tx,
      retried.map((row) => row.task_id),
      retried.map((row) => row.instance),
      retried.map((row) => row.attempt),
    );
  }
  return chunks.filter((chunk) => chunk.attempt >= (current.get(instanceKey(chunk)) ?? 0));
};

/** Rows of attempts before the given ones. What of them lies in a segment stays there, unseen, until the task goes. */
const forgetAttempts = async (
  tx: EntityManager,
  tasks: readonly string[],
  instances: readonly number[],
  attempts: readonly number[],
): Promise<void> => {
  for (const [table, bytes] of [
    ['log_chunk', 'kept_bytes'],
    ['log_archived', 'archived_bytes'],
  ] as const) {
    await tx.query(
      `WITH gone AS (
         DELETE FROM ${table} AS old USING unnest($1::text[], $2::integer[], $3::integer[]) AS r(task_id, instance, attempt)
         WHERE old.task_id = r.task_id AND old.instance = r.instance AND old.attempt < r.attempt
         RETURNING old.task_id, old.stream, old.size_bytes),
       freed AS (SELECT task_id, stream, sum(size_bytes) AS bytes FROM gone GROUP BY task_id, stream)
       UPDATE log_stream SET ${bytes} = ${bytes} - freed.bytes FROM freed
       WHERE log_stream.task_id = freed.task_id AND log_stream.stream = freed.stream`,
      [tasks, instances, attempts],
    );
  }
};

const withoutRepeats = async (
  tx: EntityManager,
  chunks: readonly Chunk[],
): Promise<{ readonly fresh: readonly Chunk[]; readonly gaps: readonly Gap[] }> => {
  if (chunks.length === 0) return { fresh: [], gaps: [] };
  const { tasks, streams, instances } = columns(chunks);
  const rows = await tx.query<
    { task_id: string; stream: string; instance: number; attempt: number; end_offset: string; lost_bytes: string }[]
  >(
    `SELECT part.* FROM log_part AS part
     JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::integer[]) AS c(task_id, stream, instance)) AS asked
     USING (task_id, stream, instance)`,
    [tasks, streams, instances],
  );
  const { fresh, parts, gaps } = untold(
    chunks,
    rows.map((row) => ({
      taskId: row.task_id,
      stream: row.stream,
      instance: row.instance,
      attempt: row.attempt,
      endOffset: Number(row.end_offset),
      lostBytes: Number(row.lost_bytes),
    })),
  );
  await storeParts(tx, parts);
  return { fresh, gaps };
};

const storeParts = async (tx: EntityManager, parts: readonly KnownPart[]): Promise<void> => {
  if (parts.length === 0) return;
  await tx.query(
    `INSERT INTO log_part (task_id, stream, instance, attempt, end_offset, lost_bytes)
     SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[])
     ON CONFLICT (task_id, stream, instance) DO UPDATE
     SET attempt = excluded.attempt, end_offset = excluded.end_offset, lost_bytes = excluded.lost_bytes`,
    [
      parts.map((p) => p.taskId),
      parts.map((p) => p.stream),
      parts.map((p) => p.instance),
      parts.map((p) => p.attempt),
      parts.map((p) => p.endOffset),
      parts.map((p) => p.lostBytes),
    ],
  );
};

interface SizeRecord {
  readonly task_id: string;
  readonly stream: string;
  readonly kept_bytes: string;
}

const insert = (tx: EntityManager, chunks: readonly Chunk[]): Promise<readonly SizeRecord[]> => {
  const { tasks, streams, instances, attempts } = columns(chunks);
  return tx.query<SizeRecord[]>(
    `WITH added AS (
       INSERT INTO log_chunk (task_id, stream, instance, attempt, byte_offset, size_bytes, data)
       SELECT task_id, stream, instance, attempt, byte_offset, octet_length(data), data
       FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::bytea[])
         WITH ORDINALITY AS c(task_id, stream, instance, attempt, byte_offset, data, place) ORDER BY place
       RETURNING task_id, stream, position, size_bytes)
     INSERT INTO log_stream AS s (task_id, stream, kept_bytes, dropped_bytes, dropped_to, last_position)
     SELECT task_id, stream, sum(size_bytes), 0, 0, max(position) FROM added GROUP BY task_id, stream
     ON CONFLICT (task_id, stream) DO UPDATE
     SET kept_bytes = s.kept_bytes + excluded.kept_bytes, last_position = excluded.last_position
     RETURNING task_id, stream, kept_bytes`,
    [tasks, streams, instances, attempts, chunks.map((c) => c.offset), chunks.map((c) => c.data)],
  );
};

/** Output that never arrived (the stream was full before it was read) is lost as well, and the reader gets a line that says so. */
const countGaps = async (tx: EntityManager, gaps: readonly Gap[]): Promise<void> => {
  if (gaps.length === 0) return;
  await tx.query(
    `UPDATE log_stream SET dropped_bytes = dropped_bytes + gap.bytes, dropped_to = last_position
     FROM (SELECT task_id, stream, sum(bytes) AS bytes FROM unnest($1::text[], $2::text[], $3::bigint[]) AS g(task_id, stream, bytes)
       GROUP BY task_id, stream) AS gap
     WHERE log_stream.task_id = gap.task_id AND log_stream.stream = gap.stream`,
    [gaps.map((gap) => gap.taskId), gaps.map((gap) => gap.stream), gaps.map((gap) => gap.bytes)],
  );
};

/** A stream over the bound loses its oldest chunks down to three quarters of it, so that this is rare. */
const loseOldest = async (tx: EntityManager, sizes: readonly SizeRecord[], mostBytes: number): Promise<void> => {
  for (const { task_id: taskId, stream, kept_bytes: kept } of sizes) {
    if (Number(kept) <= mostBytes) continue;
    await tx.query(
      `WITH aged AS (
         SELECT position, size_bytes, sum(size_bytes) OVER (ORDER BY position DESC) AS newer
         FROM log_chunk WHERE task_id = $1 AND stream = $2),
       gone AS (DELETE FROM log_chunk USING aged WHERE log_chunk.position = aged.position AND aged.newer > $3
         RETURNING log_chunk.position, log_chunk.size_bytes, log_chunk.instance),
       of_instance AS (SELECT instance, sum(size_bytes) AS bytes FROM gone GROUP BY instance),
       told AS (UPDATE log_part SET lost_bytes = lost_bytes + of_instance.bytes FROM of_instance
         WHERE task_id = $1 AND stream = $2 AND log_part.instance = of_instance.instance)
       UPDATE log_stream SET kept_bytes = kept_bytes - g.bytes, dropped_bytes = dropped_bytes + g.bytes, dropped_to = greatest(dropped_to, g.last)
       FROM (SELECT coalesce(sum(size_bytes), 0) AS bytes, coalesce(max(position), 0) AS last FROM gone) AS g
       WHERE task_id = $1 AND stream = $2`,
      [taskId, stream, Math.floor(mostBytes * 0.75)],
    );
  }
};

/** Keeps others from taking in, archiving or deleting output until the transaction is over. */
export const lockOutput = async (tx: EntityManager): Promise<void> => {
  await tx.query('SELECT 1 FROM log_checkpoint WHERE id = 1 FOR UPDATE');
};

/** Forgets all output of the given tasks; the objects that hold some of it are left to be collected. Safe to repeat. */
export const deleteOutput = async (tx: EntityManager, taskIds: readonly string[]): Promise<void> => {
  await lockOutput(tx);
  await tx.query('INSERT INTO log_forgotten (task_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [taskIds]);
  await tx.query(
    `WITH gone AS (DELETE FROM log_segment WHERE task_id = ANY($1) RETURNING object_key)
     INSERT INTO log_garbage SELECT object_key FROM gone ON CONFLICT DO NOTHING`,
    [taskIds],
  );
  for (const table of ['log_chunk', 'log_stream', 'log_attempt', 'log_cursor', 'log_part', 'log_archived'])
    await tx.query(`DELETE FROM ${table} WHERE task_id = ANY($1)`, [taskIds]);
};
