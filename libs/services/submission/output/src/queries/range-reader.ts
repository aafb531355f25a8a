import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { LogIngest } from '../followers/log-ingest.js';
import { OutputArchive } from '../model/output-archive.js';
import { isOverIn, type OutputOf } from '../model/output-of.js';
import { InjectDatabase } from '../config/database.js';

/** Output of one instance, as one attempt printed it. */
export interface AttemptOutput {
  readonly taskId: string;
  readonly stream: string;
  readonly instance: number;
  readonly attempt: number;
}

/** A part of what the current attempt of an instance has printed so far. */
export interface OutputRange {
  readonly attempt: number;
  /** Where the bytes really begin: later than asked for when what was asked for is lost, or not printed yet. */
  readonly offset: number;
  /** Where they end, and the next read goes on. */
  readonly nextOffset: number;
  /** Bytes that the attempt has printed so far. */
  readonly totalBytes: number;
  /** Nothing will be added to them. */
  readonly isOver: boolean;
  /** The bytes from `offset` to `nextOffset`, piece by piece. */
  readonly bytes: AsyncGenerator<Buffer, void, undefined>;
}

interface Piece {
  readonly offset: number;
  readonly data: Buffer;
}

const PIECE_BYTES = 1024 * 1024;
const PIECE_CHUNKS = 512;

