import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import { type EventLog, InMemoryLog } from '@fornax/event-store';
import {
  type TestDatabase,
  aCommit,
  bucketCreated,
  cancelRequested,
  createTestDatabase,
  eventually,
  submitted,
} from '@fornax/testing';
import type { DataSource, EntityManager, MigrationInterface, QueryRunner } from 'typeorm';
import { createServiceDataSource } from './database/service-data-source.js';
import type { Projection } from './projection/projection.js';
import type { StoppedAggregate } from './projection/stopped-aggregates.js';
import { ProjectionRunner } from './projection-runner.js';

const SLOW_MS = 120_000;
const SCHEMA = 'submission';

class TaskRows1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      "CREATE TABLE task_row (id text PRIMARY KEY, owner text NOT NULL, commits int NOT NULL, extra json NOT NULL DEFAULT '{}')",
    );
    await runner.query('CREATE INDEX task_row_by_owner ON task_row (owner, id)');
    await runner.query('CREATE TABLE commit_row (sequence bigint PRIMARY KEY, id text NOT NULL UNIQUE)');
  }
  async down(): Promise<void> {}
}

/** Counts the commits of each task, and lists them. */
const taskRows: Projection = {
  name: 'tasks',
  version: 1,
  aggregates: ['task'],
  tables: ['task_row', 'commit_row'],
  write: async (tx: EntityManager, batch: readonly RecordedCommit[]) => {
    const counts = new Map<string, number>();
    for (const { aggregateId } of batch) counts.set(aggregateId, (counts.get(aggregateId) ?? 0) + 1);
    await tx.query(
      `INSERT INTO task_row (id, owner, commits) SELECT id, 'ada', n FROM unnest($1::text[], $2::int[]) AS t (id, n)
       ON CONFLICT (id) DO UPDATE SET commits = task_row.commits + excluded.commits`,
      [[...counts.keys()], [...counts.values()]],
    );
    await tx.query('INSERT INTO commit_row SELECT * FROM unnest($1::bigint[], $2::text[])', [
      batch.map(({ sequence }) => sequence),
      batch.map(({ id }) => id),
    ]);
  },
};

let database: TestDatabase;
let db: DataSource;
let log: InMemoryLog;
let over: AbortController;
let running: Promise<void>[];

const open = () => createServiceDataSource({ url: database.url, schema: SCHEMA, migrations: [TaskRows1700000000001] });
const submit = (id: string) => log.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);
const run = (projection = taskRows, on: EventLog = log, onError?: (error: unknown) => void): ProjectionRunner => {
  const runner = new ProjectionRunner({
    log: on,
    db,
    schema: SCHEMA,
    projection,
    ...(onError === undefined ? {} : { onError }),
  });
  running.push(runner.start(over.signal));
  return runner;
};
const query = <T>(sql: string): Promise<readonly T[]> => db.query(sql);
const taskCount = async (): Promise<number> =>
  (await query<{ n: number }>('SELECT count(*)::int AS n FROM task_row'))[0]?.n ?? -1;

beforeEach(async () => {
  database = await createTestDatabase();
  db = await open();
  log = new InMemoryLog();
  over = new AbortController();
  running = [];
}, SLOW_MS);

afterEach(async () => {
  over.abort();
  await Promise.all(running);
  await db.destroy();
  await database.drop();
});

