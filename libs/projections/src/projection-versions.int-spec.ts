import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import { InMemoryLog } from '@fornax/event-store';
import { type TestDatabase, aCommit, createTestDatabase, eventually, submitted } from '@fornax/testing';
import type { DataSource, EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { readPosition } from './projection/checkpoint.js';
import { createServiceDataSource } from './database/service-data-source.js';
import type { Projection } from './projection/projection.js';
import { ProjectionRunner } from './projection-runner.js';

const SLOW_MS = 120_000;
const SCHEMA = 'submission';
/** More than a rebuild folds in one transaction, twice. */
const COMMITS = 4_500;

class TaskRows1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE task_row (id text PRIMARY KEY, sequence bigint NOT NULL, version int NOT NULL)');
  }
  async down(): Promise<void> {}
}

type InShadow = (tx: EntityManager, batch: readonly RecordedCommit[]) => Promise<void>;

/** Rows that tell which version of the code wrote them. */
const ofVersion = (version: number, inShadow: InShadow = async () => undefined): Projection => ({
  name: 'tasks',
  version,
  aggregates: ['task'],
  tables: ['task_row'],
  write: async (tx, batch) => {
    await tx.query(
      'INSERT INTO task_row SELECT id, sequence, $3 FROM unnest($1::text[], $2::bigint[]) AS t (id, sequence)',
      [batch.map(({ aggregateId }) => aggregateId), batch.map(({ sequence }) => sequence), version],
    );
    const [row] = await tx.query<{ schema: string }[]>('SELECT current_schema() AS schema');
    if (row?.schema === `${SCHEMA}_rebuild`) await inShadow(tx, batch);
  },
});

interface Started {
  readonly runner: ProjectionRunner;
  readonly errors: unknown[];
  stop(): Promise<void>;
}

let database: TestDatabase;
let db: DataSource;
let log: InMemoryLog;
let all: Started[];

const submit = (id: string) => log.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);
const start = (projection: Projection, on = db): Started => {
  const over = new AbortController();
  const errors: unknown[] = [];
  const runner = new ProjectionRunner({
    log,
    db: on,
    schema: SCHEMA,
    projection,
    onError: (error) => errors.push(error),
  });
  const running = runner.start(over.signal);
  const stop = async (): Promise<void> => {
    over.abort();
    await running;
  };
  const started = { runner, errors, stop };
  all.push(started);
  return started;
};
const versions = () => db.query<unknown[]>('SELECT version, count(*)::int AS rows FROM task_row GROUP BY 1 ORDER BY 1');
const isFolded = (runner: ProjectionRunner, version: number) =>
  eventually(
    async () =>
      runner.health().rebuilding === undefined && (await readPosition(db.manager, 'tasks'))?.version === version,
    { timeoutMs: 60_000 },
  );

beforeEach(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({ url: database.url, schema: SCHEMA, migrations: [TaskRows1700000000001] });
  log = new InMemoryLog();
  all = [];
  for (let n = 0; n < COMMITS; n += 1) await submit(`t-${n}`);
  const old = start(ofVersion(1));
  expect(await old.runner.waitFor(COMMITS, 60_000)).toBe(true);
  await old.stop();
}, SLOW_MS);

afterEach(async () => {
  for (const { stop } of all) await stop();
  await db.destroy();
  await database.drop();
});

it('folds rows of an older version anew beside them, in pages, while they answer, and then goes on', async () => {
  const gate = Promise.withResolvers<void>();
  const pages: number[] = [];
  const { runner, errors } = start(
    ofVersion(2, async (_tx, batch) => {
      pages.push(batch.length);
      if (pages.length === 2) await gate.promise;
    }),
  );
  await eventually(() => pages.length === 2, { timeoutMs: 60_000 });
  expect(runner.health()).toMatchObject({ isHealthy: true, rebuilding: { sequence: 2_000, of: COMMITS } });
  expect(await versions()).toEqual([{ version: 1, rows: COMMITS }]);
  const later = await submit('later');
  expect(await runner.waitFor(later, 30)).toBe(false);
  expect(await runner.waitFor(COMMITS, 0)).toBe(true);
  gate.resolve();
  expect(await runner.waitFor(later, 60_000)).toBe(true);
  await isFolded(runner, 2);
  expect(await versions()).toEqual([{ version: 2, rows: COMMITS + 1 }]);
  expect(Math.max(...pages)).toBeLessThanOrEqual(2_000);
  expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
  expect(errors).toEqual([]);
});

