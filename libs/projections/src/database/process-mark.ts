import { backoffMs, delay } from '@fornax/base';
import pg from 'pg';

/** By these the server notices within half a minute that the machine of a process is gone, which closes no connection. Sockets of the machine itself have none. */
const KEEP_ALIVE = 'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3';
const RETRY = { firstMs: 100, longestMs: 2_000 } as const;
const keyOf = (parameter: string): string => `hashtextextended('fornax process ' || ${parameter}, 0)`;

/**
 * Tells the other processes that this one lives: by an advisory lock on a connection of its own, which PostgreSQL lets go when the connection ends, whatever has ended it. A connection that
 * breaks is made again; until then the process looks dead, so who asks has to see that for a while.
 */
export class ProcessMark {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();

  /** @param id of the process: another one for each start */
  constructor(
    private readonly url: string,
    private readonly id: string,
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
      const isSet = await this.hold(signal).catch(() => false);
      if (isSet) failures = 0;
      await delay(backoffMs(failures, RETRY), signal, { ref: false });
    }
  }

  /** Resolves when the connection is over. @returns whether the mark was there */
  private async hold(signal: AbortSignal): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 10_000, keepAlive: true });
    const over = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.on('error', () => resolve());
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await client.connect();
      await client.query(KEEP_ALIVE);
      await client.query(`SELECT pg_advisory_lock_shared(${keyOf('$1')})`, [this.id]);
      await over;
      return true;
    } finally {
      await client.end().catch(() => undefined);
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