describe('a projection', () => {
  it('writes what is in the log and what comes', async () => {
    await submit('a');
    const runner = run();
    const sequence = await submit('b');
    expect(await runner.waitFor(sequence, 5_000)).toBe(true);
    expect(await query('SELECT id, commits FROM task_row ORDER BY id')).toEqual([
      { id: 'a', commits: 1 },
      { id: 'b', commits: 1 },
    ]);
    expect(runner.position()).toMatchObject({ sequence, epoch: (await log.head()).epoch });
    expect(runner.health()).toMatchObject({ projection: 'tasks', isHealthy: true });
  });

  it('adds three statements to those of the projection: the beginning, the lock that moves the checkpoint, the end', async () => {
    const runner = run();
    await submit('a');
    await runner.waitFor(1, 5_000);
    const texts: string[] = [];
    Object.assign(db.logger, { logQuery: (text: string) => texts.push(text) });
    await submit('b');
    expect(await runner.waitFor(2, 5_000)).toBe(true);
    expect(texts.map((text) => text.trim().split(' ').slice(0, 3).join(' '))).toEqual([
      'START TRANSACTION',
      'WITH was AS',
      'INSERT INTO task_row',
      'INSERT INTO commit_row',
      'COMMIT',
    ]);
  });

  it('lets commits pass that it does not want: readers are answered, nothing is written, and whoever starts after a crash reads them again', async () => {
    const wanting: Projection = { ...taskRows, wants: ({ aggregateId }) => aggregateId.startsWith('wanted') };
    const runner = run(wanting);
    await submit('wanted-1');
    expect(await runner.waitFor(1, 5_000)).toBe(true);
    const texts: string[] = [];
    const before = db.logger;
    db.logger = Object.assign(Object.create(before) as typeof before, { logQuery: (text: string) => texts.push(text) });
    await submit('other');
    expect(await runner.waitFor(2, 5_000)).toBe(true);
    db.logger = before;
    expect(texts).toEqual([]);
    expect(await query('SELECT sequence FROM projection_checkpoint')).toEqual([{ sequence: '1' }]);
    expect(runner.position().sequence).toBe(2);
    const again = run(wanting);
    const sequence = await submit('wanted-2');
    expect(await again.waitFor(sequence, 5_000)).toBe(true);
    expect(await query('SELECT id FROM task_row ORDER BY id')).toEqual([{ id: 'wanted-1' }, { id: 'wanted-2' }]);
    expect(await query('SELECT sequence FROM projection_checkpoint')).toEqual([{ sequence: String(sequence) }]);
  });

  it('goes on behind what it did not want after an end in order', async () => {
    const wanting: Projection = { ...taskRows, wants: ({ aggregateId }) => aggregateId.startsWith('wanted') };
    const runner = run(wanting);
    await submit('wanted-1');
    expect(await runner.waitFor(await submit('other'), 5_000)).toBe(true);
    over.abort();
    await Promise.all(running);
    expect(await query('SELECT sequence FROM projection_checkpoint')).toEqual([{ sequence: '2' }]);
  });

  it('answers a waiting reader as soon as its commit is in, and says so when it is not in time', async () => {
    const runner = run();
    const waiting = runner.waitFor(1, 5_000);
    await submit('a');
    expect(await waiting).toBe(true);
    expect(await taskCount()).toBe(1);
    expect(await runner.waitFor(2, 30)).toBe(false);
  });

  it('answers for sequences of other aggregates, too', async () => {
    const runner = run();
    await submit('a');
    const head = await log.append('bucket', 'b', aCommit('b', [bucketCreated('b')]), 0);
    expect(await runner.waitFor(head, 5_000)).toBe(true);
    expect(await taskCount()).toBe(1);
    expect(runner.position().sequence).toBe(head);
    await log.append('bucket', 'c', aCommit('c', [bucketCreated('c')]), 0);
    expect(await runner.lag()).toBe(0);
  });

  it('continues from its checkpoint', async () => {
    const first = new AbortController();
    const runner = new ProjectionRunner({ log, db, schema: SCHEMA, projection: taskRows });
    const done = runner.start(first.signal);
    await submit('a');
    await runner.waitFor(1, 5_000);
    first.abort();
    await done;
    await submit('b');
    expect(await run().waitFor(2, 5_000)).toBe(true);
    expect(await query('SELECT sequence::int FROM commit_row ORDER BY 1')).toEqual([{ sequence: 1 }, { sequence: 2 }]);
  });

  it('folds again what a crash of the database took, though no commit comes that would show it', async () => {
    const runner = run();
    await submit('a');
    expect(await runner.waitFor(await submit('b'), 30_000)).toBe(true);
    // What Postgres has left when it is killed before it flushed its last transaction.
    await db.transaction(async (tx) => {
      await tx.query("DELETE FROM task_row WHERE id = 'b'");
      await tx.query('DELETE FROM commit_row WHERE sequence = 2');
      await tx.query('UPDATE projection_checkpoint SET sequence = 1');
    });
    // The checkpoint is not moved over what is gone.
    expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
    await eventually(async () => (await taskCount()) === 2, { timeoutMs: 30_000 });
    expect(await runner.waitFor(await submit('c'), 30_000)).toBe(true);
    expect(await query('SELECT id, commits FROM task_row ORDER BY id')).toEqual(
      ['a', 'b', 'c'].map((id) => ({ id, commits: 1 })),
    );
  });

  it('writes each commit once although several replicas run it', async () => {
    const runners = [run(), run(), run()];
    let sequence = 0;
    for (let n = 0; n < 100; n += 1) sequence = await submit(`t-${n}`);
    for (const runner of runners) expect(await runner.waitFor(sequence, 10_000)).toBe(true);
    expect(await query('SELECT count(*)::int AS n, max(commits) AS most FROM task_row')).toEqual([{ n: 100, most: 1 }]);
  });

  it('rolls a failed batch back, checkpoint and rows, and writes it later', async () => {
    let failures = 2;
    const errors: unknown[] = [];
    const flaky: Projection = {
      ...taskRows,
      write: async (tx, batch) => {
        await taskRows.write(tx, batch);
        // serialization_failure: the database asks to try again
        if (failures-- > 0) throw Object.assign(new Error('broken after writing'), { code: '40001' });
      },
    };
    const runner = run(flaky, log, (error) => errors.push(error));
    await submit('a');
    expect(await runner.waitFor(1, 5_000)).toBe(true);
    expect(errors).toHaveLength(2);
    expect(await query('SELECT commits FROM task_row')).toEqual([{ commits: 1 }]);
  });

  describe('whose fold throws on one aggregate', () => {
    const stops: StoppedAggregate[] = [];
    const resolved: StoppedAggregate[] = [];
    let isBroken = true;
    /** Throws as a fold does, or has the database refuse the row. */
    const broken = (how: 'throws' | 'is refused'): Projection => ({
      ...taskRows,
      write: async (tx, batch) => {
        const guilty =
          isBroken &&
          batch.some(({ aggregateId, events }) => aggregateId === 'bad' && events[0]?.type === 'TaskCancelRequested');
        await taskRows.write(tx, batch);
        if (!guilty) return;
        if (how === 'throws') throw new Error('no such state');
        await tx.query('INSERT INTO commit_row SELECT sequence, id FROM commit_row LIMIT 1');
      },
    });
    const start = (projection: Projection): ProjectionRunner => {
      const runner = new ProjectionRunner({
        log,
        db,
        schema: SCHEMA,
        projection,
        onStopped: (stop) => stops.push(stop),
        onResolved: (stop) => resolved.push(stop),
      });
      running.push(runner.start(over.signal));
      return runner;
    };
    const fill = async (): Promise<number> => {
      for (const id of ['a', 'b', 'bad', 'c']) await submit(id);
      const first = await log.append('task', 'bad', aCommit('cancel-bad', [cancelRequested]), 3);
      await log.append('task', 'bad', aCommit('more-bad', [cancelRequested]), first);
      await log.append('task', 'a', aCommit('cancel-a', [cancelRequested]), 1);
      return submit('d');
    };
    const rows = () => query('SELECT id, commits FROM task_row ORDER BY id');
    const asIfStopped = [
      { id: 'a', commits: 2 },
      { id: 'b', commits: 1 },
      { id: 'bad', commits: 1 },
      { id: 'c', commits: 1 },
      { id: 'd', commits: 1 },
    ];
    beforeEach(() => {
      stops.length = 0;
      resolved.length = 0;
      isBroken = true;
    });

    it.each(['throws', 'is refused'] as const)(
      'leaves that one where it stood, and writes all others: %s',
      async (how) => {
        const last = await fill();
        const runner = start(broken(how));
        expect(await runner.waitFor(last, 10_000)).toBe(true);
        expect(await rows()).toEqual(asIfStopped);
        expect(stops).toMatchObject([{ aggregate: 'task', aggregateId: 'bad', sequence: 5 }]);
        expect(runner.health().isHealthy).toBe(true);
        expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
      },
    );

    it('gives the same rows whatever came in one batch, after a restart, and in every replica', async () => {
      const runners = [start(broken('throws')), start(broken('throws'))];
      const last = await fill();
      for (const runner of runners) expect(await runner.waitFor(last, 10_000)).toBe(true);
      over.abort();
      await Promise.all(running);
      over = new AbortController();
      stops.length = 0;
      const again = start(broken('throws'));
      await log.append('task', 'bad', aCommit('third-bad', [cancelRequested]), 6);
      expect(await again.waitFor(await submit('e'), 10_000)).toBe(true);
      expect(await rows()).toEqual([...asIfStopped, { id: 'e', commits: 1 }]);
      expect(stops).toMatchObject([{ aggregateId: 'bad', sequence: 5 }]);
    });

    it('folds it again with a rebuild, once its fold was mended', async () => {
      const runner = start(broken('throws'));
      await runner.waitFor(await fill(), 10_000);
      await runner.rebuild({ verify: false });
      expect(await rows()).toEqual(asIfStopped);
      expect(resolved).toEqual([]);
      isBroken = false;
      await runner.rebuild({ verify: false });
      expect(resolved).toMatchObject([{ aggregateId: 'bad', sequence: 5 }]);
      expect(await query("SELECT commits FROM task_row WHERE id = 'bad'")).toEqual([{ commits: 3 }]);
    });
  });

  it('stops and says why when the log is another one, and goes on after a rebuild', async () => {
    const before = run();
    await submit('a');
    await before.waitFor(1, 5_000);
    over.abort();
    await Promise.all(running);
    over = new AbortController();
    log = new InMemoryLog();
    await submit('x');
    await submit('y');
    const runner = run();
    await eventually(() => /folded from the log with epoch .*fornax log status/.test(runner.health().detail ?? ''));
    expect(runner.health().isHealthy).toBe(false);
    expect(await query('SELECT id FROM task_row')).toEqual([{ id: 'a' }]);
    await expect(runner.rebuild({ verify: true })).rejects.toThrow('nothing to compare');
    await expect(runner.rebuild({ verify: false })).rejects.toThrow(
      /they come from another log.*would leave 2 of 1 rows of task_row, 2 of 1 rows of commit_row.*--force/,
    );
    expect(await query('SELECT id FROM task_row')).toEqual([{ id: 'a' }]);
    expect(await runner.rebuild({ verify: false, force: true })).toMatchObject({ swapped: true, sequence: 2 });
    const sequence = await submit('z');
    expect(await runner.waitFor(sequence, 5_000)).toBe(true);
    expect(await query('SELECT id FROM task_row ORDER BY id')).toEqual([{ id: 'x' }, { id: 'y' }, { id: 'z' }]);
    expect(runner.health()).toMatchObject({ isHealthy: true });
  });
});

