import { Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { STREAMS } from '@fornax/contracts';
import { connectNats, ensureStreams, managerOf } from '@fornax/event-store';
import { createTestDatabase, eventually, startTestNats, type TestDatabase, type TestNats } from '@fornax/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { wireErrorOf } from '../errors/wire-error.js';
import { HealthRegistry, serviceDatabase } from '../index.js';
import { createTestApp, type TestApp } from '../run/test-app.fixture.js';

@Module({ imports: [serviceDatabase('test', [])] })
class TestModule {}

const PATIENCE = { timeoutMs: 60_000 };

let nats: TestNats;
let database: TestDatabase;
let service: TestApp;
let operator: NatsConnection;

const reasons = async (): Promise<readonly string[]> =>
  (await service.app.get(HealthRegistry).check()).reasons.map(({ name }) => name);

const administer = async (...statements: readonly string[]): Promise<void> => {
  const url = new URL(database.url);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

beforeAll(async () => {
  [nats, database] = await Promise.all([startTestNats(), createTestDatabase()]);
  const { url, user, password } = nats;
  const env = {
    FORNAX_NATS_URL: url,
    FORNAX_NATS_USER: user,
    FORNAX_NATS_PASSWORD: password,
    FORNAX_DATABASE_URL: database.url,
    FORNAX_LOG_LEVEL: 'silent',
  };
  service = await createTestApp(TestModule, { env });
  operator = await connectNats({ url, user, password, name: 'operator' });
}, 120_000);

afterAll(async () => {
  await operator.close();
  await service.close();
  await database.drop();
  await nats.stop();
});

describe('a process is ready when what a submit needs works', () => {
  it('and the log has not grown by being asked', async () => {
    await eventually(async () => (await reasons()).length === 0, PATIENCE);
    const { state } = await (await managerOf(operator)).streams.info(STREAMS.events);
    expect(state.last_seq).toBe(0);
  });

  // The log itself is another matter: one that is gone and made anew is another log, which its own watch reacts to.
  const working = [STREAMS.dispatch, STREAMS.reports, STREAMS.logs];
  it.each(working)('not without the stream %s', async (stream) => {
    const manager = await managerOf(operator);
    await manager.streams.delete(stream);
    await eventually(async () => (await reasons()).includes(`stream ${stream}`), PATIENCE);
    await ensureStreams(operator);
    await eventually(async () => (await reasons()).length === 0, PATIENCE);
  });

  it('not while the database takes no writes', async () => {
    const name = new URL(database.url).pathname.slice(1);
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
    await administer(`ALTER DATABASE ${name} SET default_transaction_read_only = on`, cut);
    await eventually(async () => (await reasons()).includes('database test'), PATIENCE);
    const { reasons: said } = await service.app.get(HealthRegistry).check();
    expect(said.find((one) => one.name === 'database test')?.reason).toContain('read-only');
    await administer(`ALTER DATABASE ${name} RESET default_transaction_read_only`, cut);
    await eventually(async () => (await reasons()).length === 0, PATIENCE);
  });

  // The last one: it stays so until the next start.
  it.each(['XX001', '58P01'])('not once files of the database are damaged (%s), whoever met that', async (state) => {
    const db = service.app.get<DataSource>(getDataSourceToken('test'));
    const asked = db.query(`DO $$ BEGIN RAISE EXCEPTION 'invalid page in block 2' USING ERRCODE = '${state}'; END $$`);
    const error: unknown = await asked.catch((reason: unknown) => reason);
    expect(wireErrorOf(error)).toMatchObject({ status: 503, code: 'database-damaged' });
    const { reasons: said } = await service.app.get(HealthRegistry).check();
    expect(said).toEqual([
      {
        name: 'database test',
        reason: 'files of PostgreSQL are damaged: invalid page in block 2',
        ways: [expect.stringContaining('good copy'), expect.stringContaining('empty database')],
      },
    ]);
  });
});