/** Reads output by byte offsets, wherever it lies. */
@Injectable()
export class RangeReader {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly ingest: LogIngest,
    private readonly archive: OutputArchive,
  ) {}

  /** @param to exclusive; the end of what there is now when absent */
  async read(of: OutputOf & { readonly instance: number }, from: number, to?: number): Promise<OutputRange> {
    const isCaughtUp = await this.ingest.caughtUp(of.task.taskId);
    return this.range(of, isCaughtUp, () => ({ from, to }));
  }

  /** The last bytes of what there is now. @param waitMs for how long it may wait for what is on its way */
  async readLast(of: OutputOf & { readonly instance: number }, count: number, waitMs?: number): Promise<OutputRange> {
    const isCaughtUp = await this.ingest.caughtUp(of.task.taskId, waitMs);
    // Where the end is, and whether it is the last one, is found out once: of what came in between, the last bytes would be others.
    return this.range(of, isCaughtUp, (totalBytes) => ({ from: Math.max(0, totalBytes - count), to: totalBytes }));
  }

  private async range(
    of: OutputOf & { readonly instance: number },
    isCaughtUp: boolean,
    ask: (totalBytes: number) => { readonly from: number; readonly to: number | undefined },
  ): Promise<OutputRange> {
    const { task, stream, instance } = of;
    const known = await this.part(of);
    const { attempt, totalBytes } = known;
    const output = { taskId: task.taskId, stream, instance, attempt };
    const isOver = isCaughtUp && isOverIn(task)(instance);
    const { from, to } = ask(totalBytes);
    const asked = { offset: Math.min(from, totalBytes), end: Math.min(to ?? totalBytes, totalBytes) };
    const whole = known.lostBytes > 0 ? await this.unbroken(output, asked.offset, asked.end) : asked;
    const end = Math.max(whole.offset, whole.end);
    return {
      attempt,
      totalBytes,
      isOver,
      offset: whole.offset,
      nextOffset: end,
      bytes: this.bytes(output, whole.offset, end),
    };
  }

  /** Bytes that are there, in order; ends early where some are missing. */
  async *bytes(output: AttemptOutput, from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    for (let at = from; at < to;) {
      const piece = await this.pieceAt(output, at, to);
      if (!piece) return;
      const data = piece.data.subarray(at - piece.offset, to - piece.offset);
      if (data.length === 0) return;
      yield data;
      at += data.length;
    }
  }

  private async part({ task, stream, instance }: OutputOf & { readonly instance: number }): Promise<{
    attempt: number;
    totalBytes: number;
    lostBytes: number;
  }> {
    const attempt = Math.max(1, task.fold.attempts.countOf(instance));
    const [row] = await this.db.query<{ attempt: number; end_offset: string; lost_bytes: string }[]>(
      'SELECT attempt, end_offset, lost_bytes FROM log_part WHERE task_id = $1 AND stream = $2 AND instance = $3',
      [task.taskId, stream, instance],
    );
    // What an earlier attempt has printed is not this one's.
    if (!row || row.attempt < attempt) return { attempt, totalBytes: 0, lostBytes: 0 };
    return { attempt: row.attempt, totalBytes: Number(row.end_offset), lostBytes: Number(row.lost_bytes) };
  }

  /** The first run of bytes without a gap that overlaps the range. */
  private async unbroken(
    { taskId, stream, instance, attempt }: AttemptOutput,
    from: number,
    to: number,
  ): Promise<{ offset: number; end: number }> {
    const [row] = await this.db.query<{ start: string; stop: string }[]>(
      `WITH piece AS (
         SELECT byte_offset AS start, byte_offset + size_bytes AS stop FROM log_chunk
         WHERE task_id = $1 AND stream = $2 AND instance = $3 AND attempt = $4
         UNION ALL
         SELECT byte_offset, byte_offset + size_bytes FROM log_archived
         WHERE task_id = $1 AND stream = $2 AND instance = $3 AND attempt = $4),
       marked AS (SELECT start, stop, start IS DISTINCT FROM lag(stop) OVER (ORDER BY start) AS is_first FROM piece),
       run AS (SELECT start, stop, count(*) FILTER (WHERE is_first) OVER (ORDER BY start) AS number FROM marked)
       SELECT min(start) AS start, max(stop) AS stop FROM run GROUP BY number HAVING max(stop) > $5 ORDER BY 1 LIMIT 1`,
      [taskId, stream, instance, attempt, from],
    );
    if (!row) return { offset: from, end: from };
    return { offset: Math.max(from, Number(row.start)), end: Math.min(to, Number(row.stop)) };
  }

  /** A piece that holds the byte at an offset, wherever it is. Rows are looked at first: what leaves them meanwhile is archived by then. */
  private async pieceAt(output: AttemptOutput, at: number, to: number): Promise<Piece | undefined> {
    return (await this.rowsAt(output, at)) ?? (await this.archivedAt(output, at, to));
  }

  private async rowsAt({ taskId, stream, instance, attempt }: AttemptOutput, at: number): Promise<Piece | undefined> {
    const key = [taskId, stream, instance, attempt, at];
    const rows = await this.db.query<{ byte_offset: string; data: Buffer }[]>(
      `SELECT chunk.byte_offset, chunk.data FROM (
         SELECT position, sum(size_bytes) OVER (ORDER BY byte_offset) - size_bytes AS before FROM (
           SELECT position, byte_offset, size_bytes FROM log_chunk
           WHERE task_id = $1 AND stream = $2 AND instance = $3 AND attempt = $4 AND byte_offset >= coalesce(
             (SELECT max(byte_offset) FROM log_chunk
              WHERE task_id = $1 AND stream = $2 AND instance = $3 AND attempt = $4 AND byte_offset <= $5), $5)
           ORDER BY byte_offset LIMIT ${PIECE_CHUNKS}) AS near) AS sized
       JOIN log_chunk AS chunk USING (position) WHERE sized.before < ${PIECE_BYTES} ORDER BY chunk.byte_offset`,
      key,
    );
    const offset = Number(rows[0]?.byte_offset ?? Number.POSITIVE_INFINITY);
    let end = offset;
    const adjoining = rows.filter((row) => {
      if (Number(row.byte_offset) !== end) return false;
      end += row.data.length;
      return true;
    });
    return offset <= at && at < end ? { offset, data: Buffer.concat(adjoining.map((row) => row.data)) } : undefined;
  }

  private async archivedAt(
    { taskId, stream, instance, attempt }: AttemptOutput,
    at: number,
    to: number,
  ): Promise<Piece | undefined> {
    const [row] = await this.db.query<
      { byte_offset: string; size_bytes: string; object_offset: string; object_key: string }[]
    >(
      `SELECT a.byte_offset, a.size_bytes, a.object_offset, s.object_key FROM log_archived AS a JOIN log_segment AS s USING (segment_id)
       WHERE a.task_id = $1 AND a.stream = $2 AND a.instance = $3 AND a.attempt = $4 AND a.byte_offset <= $5
       ORDER BY a.byte_offset DESC LIMIT 1`,
      [taskId, stream, instance, attempt, at],
    );
    const inside = row ? at - Number(row.byte_offset) : 0;
    if (!row || inside >= Number(row.size_bytes)) return undefined;
    const length = Math.min(Number(row.size_bytes) - inside, PIECE_BYTES, to - at);
    return { offset: at, data: await this.archive.get(row.object_key, Number(row.object_offset) + inside, length) };
  }
}
