import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { NotFound, Unavailable, eventComment, eventRetry, eventText } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { LogIngest } from '../followers/log-ingest.js';
import { isCurrentIn, isOverIn, type OutputOf } from '../model/output-of.js';
import { OutputPages } from '../model/output-pages.js';
import { OutputSignals } from '../model/output-signals.js';
import type { PlacedChunk } from '../model/segment.js';
import { advance, formatTailPosition, piecesOfTorn, type TailPosition } from '../model/tail-events.js';
import { InjectDatabase } from '../config/database.js';

/** What a reader of a tail wants. */
export interface TailRequest {
  /** Looks the task up anew. @throws NotFound it is gone */
  readonly look: () => Promise<OutputOf>;
  /** Where an earlier connection ended; `unknown` when that cannot be read; everything when absent. */
  readonly from: TailPosition | 'unknown' | undefined;
  readonly signal: AbortSignal;
}

const HEARTBEAT_MS = 15_000;
/** Then a reader comes again, with its position: so nobody reads on for ever with a token that was taken back. */
const MAX_AGE_MS = 3_600_000;
const MAX_READERS = 2_000;
const RETRY_HINT_MS = 1_000;
const BEGINNING: TailPosition = { position: 0, torn: new Map() };

/**
 * Output as it comes, as server-sent events: pieces of output, each with the position behind it as its id; `reset` when the position that a reader
 * came with is gone; `end` when the task (or instance) is over and all was sent. A reader reads at its own speed: only a page is held for it.
 */
@Injectable()
export class OutputTail implements BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private readers = 0;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly ingest: LogIngest,
    private readonly pages: OutputPages,
    private readonly signals: OutputSignals,
  ) {}

  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  /** @throws Unavailable too many are reading already */
  open(of: OutputOf, request: TailRequest): AsyncGenerator<string, void, undefined> {
    if (this.readers >= MAX_READERS) throw new Unavailable('Too many tails are being read. Please try again.');
    return this.counted(of, { ...request, signal: AbortSignal.any([request.signal, this.stop.signal]) });
  }

  private async *counted(of: OutputOf, request: TailRequest): AsyncGenerator<string, void, undefined> {
    this.readers += 1;
    try {
      yield eventRetry(RETRY_HINT_MS);
      yield* this.events(of, request);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      yield eventText(JSON.stringify({ reason: 'deleted' }), { event: 'end' });
    } finally {
      this.readers -= 1;
    }
  }

  private async *events(first: OutputOf, request: TailRequest): AsyncGenerator<string, void, undefined> {
    const startedAt = performance.now();
    const { start, reset } = await this.startOf(first, request.from);
    if (reset !== undefined)
      yield eventText(JSON.stringify({ reason: reset }), { event: 'reset', id: formatTailPosition(start) });
    let of = first;
    let at = start;
    let isComplete = false;
    let wroteAt = performance.now();
    while (!request.signal.aborted && performance.now() - startedAt < MAX_AGE_MS) {
      const news = this.signals.next(of.task.taskId);
      try {
        const page = await this.pages.after({ taskId: of.task.taskId, ...of }, at.position);
        const chunks = page.chunks.filter(isCurrentIn(of.task));
        at = yield* show(at, chunks);
        if (chunks.length > 0) wroteAt = performance.now();
        // News are of the whole task: this stream may be quiet for as long as others of it print.
        else if (performance.now() - wroteAt >= HEARTBEAT_MS) {
          yield eventComment('still here');
          wroteAt = performance.now();
        }
        at = { ...at, position: Math.max(at.position, page.next) };
        if (!page.isLast) continue;
        if (isComplete) {
          yield* finish(of, at);
          return;
        }
        of = await request.look();
        isComplete = hasEnded(of) && (await this.ingest.caughtUp(of.task.taskId));
        if (isComplete) continue;
        await comes(news.come, wroteAt + HEARTBEAT_MS - performance.now(), request.signal);
      } finally {
        news.forget();
      }
    }
  }

  private async startOf(
    { task, stream }: OutputOf,
    from: TailRequest['from'],
  ): Promise<{ start: TailPosition; reset?: string }> {
    if (from === undefined) return { start: BEGINNING };
    if (from === 'unknown') return { start: BEGINNING, reset: 'not a position of this tail; all output follows' };
    const [row] = await this.db.query<{ last_position: string; dropped_to: string }[]>(
      'SELECT last_position, dropped_to FROM log_stream WHERE task_id = $1 AND stream = $2',
      [task.taskId, stream],
    );
    if (from.position > Number(row?.last_position ?? 0))
      return { start: BEGINNING, reset: 'the position is not known any more; all output follows' };
    if (from.position < Number(row?.dropped_to ?? 0))
      return { start: from, reset: 'output after the position was lost; what is left follows' };
    return { start: from };
  }
}

async function* show(
  start: TailPosition,
  chunks: readonly PlacedChunk[],
): AsyncGenerator<string, TailPosition, undefined> {
  let at = start;
  for (const chunk of chunks) {
    const next = advance(at, chunk);
    // Only the last piece of a chunk is followed by the next chunk.
    for (const [index, piece] of next.pieces.entries()) {
      const id = index === next.pieces.length - 1 ? formatTailPosition(next.at) : undefined;
      yield eventText(JSON.stringify(piece), { id });
    }
    at = next.at;
  }
  return at;
}

/** The last events of a tail. A reader that was here before gets the end alone. */
async function* finish(of: OutputOf, at: TailPosition): AsyncGenerator<string, void, undefined> {
  const id = formatTailPosition({ ...at, torn: new Map() });
  for (const piece of piecesOfTorn(at)) yield eventText(JSON.stringify(piece), { id });
  yield eventText(JSON.stringify({ state: of.task.state }), { event: 'end', id });
}

const hasEnded = ({ task, instance }: OutputOf): boolean =>
  task.endMs !== null || (instance !== undefined && isOverIn(task)(instance));

/** Waits for news, for no longer than a while. */
const comes = async (news: Promise<void>, forMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, forMs);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
    void news.then(done);
  });
