import { Socket } from 'node:net';
import { backoffMs, delay } from '@fornax/base';
import pg from 'pg';

/** By these the server notices within half a minute that the machine of a process is gone, which closes no connection. Sockets of the machine itself have none. */
const KEEP_ALIVE = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3';
/** The same of this side; and since nothing else tells in time that a path is gone, the connection is asked for its mark. So it is known within five seconds that the mark is lost. */
const KEEP_ALIVE_MS = 10_000;
const ASK_MS = 2_000;
const ANSWER_MS = 3_000;
const GOODBYE_MS = 1_000;
const OWN_MARK = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted`;
const RETRY = { firstMs: 100, longestMs: 2_000 } as const;
const keyOf = (parameter: string): string => `hashtextextended('fornax process ' || ${parameter}, 0)`;

interface ProcessMarkOptions {
  /** Told that a mark which was set is gone, and why; it is being set again. */
  readonly onLost?: (error: unknown) => void;
}

/**
 * Tells the other processes that this one lives: by an advisory lock on a connection of its own, which PostgreSQL lets go when the connection ends, whatever has ended it. A connection that
 * breaks, says nothing any more or has lost the lock is made again; until then the process looks dead, so who asks has to see that for a while.
 */
export class ProcessMark {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /** @param id of the process: another one for each start */
  constructor(
    private readonly url: string,
    private readonly id: string,
    private readonly options: ProcessMarkOptions = {},
  ) {}

  /** Sets the mark, and keeps it. */
  open(): void {
    this.running = this.keep();
  }

  /** Takes it away. */
  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  /** Never rejects. */
  private async keep(): Promise<void> {
    const { signal } = this.stop;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.hold(() => (failures = 0));
      } catch (error) {
        if (failures === 0) this.options.onLost?.(error);
      }
      await delay(backoffMs(failures, RETRY), signal, { ref: false });
    }
  }

  /** Resolves when the mark is to be taken away. @throws Error it is not there, or not any more */
  private async hold(isSet: () => void): Promise<void> {
    const socket = new Socket();
    const client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      stream: () => socket,
    });
    const broken = new AbortController();
    const isOver = AbortSignal.any([this.stop.signal, broken.signal]);
    client.once('end', () => broken.abort(new Error('the database has closed the connection')));
    client.on('error', (error) => broken.abort(error));
    try {
      await client.connect();
      await client.query(KEEP_ALIVE);
      await client.query(`SELECT pg_advisory_lock_shared(${keyOf('$1')})`, [this.id]);
      isSet();
      for (;;) {
        await delay(ASK_MS, isOver, { ref: false });
        if (this.stop.signal.aborted) return;
        broken.signal.throwIfAborted();
        const { rowCount } = await client.query(OWN_MARK);
        if (rowCount === 0) throw new Error('the database has let the mark go');
      }
    } finally {
      // A path that is gone says no goodbye.
      await Promise.race([client.end().catch(() => undefined), delay(GOODBYE_MS, undefined, { ref: false })]);
      socket.destroy();
    }
  }
}

/** Says which of the processes have their mark now. */
export const markedAmong = async (
  db: { query<T>(sql: string, parameters: readonly unknown[]): Promise<T> },
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (ids.length === 0) return new Set();
  // An advisory lock with a key of 64 bits shows its halves.
  const rows = await db.query<readonly { readonly id: string }[]>(
    `SELECT id FROM unnest($1::text[]) AS asked(id) WHERE EXISTS (
       SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (classid::bigint << 32 | objid::bigint) = ${keyOf('id')})`,
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
};
