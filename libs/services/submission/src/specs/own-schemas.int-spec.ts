import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NOTIFY_DATABASE } from '@fornax/notify/specs';
import { OUTPUT_DATABASE } from '@fornax/output/specs';
import { createServiceDataSource } from '@fornax/projections';
import { createTestDatabase, eventually, type TestDatabase, workspaceRoot } from '@fornax/testing';
import pg from 'pg';
import type { DataSource } from 'typeorm';

const FOLDERS = join(workspaceRoot, 'tests/e2e/releases');
/** Releases whose one schema held the tables of output and of webhooks as well. */
const RELEASES = ['2026-11-25', '2026-11-26-one-schema'];
const ROOMS = { output: OUTPUT_DATABASE, notify: NOTIFY_DATABASE };
type Room = keyof typeof ROOMS;

let database: TestDatabase;
let sql: pg.Client;
let opened: DataSource[];
beforeEach(async () => {
  database = await createTestDatabase();
  sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
  opened = [];
}, 120_000);
afterEach(async () => {
  for (const one of opened) await one.destroy();
  await sql.end();
  await database.drop();
});

const rows = async (text: string, parameters: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> =>
  (await sql.query<Record<string, unknown>>(text, [...parameters])).rows;
const open = async (schema: Room): Promise<DataSource> => {
  const one = await createServiceDataSource({ url: database.url, schema, ...ROOMS[schema] });
  opened.push(one);
  return one;
};
const load = async (release: string): Promise<void> => {
  const archive = join(FOLDERS, `${release}.tar.gz`);
  const options = { maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)('tar', ['-xzf', archive, '-O', 'database.sql'], options);
  await sql.query(stdout);
};
const tablesOf = async (schema: string): Promise<readonly string[]> =>
  (await rows('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema])).map(({ name }) =>
    String(name),
  );
/** Every row of some tables as text, and where their followers stand. */
const whatIsIn = async (schema: string, room: Room) => {
  const { tables, followers } = ROOMS[room].takesOver;
  const there = new Set(await tablesOf(schema));
  const found: Record<string, readonly unknown[]> = {};
  for (const table of tables)
    if (there.has(table)) found[table] = await rows(`SELECT * FROM ${schema}.${table} t ORDER BY t::text`);
  const standing = await rows(
    `SELECT projection, epoch, sequence FROM ${schema}.projection_checkpoint WHERE projection = ANY($1)`,
    [followers],
  );
  return { found, standing };
};
const asBefore = (found: Readonly<Record<string, readonly unknown[]>>) =>
  Object.fromEntries(
    Object.entries(found).map(([table, all]) => [table, all.map((row) => expect.objectContaining(row as object))]),
  );

describe.each(RELEASES)('the database of release %s', (release) => {
  it('gives output and webhooks schemas of their own, with every row and every place in the log', async () => {
    await load(release);
    const before = { output: await whatIsIn('submission', 'output'), notify: await whatIsIn('submission', 'notify') };
    expect(before.output.found['log_chunk']).not.toEqual([]);
    expect(before.notify.found['webhook_delivery']).not.toEqual([]);
    expect(before.notify.standing).toHaveLength(1);
    const [mark] = await rows(`SELECT to_regclass('submission.log_mark') IS NOT NULL AS there`);
    const marked = mark?.['there'] === true ? await rows('SELECT * FROM submission.log_mark') : [];

    // Replicas start together.
    await Promise.all((['output', 'notify', 'output', 'notify'] as const).map(open));

    for (const room of ['output', 'notify'] as const) {
      const after = await whatIsIn(room, room);
      expect(after.found).toMatchObject(asBefore(before[room].found));
      for (const [table, all] of Object.entries(before[room].found))
        expect(after.found[table]).toHaveLength(all.length);
      expect(after.standing).toEqual(before[room].standing);
      expect(await rows(`SELECT * FROM ${room}.log_mark`)).toEqual(marked);
      expect(await whatIsIn('submission', room)).toEqual({ found: {}, standing: [] });
    }
    // Numbers go on where they stood, and nothing of these tables leans on the schema of before any more.
    const [last] = await rows('SELECT max(position) AS position FROM output.log_chunk');
    const [next] = await rows(
      `INSERT INTO output.log_chunk (task_id, stream, instance, attempt, byte_offset, size_bytes, data)
       VALUES ('t', 'stdout', 0, 1, 0, 1, 'x') RETURNING position`,
    );
    expect(Number(next?.['position'])).toBe(Number(last?.['position']) + 1);
    await sql.query('DROP SCHEMA submission CASCADE');
    await sql.query(`INSERT INTO output.log_segment (task_id, stream, first_position, last_position, data_bytes, object_key, is_stored)
      VALUES ('t', 'stdout', 1, 1, 1, 'k', false)`);
  }, 120_000);
});

it('leaves everything where it was when the process is killed in the middle; the next one does it', async () => {
  await load('2026-11-26-one-schema');
  const before = await whatIsIn('submission', 'notify');
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query('BEGIN');
  // The second table cannot be moved while somebody reads it.
  await holder.query('LOCK TABLE submission.webhook_delivery IN ACCESS SHARE MODE');
  const dying = open('notify');
  const died = expect(dying).rejects.toThrow();
  const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'`;
  await eventually(async () => (await rows(waiting)).length === 1, { timeoutMs: 60_000 });
  await rows(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS one`);
  await died;
  await holder.end();
  expect(await whatIsIn('submission', 'notify')).toEqual(before);

  await open('notify');
  expect(await whatIsIn('notify', 'notify')).toEqual(before);
}, 120_000);

it('tells older programs from the moment that something is taken out of the schema that they know', async () => {
  await load('2026-11-26-one-schema');
  await open('notify');
  expect(await rows(`SELECT obj_description('submission'::regnamespace) AS said`)).toEqual([
    { said: 'Fornax data, format 2' },
  ]);
  // Should one come all the same, because it knows no formats, it makes no empty tables there.
  const [noted] = await rows(`SELECT count(*)::int AS n FROM submission.schema_migrations WHERE name LIKE 'Webhooks%'`);
  expect(noted).toEqual({ n: 1 });
}, 120_000);

it('takes over nothing where there is nothing, and nothing again', async () => {
  await Promise.all([open('output'), open('notify')]);
  expect(await tablesOf('notify')).toContain('webhook_delivery');
  // Somebody put an old copy of the other schema back.
  await load('2026-11-26-one-schema');
  await open('notify');
  expect(await rows('SELECT * FROM notify.webhook')).toEqual([]);
  expect(await rows('SELECT * FROM submission.webhook')).not.toEqual([]);
}, 120_000);
