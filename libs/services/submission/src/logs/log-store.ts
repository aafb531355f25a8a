import { LOG_HEADERS, parseLogSubject, type OutputStream } from '@fornax/contracts';
import type { EntityManager } from 'typeorm';
import type { LogMessage } from './log-feed.js';

interface Chunk {
  readonly taskId: string;
  readonly stream: OutputStream;
  readonly instance: number;
  readonly attempt: number;
  readonly offset: number;
  readonly data: Buffer;
}

const chunkOf = ({ subject, data, header }: LogMessage): readonly Chunk[] => {
  const place = parseLogSubject(subject);
  if (!place || data.length === 0) return [];
  const attempt = Number(header(LOG_HEADERS.attempt) ?? 1);
  const offset = Number(header(LOG_HEADERS.offset) ?? 0);
  const fits =
    isCount(place.instance, MAX_INTEGER) && isCount(attempt, MAX_INTEGER) && isCount(offset, Number.MAX_SAFE_INTEGER);
  // What no row can hold is nobody's output; kept, it would come back for ever and hold up all other.
  if (!fits || place.taskId.includes('\0')) return [];
  return [{ ...place, attempt, offset, data: Buffer.from(data.buffer, data.byteOffset, data.length) }];
};

/** Of an `integer` column. */
const MAX_INTEGER = 2_147_483_647;
const isCount = (value: number, most: number): boolean => Number.isInteger(value) && value >= 0 && value <= most;

const instanceKey = ({ taskId, instance }: Pick<Chunk, 'taskId' | 'instance'>): string => `${instance}/${taskId}`;
const numbersOf = <T>(items: readonly T[], of: (item: T) => number): number[] => items.map(of);

/**
 * Stores a batch of output. Runs in the transaction that moves the checkpoint. Only the newest attempt of an instance is kept, and of each
 * stream of a task only about the last `keepBytes`.
 */
export const storeOutput = async (
  tx: EntityManager,
  messages: readonly LogMessage[],
  keepBytes: number,
): Promise<void> => {
  const chunks = await newestAttempts(tx, messages.flatMap(chunkOf));
  if (chunks.length === 0) return;
  await tx.query(
    `INSERT INTO log_chunk (task_id, stream, instance, attempt, byte_offset, size_bytes, data)
     SELECT task_id, stream, instance, attempt, byte_offset, octet_length(data), data
     FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::bigint[], $6::bytea[])
       WITH ORDINALITY AS c(task_id, stream, instance, attempt, byte_offset, data, place) ORDER BY place`,
    [
      chunks.map((c) => c.taskId),
      chunks.map((c) => c.stream),
      numbersOf(chunks, (c) => c.instance),
      numbersOf(chunks, (c) => c.attempt),
      numbersOf(chunks, (c) => c.offset),
      chunks.map((c) => c.data),
    ],
  );
  await rotate(tx, await count(tx, chunks), keepBytes);
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
  const rows = await tx.query<{ task_id: string; instance: number; attempt: number; is_new: boolean }[]>(
    `INSERT INTO log_attempt AS known (task_id, instance, attempt)
     SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[])
     ON CONFLICT (task_id, instance) DO UPDATE SET attempt = greatest(known.attempt, excluded.attempt)
     RETURNING task_id, instance, attempt, xmax = 0 AS is_new`,
    [seen.map((c) => c.taskId), numbersOf(seen, (c) => c.instance), numbersOf(seen, (c) => c.attempt)],
  );
  const current = new Map(
    rows.map((row) => [instanceKey({ taskId: row.task_id, instance: row.instance }), row.attempt]),
  );
  const retried = rows.filter((row) => !row.is_new && row.attempt > 1);
  if (retried.length > 0) {
    await tx.query(
      `WITH gone AS (
         DELETE FROM log_chunk USING unnest($1::text[], $2::integer[], $3::integer[]) AS r(task_id, instance, attempt)
         WHERE log_chunk.task_id = r.task_id AND log_chunk.instance = r.instance AND log_chunk.attempt < r.attempt
         RETURNING log_chunk.task_id, stream, size_bytes),
       freed AS (SELECT task_id, stream, sum(size_bytes) AS bytes FROM gone GROUP BY task_id, stream)
       UPDATE log_stream SET kept_bytes = kept_bytes - freed.bytes FROM freed
       WHERE log_stream.task_id = freed.task_id AND log_stream.stream = freed.stream`,
      [retried.map((row) => row.task_id), retried.map((row) => row.instance), retried.map((row) => row.attempt)],
    );
  }
  return chunks.filter((chunk) => chunk.attempt >= (current.get(instanceKey(chunk)) ?? 0));
};

interface StreamSize {
  readonly task_id: string;
  readonly stream: string;
  readonly kept_bytes: string;
}

const count = async (tx: EntityManager, chunks: readonly Chunk[]): Promise<readonly StreamSize[]> => {
  const sizes = new Map<string, { taskId: string; stream: string; bytes: number }>();
  for (const { taskId, stream, data } of chunks) {
    const size = sizes.get(`${stream}/${taskId}`);
    if (size) size.bytes += data.length;
    else sizes.set(`${stream}/${taskId}`, { taskId, stream, bytes: data.length });
  }
  const rows = [...sizes.values()];
  return tx.query<StreamSize[]>(
    `INSERT INTO log_stream AS s (task_id, stream, kept_bytes, dropped_bytes, dropped_to)
     SELECT task_id, stream, bytes, 0, 0 FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r(task_id, stream, bytes)
     ON CONFLICT (task_id, stream) DO UPDATE SET kept_bytes = s.kept_bytes + excluded.kept_bytes
     RETURNING task_id, stream, kept_bytes`,
    [rows.map((r) => r.taskId), rows.map((r) => r.stream), rows.map((r) => r.bytes)],
  );
};

/** A stream over its bound loses its oldest chunks down to three quarters of it, so that this is rare. */
const rotate = async (tx: EntityManager, sizes: readonly StreamSize[], keepBytes: number): Promise<void> => {
  for (const { task_id: taskId, stream, kept_bytes: kept } of sizes) {
    if (Number(kept) <= keepBytes) continue;
    await tx.query(
      `WITH aged AS (
         SELECT position, size_bytes, sum(size_bytes) OVER (ORDER BY position DESC) AS newer
         FROM log_chunk WHERE task_id = $1 AND stream = $2),
       gone AS (DELETE FROM log_chunk USING aged WHERE log_chunk.position = aged.position AND aged.newer > $3
         RETURNING log_chunk.position, log_chunk.size_bytes)
       UPDATE log_stream SET kept_bytes = kept_bytes - g.bytes, dropped_bytes = dropped_bytes + g.bytes, dropped_to = greatest(dropped_to, g.last)
       FROM (SELECT coalesce(sum(size_bytes), 0) AS bytes, coalesce(max(position), 0) AS last FROM gone) AS g
       WHERE task_id = $1 AND stream = $2`,
      [taskId, stream, Math.floor(keepBytes * 0.75)],
    );
  }
};

/** Forgets all output of the given tasks. */
export const deleteOutput = async (tx: EntityManager, taskIds: readonly string[]): Promise<void> => {
  for (const table of ['log_chunk', 'log_stream', 'log_attempt', 'log_cursor']) {
    await tx.query(`DELETE FROM ${table} WHERE task_id = ANY($1)`, [taskIds]);
  }
};
