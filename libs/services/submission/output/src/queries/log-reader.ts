import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { OUTPUT_CONFIG, type OutputConfig } from '../config/output-config.js';
import { mergeBytes, mergeLines, type Held, type HeldBytes, type Merged } from '../model/line-merge.js';
import { LogIngest } from '../followers/log-ingest.js';
import { isCurrentIn, isOverIn, retriedIn, type OutputOf } from '../model/output-of.js';
import { OutputPages, type OutputKey } from '../model/output-pages.js';
import type { PlacedChunk } from '../model/segment.js';
import { InjectDatabase } from '../config/database.js';

/** Stands for "all instances" in the cursor's key. */
const ALL_INSTANCES = -1;
const NOTHING_HELD: HeldBytes = new Map();
/** Readers of the same cursor take turns; a reader that gets no turn in time gets an error. */
const MAX_TURNS = 100;

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

const merge = (
  of: OutputOf,
  chunks: readonly PlacedChunk[],
  held: HeldBytes,
  isOver: (instance: number) => boolean,
): Merged => {
  const shown = chunks.filter(isCurrentIn(of.task));
  return of.instance === undefined ? mergeLines(shown, held, isOver) : mergeBytes(shown, held, isOver);
};

const always = (): boolean => true;
const never = (): boolean => false;
const keyOf = ({ task, stream, instance }: OutputOf): OutputKey => ({ taskId: task.taskId, stream, instance });

/** A line of ours in the output. It stands alone, so that nobody takes it for the program's own. */
const mark = (text: string): Buffer => Buffer.from(`[${text}]\n`);

interface Lost {
  readonly bytes: number;
  readonly to: number;
}

