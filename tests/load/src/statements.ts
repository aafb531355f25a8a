import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgres } from '@fornax/embedded';
import { startPlatform } from '@fornax/testing/platform';
import pg from 'pg';
import { LoadClient } from './api.js';
import { percentile } from './statistics.js';

/** Parts of a nano-unit of money, as the ledger counts them. */
const PARTS_PER_NANO = 36_000_000_000_000n;

/** Writes the lines of a month, of 40 accounts with 3 projects each on 20 nodes, and their sums as the ledger would. */
const month = async (db: pg.Client, lines: number): Promise<void> => {
  await db.query(
    `INSERT INTO billing.usage_terms (task_id, kind, owner, shortname, project_uuid, plan, constrained, memory_mb, sequence, tags, labels) SELECT 'task-' || i, 'task', 'owner-' || i % 40, 'task', 'project-' || i % 120, 'flex', false, 0, 0,
       jsonb_build_array('tag-' || i % 10), '{}' FROM generate_series(0, 9999) i`,
  );
  await db.query(
    `INSERT INTO billing.bill_line SELECT 'task-' || i % 10000, i / 10000, 1, 0, 'task', 'owner-' || i % 40, 'project-' || i % 120, i::text,
       'node-' || i % 20, '8c-32g-epyc', 'epyc', 'flex', false, 'success', null, at, at + interval '1 second', 1000, 1000, 2500, 100, 2777 + i % 7, i, 'EUR', 'work/flex', 1, 0, ''
     FROM (SELECT i, timestamptz '2026-01-01T00:00:00Z' + i * interval '31 days' / $1::integer AS at FROM generate_series(0, $1::integer - 1) i) one`,
    [lines],
  );
  await db.query('UPDATE billing.bill_line SET counts_at = started_at');
  await db.query(
    `INSERT INTO billing.usage_hour SELECT owner, date_trunc('hour', started_at, 'UTC'), project_uuid, plan, node, specification_key, count(*), count(*), 0, sum(billed_ms),
       sum(billed_ms * milli_cores), sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest) FROM billing.bill_line GROUP BY 1, 2, 3, 4, 5, 6`,
  );
  await db.query(
    `INSERT INTO billing.usage_task_node_day SELECT owner, date_trunc('day', started_at, 'UTC'), task_id, node, specification_key, count(*), count(*), 0, sum(billed_ms),
       sum(billed_ms * milli_cores), sum(amount_nanos), sum(amount_rest) FROM billing.bill_line GROUP BY 1, 2, 3, 4, 5`,
  );
  await db.query(
    'VACUUM ANALYZE billing.bill_line, billing.usage_hour, billing.usage_task_node_day, billing.usage_terms',
  );
};

const LOOK_MS = 100;
const MONTH = 'from=2026-01&to=2026-02';
/** What is asked, by its name: everything that can be grouped by, alone, and what no kept sums were made for in particular. */
const KINDS: Readonly<Record<string, string>> = {
  'by project and user': `${MONTH}&timeZone=Asia/Kathmandu&groupBy=project,user`,
  ...Object.fromEntries(
    ['project', 'user', 'task', 'tag', 'plan', 'node', 'hardware'].map((one) => [
      `by ${one}`,
      `${MONTH}&groupBy=${one}`,
    ]),
  ),
  'by node and tag': `${MONTH}&groupBy=node,tag`,
  'by hardware and task': `${MONTH}&groupBy=hardware,task`,
};

interface Run {
  readonly id: string;
  readonly state: string;
  readonly sums: { readonly attempts: number };
}

/** Waits until a rating is no longer busy. @returns it @throws Error it ended otherwise */
const settled = async (client: LoadClient, begun: Run, busy: string, wanted: string): Promise<Run> => {
  let run = begun;
  while (run.state === busy) {
    await delay(LOOK_MS);
    run = await client.call<Run>('GET', `/fornax/v1/billing/ratings/${run.id}`);
  }
  if (run.state !== wanted) throw new Error(`the rating ended as ${run.state}`);
  return run;
};

