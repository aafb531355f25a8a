import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, eventually, startFaultProxy, type TestDatabase } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { markedAmong, ProcessMark } from './process-mark.js';
import { createServiceDataSource } from './service-data-source.js';

const SLOW_MS = 120_000;
let database: TestDatabase;
let db: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({ url: database.url, schema: 'marks', migrations: [] });
}, SLOW_MS);
afterAll(async () => {
  await db.destroy();
  await database.drop();
}, SLOW_MS);

const marked = async (): Promise<readonly string[]> => [...(await markedAmong(db, ['a', 'b', 'c']))].toSorted();

it('shows which processes live, also once a connection was broken', async () => {
  const [a, b] = [new ProcessMark(database.url, 'a'), new ProcessMark(database.url, 'b')];
  a.open();
  b.open();
  await eventually(async () => (await marked()).join() === 'a,b');
  const broken = await db.query<{ readonly pid: number }[]>(
    `SELECT pid, pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'`,
  );
  expect(broken).toHaveLength(2);
  await eventually(async () => {
    const now = await db.query<{ readonly pid: number }[]>(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'`,
    );
    return now.length === 2 && now.every(({ pid }) => !broken.some((old) => old.pid === pid));
  });
  expect(await marked()).toEqual(['a', 'b']);
  await a.close();
  await eventually(async () => (await marked()).join() === 'b');
  await b.close();
}, 60_000);

it('takes its mark again before others miss it, where a connection is dead and nobody has said so', async () => {
  const proxy = await startFaultProxy(Number(new URL(database.url).port));
  const throughProxy = new URL(database.url);
  throughProxy.port = String(proxy.port);
  throughProxy.hostname = '127.0.0.1';
  const lost: unknown[] = [];
  const mark = new ProcessMark(throughProxy.href, 'c', { onLost: (error) => lost.push(error) });
  mark.open();
  try {
    await eventually(async () => (await marked()).join() === 'c');
    proxy.swallow();
    // The server finds out by itself, and lets go.
    await db.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'`);
    await eventually(async () => (await marked()).length === 0);
    proxy.comeBack();
    await eventually(async () => (await marked()).join() === 'c', { timeoutMs: 9_000 });
    expect(lost).toEqual([expect.any(Error)]);
    // One that is let go while it is dead keeps nobody waiting.
    proxy.swallow();
  } finally {
    await mark.close();
    await proxy.close();
  }
}, 60_000);