it('goes on where a process that was killed in the middle left it', async () => {
  const folded: number[] = [];
  let isKilled = false;
  const projection = ofVersion(2, async (tx, batch) => {
    // What Postgres sees of a kill -9: the connections end in the middle of a transaction.
    if (!isKilled && folded.length === 2_000) {
      isKilled = true;
      await tx.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() ORDER BY pid = pg_backend_pid()`);
    }
    for (const { sequence } of batch) folded.push(sequence);
  });
  const killed = start(projection);
  await eventually(() => isKilled && killed.errors.length > 0, { timeoutMs: 60_000 });
  await killed.stop();
  await db.destroy();
  db = await createServiceDataSource({ url: database.url, schema: SCHEMA, migrations: [TaskRows1700000000001] });
  const { runner } = start(projection);
  await isFolded(runner, 2);
  // Each commit once: nothing of the first page was folded again.
  expect(folded).toEqual(Array.from({ length: COMMITS }, (_, n) => n + 1));
  expect(await versions()).toEqual([{ version: 2, rows: COMMITS }]);
  expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
});

it('begins anew when what was left belongs to another version, or the tables have changed since', async () => {
  const broken = start(ofVersion(2, () => Promise.reject(Object.assign(new Error('busy'), { code: '40001' }))));
  await eventually(() => broken.errors.length > 0, { timeoutMs: 60_000 });
  expect(broken.runner.health()).toMatchObject({ isHealthy: true, heldUpBy: expect.stringContaining('busy') });
  await broken.stop();
  await db.query(`INSERT INTO submission_rebuild.task_row VALUES ('of-version-2', 1, 2)`);
  const third = start(ofVersion(3));
  await isFolded(third.runner, 3);
  expect(await versions()).toEqual([{ version: 3, rows: COMMITS }]);
  await third.stop();

  let pages = 0;
  const half = start(
    ofVersion(4, async () => {
      pages += 1;
      if (pages > 1) throw Object.assign(new Error('busy'), { code: '40001' });
    }),
  );
  await eventually(() => half.errors.length > 0, { timeoutMs: 60_000 });
  await half.stop();
  await db.query('ALTER TABLE task_row ADD COLUMN note text');
  const whole: Projection = {
    ...ofVersion(4),
    write: (tx, batch) =>
      tx.query(
        'INSERT INTO task_row SELECT id, sequence, 4, id FROM unnest($1::text[], $2::bigint[]) AS t (id, sequence)',
        [batch.map(({ aggregateId }) => aggregateId), batch.map(({ sequence }) => sequence)],
      ),
  };
  const { runner } = start(whole);
  await isFolded(runner, 4);
  expect(await db.query('SELECT count(*)::int AS rows FROM task_row WHERE note = id')).toEqual([{ rows: COMMITS }]);
});

it('waits for an operator where the log has lost commits that the rows know, given up or not; told to, it folds what is left', async () => {
  const lost = {
    id: 'gap-3-3',
    from: 3,
    through: 3,
    missing: 1,
    isGap: true,
    reason: 'sequence 3 is missing',
    isGivenUp: true,
  };
  log = Object.create(log, { damagedPlaces: { value: () => [lost] } });
  const { runner } = start(ofVersion(2));
  await eventually(() => runner.health().heldUpBy !== undefined, { timeoutMs: 60_000 });
  expect(runner.health().heldUpBy).toMatch(/sequence 3 is missing.*fornax projection rebuild tasks --force$/);
  expect(await runner.waitFor(await submit('later'), 30)).toBe(false);
  expect(await versions()).toEqual([{ version: 1, rows: COMMITS }]);
  // The projection tries by itself now and then: whoever comes in between is told so, and tries again.
  await eventually(
    () =>
      runner.rebuild({ verify: false, force: true }).then(
        ({ swapped }) => swapped,
        () => false,
      ),
    {
      timeoutMs: 60_000,
    },
  );
  await isFolded(runner, 2);
  expect(runner.health().heldUpBy).toBeUndefined();
  expect(await versions()).toEqual([{ version: 2, rows: COMMITS + 1 }]);
});

it('leaves rows of a newer release alone and says so, also when they come while it runs; told to, it folds its own', async () => {
  const older = start(ofVersion(1));
  expect(await older.runner.waitFor(COMMITS, 60_000)).toBe(true);
  const newer = start(ofVersion(2));
  await isFolded(newer.runner, 2);
  await submit('later');
  await eventually(() => /a newer release folded its rows \(version 2/.test(older.runner.health().detail ?? ''), {
    timeoutMs: 60_000,
  });
  expect(older.runner.health()).toMatchObject({ isHealthy: false, rebuilding: undefined });
  expect(older.runner.health().detail).toContain('fornax projection rebuild tasks');
  expect(await newer.runner.waitFor(COMMITS + 1, 60_000)).toBe(true);
  expect(await versions()).toEqual([{ version: 2, rows: COMMITS + 1 }]);
  await newer.stop();
  await older.runner.rebuild({ verify: false });
  expect(await older.runner.waitFor(await submit('last'), 60_000)).toBe(true);
  expect(await versions()).toEqual([{ version: 1, rows: COMMITS + 2 }]);
});

it('is stopped for a program that knows no versions: it takes the rows for those of another log', async () => {
  const { runner } = start(ofVersion(2));
  await isFolded(runner, 2);
  const { epoch } = await log.head();
  expect(await db.query(`SELECT epoch FROM projection_checkpoint WHERE projection = 'tasks'`)).not.toEqual([{ epoch }]);
});