/** Reads the output of tasks: whole, or what is new since the last time somebody asked for it. Piece by piece: it may be large. */
@Injectable()
export class LogReader {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    @Inject(OUTPUT_CONFIG) private readonly config: OutputConfig,
    private readonly ingest: LogIngest,
    private readonly pages: OutputPages,
  ) {}

  /**
   * What is there now; moves no cursor. Of more than `FORNAX_LOG_SHOW_BYTES` only the last part, behind a line that says so.
   * @param isAll everything, however much it is
   */
  async *whole(of: OutputOf, isAll = false): AsyncGenerator<Buffer, void, undefined> {
    const isCaughtUp = await this.ingest.caughtUp(of.task.taskId);
    const until = await this.lastPosition(of);
    const start = isAll ? { after: 0, leftOut: 0 } : await this.startOf(of);
    if (start.leftOut > 0)
      yield mark(`${start.leftOut} bytes of older output were left out; the whole text: ${wholeTextOf(of)}`);
    yield* this.lossesAfter(of, 0);
    let held = NOTHING_HELD;
    for (let after = start.after; ;) {
      const page = await this.pages.after(keyOf(of), after);
      const isLast = page.isLast || page.next >= until;
      const merged = merge(of, page.chunks, held, isLast ? always : never);
      held = merged.held;
      if (merged.text.length > 0) yield merged.text;
      if (isLast) break;
      after = page.next;
    }
    if (!isCaughtUp) yield mark('output that was printed a moment ago is still on its way; please read again');
  }

  /**
   * What came since the last call for the same task (or instance) and stream; each byte is given once, in one of the answers.
   * @param isOnePage no more than a page, which can be kept; the rest is left to the next call
   */
  async *fresh(of: OutputOf, isOnePage = false): AsyncGenerator<Buffer, void, undefined> {
    await this.ingest.caughtUp(of.task.taskId);
    const until = await this.lastPosition(of);
    for (let lostTurns = 0; lostTurns < MAX_TURNS;) {
      const cursor = await this.cursor(of);
      const page = await this.pages.after(keyOf(of), cursor.position);
      const isLast = page.isLast || page.next >= until;
      const merged = merge(of, page.chunks, cursor.held, isLast ? isOverIn(of.task) : never);
      const isNothing = page.chunks.length === 0 && page.next === cursor.position && merged.text.length === 0;
      if (isNothing && isLast) return;
      // Whoever moves the cursor has the bytes; another reader of it may have come first.
      if (!(await this.moveCursor(of, cursor.version, page.next, merged.held))) {
        lostTurns += 1;
        continue;
      }
      yield* this.lossesAfter(of, cursor.position);
      if (merged.text.length > 0) yield merged.text;
      if (isLast || (isOnePage && merged.text.length > 0)) return;
    }
  }

  private async lastPosition({ task, stream }: OutputOf): Promise<number> {
    const [row] = await this.db.query<{ last_position: string }[]>(
      'SELECT last_position FROM log_stream WHERE task_id = $1 AND stream = $2',
      [task.taskId, stream],
    );
    return Number(row?.last_position ?? 0);
  }

  /** Where the last part begins that is shown, and how many bytes are before it. Only whole segments are left out. */
  private async startOf({ task, stream, instance }: OutputOf): Promise<{ after: number; leftOut: number }> {
    const only = instance === undefined ? '' : 'AND instance = $6';
    const [row] = await this.db.query<{ after: string; left_out: string }[]>(
      `WITH sized AS (
         SELECT s.last_position, sum(a.size_bytes) AS bytes FROM log_segment AS s JOIN log_archived AS a USING (segment_id)
         LEFT JOIN unnest($4::integer[], $5::integer[]) AS retried(instance, attempt) USING (instance)
         WHERE s.task_id = $1 AND s.stream = $2 AND s.is_stored AND a.attempt >= coalesce(retried.attempt, 0) ${only}
         GROUP BY s.segment_id),
       newer AS (SELECT last_position, bytes, sum(bytes) OVER (ORDER BY last_position DESC) AS upto FROM sized),
       kept AS (SELECT coalesce(sum(size_bytes), 0) AS bytes FROM log_chunk
         WHERE task_id = $1 AND stream = $2 ${only} AND EXISTS (SELECT 1 FROM sized))
       SELECT coalesce(max(last_position), 0) AS after, coalesce(sum(newer.bytes), 0) AS left_out
       FROM newer, kept WHERE upto + kept.bytes > $3`,
      [
        task.taskId,
        stream,
        this.config.logShowBytes,
        ...retriedIn(task),
        ...(instance === undefined ? [] : [instance]),
      ],
    );
    return { after: Number(row?.after ?? 0), leftOut: Number(row?.left_out ?? 0) };
  }

  /** A line about output that could not be kept, for a reader who has not seen it. */
  private async *lossesAfter(of: OutputOf, position: number): AsyncGenerator<Buffer, void, undefined> {
    const lost = await this.lost(of);
    if (lost.bytes > 0 && lost.to > position)
      yield mark(`${lost.bytes} bytes of output were lost: they could not be stored`);
  }

  private async lost({ task, stream, instance }: OutputOf): Promise<Lost> {
    const [row] = await this.db.query<{ bytes: string; dropped_to: string }[]>(
      instance === undefined
        ? 'SELECT dropped_bytes AS bytes, dropped_to FROM log_stream WHERE task_id = $1 AND stream = $2'
        : `SELECT lost_bytes AS bytes, dropped_to FROM log_stream JOIN log_part USING (task_id, stream)
           WHERE task_id = $1 AND stream = $2 AND instance = $3`,
      [task.taskId, stream, ...(instance === undefined ? [] : [instance])],
    );
    return { bytes: Number(row?.bytes ?? 0), to: Number(row?.dropped_to ?? 0) };
  }

  private async cursor(of: OutputOf): Promise<{ version: number; position: number; held: HeldBytes }> {
    const [row] = await this.db.query<{ version: string; position: string; held: StoredHeld }[]>(
      'SELECT version, position, held FROM log_cursor WHERE task_id = $1 AND stream = $2 AND instance = $3',
      cursorKey(of),
    );
    return row
      ? { version: Number(row.version), position: Number(row.position), held: restoreHeld(row.held) }
      : { version: 0, position: 0, held: NOTHING_HELD };
  }

  /** @returns false when somebody else moved it meanwhile */
  private async moveCursor(of: OutputOf, version: number, position: number, held: HeldBytes): Promise<boolean> {
    const rows = await this.db.query<unknown[]>(
      `INSERT INTO log_cursor AS c (task_id, stream, instance, position, held, version) VALUES ($1, $2, $3, $4, $5, $6::bigint + 1)
       ON CONFLICT (task_id, stream, instance) DO UPDATE
       SET position = excluded.position, held = excluded.held, version = excluded.version WHERE c.version = $6
       RETURNING 1`,
      [...cursorKey(of), position, storeHeld(held), version],
    );
    return rows.length > 0;
  }
}

const cursorKey = ({ task, stream, instance }: OutputOf): unknown[] => [task.taskId, stream, instance ?? ALL_INSTANCES];

/** Where all of it can be read. */
const wholeTextOf = ({ kind, task, stream, instance }: OutputOf): string =>
  `GET /fornax/v1/${kind}/${task.taskId}${instance === undefined ? '' : `/instances/${instance}`}/${stream}`;