describe('a rebuild', () => {
  const fill = async (runner: ProjectionRunner): Promise<void> => {
    for (let n = 0; n < 30; n += 1) await submit(`t-${n}`);
    await log.append('task', 't-0', aCommit('cancel', [cancelRequested]), 1);
    await log.append('bucket', 'b', aCommit('b', [bucketCreated('b')]), 0);
    expect(await runner.waitFor(32, 5_000)).toBe(true);
  };

  it('finds the live rows equal and leaves them alone', async () => {
    const runner = run();
    await fill(runner);
    const report = await runner.rebuild({ verify: true });
    expect(report).toMatchObject({
      rows: { task_row: 30, commit_row: 31 },
      differences: [],
      events: 31,
      swapped: false,
    });
    expect(await query(`SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = '${SCHEMA}_rebuild'`)).toEqual([
      { n: 0 },
    ]);
  });

  it('counts the rows that differ', async () => {
    const runner = run();
    await fill(runner);
    await db.query(`UPDATE task_row SET owner = 'eve' WHERE id = 't-3'`);
    await db.query(`DELETE FROM commit_row WHERE id = 'submit-t-4'`);
    const report = await runner.rebuild({ verify: true });
    expect(report.differences).toEqual([
      { table: 'task_row', onlyLive: 1, onlyRebuilt: 1 },
      { table: 'commit_row', onlyLive: 0, onlyRebuilt: 1 },
    ]);
  });

  it('puts right rows in the place of wrong ones, with the same keys and indexes, while the log goes on', async () => {
    const runner = run();
    await fill(runner);
    await db.query(`UPDATE task_row SET owner = 'eve', commits = 99`);
    const names =
      "SELECT indexname, replace(indexdef, schemaname, '') AS def FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1";
    const indexes = await query(names);
    const appending = (async () => {
      for (let n = 0; n < 100; n += 1) await submit(`more-${n}`);
    })();
    expect(await runner.rebuild({ verify: false })).toMatchObject({ swapped: true, differences: [] });
    await appending;
    expect(await runner.waitFor((await log.head()).sequence, 5_000)).toBe(true);
    expect(await query(`SELECT id, owner, commits FROM task_row WHERE commits > 1 OR owner <> 'ada'`)).toEqual([
      { id: 't-0', owner: 'ada', commits: 2 },
    ]);
    expect(await taskCount()).toBe(130);
    expect(await query(names)).toEqual(indexes);
    expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
  });

  it('verifies while commits keep coming', async () => {
    const runner = run();
    await fill(runner);
    let isOver = false;
    const appending = (async () => {
      for (let n = 0; !isOver; n += 1) await submit(`more-${n}`).then(() => new Promise(setImmediate));
    })();
    for (let round = 0; round < 3; round += 1) expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
    isOver = true;
    await appending;
  });

  it('is refused while another one of the same projection runs', async () => {
    const gate = Promise.withResolvers<void>();
    let isRebuilding = false;
    const slow: Projection = {
      ...taskRows,
      write: async (tx, batch) => {
        await taskRows.write(tx, batch);
        const [row] = (await tx.query('SELECT current_schema() AS schema')) as readonly { readonly schema: string }[];
        if (row?.schema === `${SCHEMA}_rebuild`) {
          isRebuilding = true;
          await gate.promise;
        }
      },
    };
    const runner = run(slow);
    await fill(runner);
    const first = runner.rebuild({ verify: true });
    await eventually(() => isRebuilding);
    await expect(runner.rebuild({ verify: true })).rejects.toThrow('being rebuilt already');
    gate.resolve();
    expect((await first).differences).toEqual([]);
  });
});
