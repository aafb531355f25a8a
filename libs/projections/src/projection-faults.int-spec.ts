import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import type { RecordedCommit } from '@fornax/contracts';
import { JetStreamLog, connectNats } from '@fornax/event-store';
import {
  type TestNats,
  type TestPostgres,
  aCommit,
  bucketCreated,
  cancelRequested,
  eventually,
  startTestNats,
  startTestPostgres,
  submitted,
} from '@fornax/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { createServiceDataSource } from './database/service-data-source.js';
import type { Projection } from './projection/projection.js';
import { RebuildRefused } from './rebuild/shortfall.js';
import { ProjectionRunner } from './projection-runner.js';

const SLOW_MS = 120_000;
const SCHEMA = 'faults';
const PASSING_MS = 1_500;

class Commits1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE commit_row (sequence bigint PRIMARY KEY, id text NOT NULL)');
  }
  async down(): Promise<void> {}
}

const commitRows: Projection = {
  name: 'commits',
  version: 1,
  aggregates: ['task'],
  tables: ['commit_row'],
  // Without ON CONFLICT: a commit that is written twice fails.
  write: async (tx, batch: readonly RecordedCommit[]) => {
    await tx.query('INSERT INTO commit_row SELECT * FROM unnest($1::bigint[], $2::text[])', [
      batch.map(({ sequence }) => sequence),
      batch.map(({ id }) => id),
    ]);
  },
};

let nats: TestNats;
let postgres: TestPostgres;
let nc: NatsConnection;
let db: DataSource;
let log: JetStreamLog;
let runner: ProjectionRunner;
let over: AbortController;
let running: Promise<void>;
let errors: unknown[];
/** What health said each time that something had failed. */
let saidHealthy: boolean[];
let submittedCount = 0;

beforeAll(async () => {
  [nats, postgres] = await Promise.all([startTestNats(), startTestPostgres()]);
  nc = await connectNats({ ...nats, name: 'test' });
  log = await JetStreamLog.open(nc);
  db = await createServiceDataSource({ url: postgres.url, schema: SCHEMA, migrations: [Commits1700000000001] });
}, SLOW_MS);

afterAll(async () => {
  await db.destroy();
  await nc.close();
  await Promise.all([nats.stop(), postgres.stop()]);
}, SLOW_MS);

beforeEach(() => {
  over = new AbortController();
  errors = [];
  saidHealthy = [];
  runner = new ProjectionRunner({
    log,
    db,
    schema: SCHEMA,
    projection: commitRows,
    onError: (error) => {
      errors.push(error);
      saidHealthy.push(runner.health().isHealthy);
    },
    passingMs: PASSING_MS,
  });
  running = runner.start(over.signal);
});

afterEach(async () => {
  over.abort();
  await running;
});

const submitSome = async (count: number): Promise<number> => {
  let sequence = 0;
  for (let n = 0; n < count; n += 1) {
    const id = `t-${submittedCount++}`;
    sequence = await log.append('task', id, aCommit(id, [submitted(id)]), 0);
  }
  return sequence;
};

const expectRowsToMatchLog = async (): Promise<void> => {
  const rows: unknown = await db.query('SELECT id FROM commit_row ORDER BY sequence');
  expect(rows).toEqual(Array.from({ length: submittedCount }, (_, n) => ({ id: `t-${n}` })));
};

describe('a projection on real servers', () => {
  it('answers for the head of the log, whosever commit that is', async () => {
    await submitSome(3);
    const head = await log.append('bucket', 'b', aCommit('b', [bucketCreated('b')]), 0);
    expect(await runner.waitFor(head, 5_000)).toBe(true);
    expect(await runner.waitFor(head + 1, 100)).toBe(false);
    await expectRowsToMatchLog();
  });

  it(
    'goes on after nats-server was killed, and is healthy again without a new commit',
    async () => {
      const before = await submitSome(20);
      expect(await runner.waitFor(before, 10_000)).toBe(true);
      await nats.kill();
      await nats.start();
      await eventually(() => errors.length > 0);
      await eventually(() => runner.health().isHealthy);
      expect(await runner.waitFor(await submitSome(20), 10_000)).toBe(true);
      await expectRowsToMatchLog();
    },
    SLOW_MS,
  );

  it(
    'is healthy while a break of the log is mended at once, as after an empty message that anybody with the right to write can cause',
    async () => {
      expect(await runner.waitFor(await submitSome(1), 10_000)).toBe(true);
      const subject = 'fx.ev.task.empty';
      await nc.request(subject, new Uint8Array());
      await eventually(() => errors.length > 0);
      const last = await submitSome(1);
      expect(await runner.waitFor(last, 20_000)).toBe(true);
      expect(saidHealthy[0]).toBe(true);
      expect(runner.health()).toMatchObject({ isHealthy: true, detail: undefined });
      await expectRowsToMatchLog();
    },
    SLOW_MS,
  );

  it(
    'is not healthy when what fails lasts, and says why',
    async () => {
      await runner.waitFor(await submitSome(1), 10_000);
      await postgres.kill();
      const last = await submitSome(1);
      await eventually(() => !runner.health().isHealthy && runner.health().detail !== undefined);
      await postgres.start();
      expect(await runner.waitFor(last, 30_000)).toBe(true);
      expect(runner.health()).toMatchObject({ isHealthy: true, detail: undefined });
      await expectRowsToMatchLog();
    },
    SLOW_MS,
  );

  it(
    'goes on after PostgreSQL was killed with work in flight, and writes nothing twice',
    async () => {
      await submitSome(10);
      const appending = submitSome(200);
      await postgres.kill();
      const last = await appending;
      await postgres.start();
      expect(await runner.waitFor(last, 30_000)).toBe(true);
      await expectRowsToMatchLog();
      expect((await runner.rebuild({ verify: true })).differences).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'answers nobody with what rows have left after PostgreSQL was killed: what the crash took is folded again first',
    async () => {
      // Killed before it flushes what it was told not to wait for, it comes back without the last rows.
      for (let round = 0; round < 3; round += 1) {
        const last = await submitSome(5);
        expect(await runner.waitFor(last, 30_000)).toBe(true);
        await postgres.kill();
        await postgres.start();
        expect(await runner.waitFor(last, 30_000)).toBe(true);
        await expectRowsToMatchLog();
      }
    },
    SLOW_MS,
  );

  it(
    'stops when the log was wiped under it, and says what to do',
    async () => {
      await runner.waitFor(await submitSome(1), 10_000);
      await nc.request('$JS.API.STREAM.DELETE.FORNAX_EVENTS');
      log = await JetStreamLog.open(nc);
      await log.append('task', 'new', aCommit('new', [submitted('new'), cancelRequested]), 0);
      await eventually(() =>
        /wiped or recreated.*fornax log status|this log has epoch.*fornax log status/.test(
          runner.health().detail ?? '',
        ),
      );
      await expectRowsToMatchLog();
      await expect(runner.rebuild({ verify: false })).rejects.toBeInstanceOf(RebuildRefused);
      expect(await runner.rebuild({ verify: false, force: true })).toMatchObject({ swapped: true, events: 2 });
      await eventually(() => runner.health().isHealthy);
      expect(await db.query('SELECT id FROM commit_row')).toEqual([{ id: 'new' }]);
    },
    SLOW_MS,
  );
});
