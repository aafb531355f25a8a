import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { OutputStream } from '@fornax/contracts';
import { has } from '@fornax/domain';
import type { DataSource, EntityManager } from 'typeorm';
import type { TaskStatus } from '../projections/task-status.js';
import { mergeBytes, mergeLines, type Held, type HeldBytes, type Merged, type OutputChunk } from './line-merge.js';
import { LogIngest } from './log-ingest.js';

/** Whose output is asked for. */
export interface OutputOf {
  readonly task: TaskStatus;
  readonly stream: OutputStream;
  /** All instances when absent. */
  readonly instance?: number | undefined;
}

/** Stands for "all instances" in the cursor's key. */
const ALL_INSTANCES = -1;
const NOTHING_HELD: HeldBytes = new Map();

interface ChunkRecord {
  readonly position: string;
  readonly instance: number;
  readonly attempt: number;
  readonly data: Buffer;
}
interface StreamRecord {
  readonly dropped_bytes: string;
  readonly dropped_to: string;
}
type StoredHeld = Readonly<Record<string, { readonly attempt: number; readonly data: string }>>;

const restoreHeld = (stored: StoredHeld): HeldBytes =>
  new Map(
    Object.entries(stored).map(([instance, { attempt, data }]) => [
      Number(instance),
      { attempt, data: Buffer.from(data, 'base64') },
    ]),
  );
const storeHeld = (held: HeldBytes): string =>
  JSON.stringify(
    Object.fromEntries(
      [...held].map(([instance, { attempt, data }]: [number, Held]) => [
        instance,
        { attempt, data: data.toString('base64') },
      ]),
    ),
  );

/** Reads the output of tasks: whole, or what is new since the last time somebody asked for it. */
@Injectable()
export class LogReader {
  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    private readonly ingest: LogIngest,
  ) {}

  /** Everything that is kept. Moves no cursor. */
  async whole(of: OutputOf): Promise<Buffer> {
    await this.ingest.caughtUp(of.task.taskId);
    const { manager } = this.db;
    const chunks = await readChunks(manager, of, 0);
    const mark = await droppedMark(manager, of, -1);
    return Buffer.concat([mark, merge(of, chunks, NOTHING_HELD, () => true).text]);
  }

  /** What came since the last call for the same task (or instance) and stream; each byte is given once. */
  async fresh(of: OutputOf): Promise<Buffer> {
    await this.ingest.caughtUp(of.task.taskId);
    return this.db.transaction(async (tx) => {
      const key = [of.task.taskId, of.stream, of.instance ?? ALL_INSTANCES];
      await tx.query(
        `INSERT INTO log_cursor (task_id, stream, instance, position, held) VALUES ($1, $2, $3, 0, '{}') ON CONFLICT DO NOTHING`,
        key,
      );
      const [cursor] = await tx.query<{ position: string; held: StoredHeld }[]>(
        'SELECT position, held FROM log_cursor WHERE task_id = $1 AND stream = $2 AND instance = $3 FOR UPDATE',
        key,
      );
      const after = Number(cursor?.position ?? 0);
      const chunks = await readChunks(tx, of, after);
      const { text, held } = merge(of, chunks, restoreHeld(cursor?.held ?? {}), isOverIn(of.task));
      const mark = await droppedMark(tx, of, after);
      await tx.query(
        'UPDATE log_cursor SET position = $4, held = $5 WHERE task_id = $1 AND stream = $2 AND instance = $3',
        [...key, chunks.at(-1)?.position ?? after, storeHeld(held)],
      );
      return Buffer.concat([mark, text]);
    });
  }
}

type Chunk = OutputChunk & { readonly position: number };

const merge = (
  of: OutputOf,
  chunks: readonly Chunk[],
  held: HeldBytes,
  isOver: (instance: number) => boolean,
): Merged => (of.instance === undefined ? mergeLines(chunks, held, isOver) : mergeBytes(chunks, held, isOver));

/** The task was looked up before the output was waited for: an instance that was over then has printed all it will. */
const isOverIn =
  ({ fold }: TaskStatus) =>
  (instance: number): boolean =>
    !fold.inFlight.has(instance) && !has(fold.waiting, instance);

/** Output of attempts that are over because another one has begun is not shown, whether or not the new one has printed anything. */
const readChunks = async (
  tx: EntityManager,
  { task, stream, instance }: OutputOf,
  after: number,
): Promise<readonly Chunk[]> => {
  const records = await tx.query<ChunkRecord[]>(
    `SELECT position, instance, attempt, data FROM log_chunk
     WHERE task_id = $1 AND stream = $2 AND position > $3 ${instance === undefined ? '' : 'AND instance = $4'} ORDER BY position`,
    [task.taskId, stream, after, ...(instance === undefined ? [] : [instance])],
  );
  return records
    .filter((record) => record.attempt >= task.fold.attempts.countOf(record.instance))
    .map((record) => ({
      position: Number(record.position),
      instance: record.instance,
      attempt: record.attempt,
      data: record.data,
    }));
};

/** A line that says that older output is gone, when the reader has missed it. */
const droppedMark = async (tx: EntityManager, { task, stream }: OutputOf, after: number): Promise<Buffer> => {
  const [record] = await tx.query<StreamRecord[]>(
    'SELECT dropped_bytes, dropped_to FROM log_stream WHERE task_id = $1 AND stream = $2',
    [task.taskId, stream],
  );
  if (!record || Number(record.dropped_bytes) === 0 || Number(record.dropped_to) <= after) return Buffer.alloc(0);
  return Buffer.from(`[${record.dropped_bytes} bytes of older output were dropped]\n`);
};
