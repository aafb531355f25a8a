import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '@fornax/embedded';
import { startPlatform } from '@fornax/testing/platform';
import pg from 'pg';
import { LoadClient, noOp } from './api.js';
import { percentile } from './statistics.js';

const OWNERS = 100;

/**
 * Multiplies one task that was really submitted, by SQL into the read models, not by events: its rows lie among those of the other owners, as
 * they would have come in turn. Every tenth task has the tag `nightly`, every thousandth `rare`; one in twenty has failed.
 * @param owners how many have them
 */
export const multiply = async (db: pg.Client, taskId: string, count: number, owners: number): Promise<void> => {
  const columns = await db.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'submission' AND table_name = 'task' ORDER BY ordinal_position`,
  );
  const changed: Readonly<Record<string, string>> = {
    task_id: 'gen_random_uuid()::text',
    owner: `CASE WHEN i % ${owners} = 0 THEN t.owner ELSE md5((i % ${owners})::text) END`,
    name: `'task ' || i`,
    shortname: 'md5(i::text)',
    created_ms: 't.created_ms - i',
    state: `CASE WHEN (i / ${owners}) % 20 = 0 THEN 'Failure' WHEN (i / ${owners}) % 4 = 1 THEN 'Submitted' ELSE 'Success' END`,
    end_ms: `CASE WHEN (i / ${owners}) % 4 <> 1 THEN t.created_ms - i + 1000 END`,
    tags: `CASE WHEN (i / ${owners}) % 1000 = 0 THEN ARRAY['rare'] WHEN (i / ${owners}) % 10 = 0 THEN ARRAY['nightly'] ELSE '{}' END`,
  };
  const values = columns.rows.map(({ name }) => changed[name] ?? `t.${name}`);
  await db.query(
    `INSERT INTO submission.task (${columns.rows.map(({ name }) => name).join(', ')})
     SELECT ${values.join(', ')} FROM submission.task AS t, generate_series(1, ${count}) AS i WHERE t.task_id = '${taskId}'`,
  );
  await db.query(
    `INSERT INTO submission.task_tag (owner, tag, task_id) SELECT owner, unnest(tags), task_id FROM submission.task ON CONFLICT DO NOTHING`,
  );
  await db.query(
    `INSERT INTO submission.task_count (owner, tasks) SELECT owner, count(*) FROM submission.task GROUP BY owner
     ON CONFLICT (owner) DO UPDATE SET tasks = excluded.tasks`,
  );
  await db.query('VACUUM (ANALYZE) submission.task');
  await db.query('VACUUM (ANALYZE) submission.task_tag');
};

const leaf = (field: string, operator: string, value: string): object => ({ field, operator, value });
const KINDS: Readonly<Record<string, object | undefined>> = {
  'no filter': undefined,
  'by state': leaf('State', 'Equal', 'Failure'),
  'by a common tag': leaf('Tags', 'Equal', 'nightly'),
  'by a rare tag': leaf('Tags', 'Equal', 'rare'),
};

interface Page {
  readonly total: number;
  readonly count: number;
  readonly nextToken: string | null;
}

export interface PageLatency {
  readonly kind: string;
  readonly total: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Milliseconds for a page of 50 summaries, one request after another, among `tasks` tasks of 100 users: first pages and, where there are more,
 * the ones behind them in turn.
 */
export const pagesOfMany = async (tasks: number, samples: number): Promise<readonly PageLatency[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-many-'));
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres') });
  const platform = await startPlatform({
    env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_NODES: '0', FORNAX_DATABASE_URL: postgres.url },
  });
  const client = new LoadClient(platform, 1);
  const db = new pg.Client({ connectionString: postgres.url });
  try {
    await db.connect();
    const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', noOp('the first', 4));
    await multiply(db, uuid, tasks, OWNERS);
    const latencies: PageLatency[] = [];
    for (const [kind, filter] of Object.entries(KINDS)) {
      const times: number[] = [];
      let token: string | null = null;
      let total = 0;
      for (let index = 0; index < samples + 20; index += 1) {
        const started = performance.now();
        const page: Page = await client.call('POST', '/tasks/summaries/paginate', {
          filter,
          maximumResults: 50,
          token,
        });
        if (index >= 20) times.push(performance.now() - started);
        if (page.count === 0) throw new Error(`a page ${kind} is empty`);
        ({ total } = page);
        token = page.nextToken;
      }
      latencies.push({
        kind,
        total,
        p50: percentile(times, 0.5),
        p95: percentile(times, 0.95),
        p99: percentile(times, 0.99),
      });
    }
    return latencies;
  } finally {
    client.close();
    await db.end();
    await platform.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
};