/** Rates the month again by a list, in the background on the platform. @returns it, and seconds until it was done */
const ratedAgain = async (
  client: LoadClient,
  lines: number,
  list: number,
): Promise<{ readonly run: Run; readonly seconds: number }> => {
  const started = performance.now();
  const body = { from: '2026-01', to: '2026-02', list };
  const begun = await client.call<Run>('POST', '/fornax/v1/billing/ratings', body);
  const run = await settled(client, begun, 'running', 'done');
  if (run.sums.attempts !== lines) throw new Error(`the rating is of ${run.sums.attempts} lines`);
  return { run, seconds: (performance.now() - started) / 1_000 };
};

/** Reads a statement again and again while something lasts. @returns the longest that one took, in milliseconds @throws Error one was refused */
const longestStatementWhile = async (client: LoadClient, lasting: Promise<unknown>): Promise<number> => {
  let [isOver, longest] = [false, 0];
  const end = (): void => void (isOver = true);
  lasting.then(end, end);
  while (!isOver) {
    const started = performance.now();
    await client.call('GET', `/fornax/v1/billing/statements?${MONTH}&groupBy=node`);
    longest = Math.max(longest, performance.now() - started);
    await delay(LOOK_MS);
  }
  return longest;
};

/** Publishes a list that costs twice as much, rates the month by it, and books the difference of every line. @returns seconds of both, until statements show it, and the longest that a statement took meanwhile */
const booked = async (
  client: LoadClient,
  lines: number,
): Promise<{ readonly seconds: number; readonly longestStatementMs: number }> => {
  const first = await client.call<{ readonly work: object }>('GET', '/fornax/v1/billing/prices/1');
  const work = { flex: '0.008', onDemand: '0.014', reserved: '0.012' };
  await client.call('POST', '/fornax/v1/billing/prices', { ...first, work, validFrom: '2099-01-01T00:00:00Z' });
  const { run, seconds } = await ratedAgain(client, lines, 2);
  const started = performance.now();
  const begun = await client.call<Run>('POST', `/fornax/v1/billing/ratings/${run.id}/commit`, {});
  const end = settled(client, begun, 'committing', 'committed');
  const longestStatementMs = await longestStatementWhile(client, end);
  await end;
  return { seconds: seconds + (performance.now() - started) / 1_000, longestStatementMs };
};

export interface StatementTime {
  readonly kind: string;
  readonly attempts: number;
  readonly p50: number;
  readonly worst: number;
}

/** How long statements take of a month with so many lines, and rating it again, through the API. */
export const statementsOf = async (
  lines: number,
  samples: number,
): Promise<{
  readonly times: readonly StatementTime[];
  readonly ratedAgainSeconds: number;
  readonly bookedSeconds: number;
  readonly whileBookedMs: number;
}> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-statements-'));
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  const platform = await startPlatform({
    env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0', FORNAX_DATABASE_URL: postgres.url },
  });
  const client = new LoadClient(platform, 1);
  const db = new pg.Client({ connectionString: postgres.url });
  try {
    await db.connect();
    await month(db, lines);
    const times: StatementTime[] = [];
    for (const [kind, query] of Object.entries(KINDS)) {
      const each: number[] = [];
      let attempts = 0;
      for (let index = 0; index <= samples; index += 1) {
        const started = performance.now();
        const { total } = await client.call<{ readonly total: { readonly attempts: number } }>(
          'GET',
          `/fornax/v1/billing/statements?${query}`,
        );
        // The first one reads from disk.
        if (index > 0) each.push(performance.now() - started);
        ({ attempts } = total);
      }
      if (attempts === 0) throw new Error(`the statement ${kind} is empty`);
      times.push({ kind, attempts, p50: percentile(each, 0.5), worst: Math.max(...each) });
    }
    const { seconds: ratedAgainSeconds } = await ratedAgain(client, lines, 1);
    const both = await booked(client, lines);
    return { times, ratedAgainSeconds, bookedSeconds: both.seconds, whileBookedMs: both.longestStatementMs };
  } finally {
    client.close();
    await db.end();
    await platform.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
