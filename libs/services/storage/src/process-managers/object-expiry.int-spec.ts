import { PutObjectCommand } from '@aws-sdk/client-s3';
import { expiryRuleSchema, type WireExpiryRule } from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { ProjectionHost } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { OBJECT_STORE } from '../config/tokens.js';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';
import { ObjectExpiry } from './object-expiry.js';

const DAY = 86_400;
const SLOW_MS = 60_000;
const LOCK = `hashtextextended('fornax object effects storage', 0)`;

let storage: StorageUnderTest;
let db: DataSource;
let ada: TestUser;
let eve: TestUser;

const ask = (user: TestUser, method: string, bucket: string, more: { query?: string; body?: object } = {}) =>
  fetch(`${storage.app.url}/fornax/v1/buckets/${bucket}/expiry${more.query ?? ''}`, {
    method,
    headers: { authorization: user.token, ...(more.body ? { 'content-type': 'application/json' } : {}) },
    ...(more.body ? { body: JSON.stringify(more.body) } : {}),
  });
const rulesOf = async (bucket: string): Promise<readonly WireExpiryRule[]> =>
  expiryRuleSchema.array().parse(await (await ask(ada, 'GET', bucket)).json());
const make = async (bucket: string, ...keys: readonly string[]): Promise<void> => {
  const s3 = storage.s3(ada);
  const at = Date.now() - 30 * DAY * 1000;
  await storage.append('bucket', bucket, [{ type: 'BucketCreated', bucket, owner: ada.account, at }]);
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }));
};
const keysOf = async (bucket: string): Promise<readonly string[]> =>
  (await storage.app.app.get<ObjectStore>(OBJECT_STORE).list(bucket, { limit: 100 })).objects.map(({ key }) => key);
/** As if they had been stored so many days ago. */
const age = (bucket: string, prefix: string, days: number) =>
  db.query(
    `UPDATE storage.object SET modified_at = now() - $3 * interval '1 day' WHERE bucket = $1 AND starts_with(key, $2)`,
    [bucket, prefix, days],
  );
const expiredOf = async (bucket: string) =>
  (await storage.log.readAggregate('bucket', bucket))
    .flatMap(({ events }) => events)
    .flatMap((event) => (event.type === 'BucketObjectsExpired' ? [event] : []));

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
  db = await new DataSource({
    type: 'postgres',
    url: storage.databaseUrl,
    extra: { options: '-c search_path=storage' },
  }).initialize();
}, 180_000);
afterAll(async () => {
  await db.destroy();
  await storage.stop();
});

describe('expiry rules', () => {
  it('are set, listed and removed by the owner of the bucket alone', async () => {
    await make('ruled');
    const set = { prefix: 'tmp/', afterSeconds: DAY };
    expect((await ask(eve, 'PUT', 'ruled', { body: set })).status).toBe(404);
    for (const body of [
      { prefix: 'x' },
      { afterSeconds: 0 },
      { afterSeconds: 1.5 },
      { ...set, prefix: 'x'.repeat(1_025) },
    ])
      expect((await ask(ada, 'PUT', 'ruled', { body })).status).toBe(400);
    expect((await ask(ada, 'PUT', 'ruled', { body: set })).status).toBe(200);
    expect(await rulesOf('ruled')).toEqual([{ ...set, expiredObjects: 0, expiredBytes: 0, expiredAt: null }]);
    expect((await ask(ada, 'DELETE', 'ruled', { query: '?prefix=other' })).status).toBe(404);
    expect((await ask(ada, 'DELETE', 'ruled', { query: '?prefix=tmp%2F' })).status).toBe(200);
    expect(await rulesOf('ruled')).toEqual([]);
  });

  it(
    'delete what is over below their prefix, one event a batch, and nothing else',
    async () => {
      await make('aging', 'tmp/1', 'tmp/2', 'tmp/young', 'tmpx', 'kept');
      await make('other', 'tmp/1');
      for (const prefix of ['tmp/1', 'tmp/2', 'tmpx', 'kept']) await age('aging', prefix, 8);
      await age('other', '', 8);
      await ask(ada, 'PUT', 'aging', { body: { prefix: 'tmp/', afterSeconds: 7 * DAY } });
      await eventually(async () => (await keysOf('aging')).length === 3, { timeoutMs: SLOW_MS });
      expect(await keysOf('aging')).toEqual(['kept', 'tmp/young', 'tmpx']);
      expect(await keysOf('other')).toEqual(['tmp/1']);
      expect(await expiredOf('aging')).toEqual([
        expect.objectContaining({ prefix: 'tmp/', objects: 2, bytes: 10, names: ['tmp/1', 'tmp/2'], through: 'tmp/2' }),
      ]);
      expect(await rulesOf('aging')).toEqual([
        expect.objectContaining({ expiredObjects: 2, expiredBytes: 10, expiredAt: expect.any(String) }),
      ]);
    },
    SLOW_MS,
  );

  it(
    'count from the publication of results, not from their upload',
    async () => {
      await make('published');
      await ask(ada, 'PUT', 'published', { body: { afterSeconds: DAY } });
      const lease = storage.newLease(ada, 'published');
      await storage.lease(lease).send(new PutObjectCommand({ Bucket: 'published', Key: 'result', Body: 'r' }));
      // Its instance goes on for two days after it has stored that.
      await age('.staging', `${lease.taskId}/`, 2);
      await storage.conclude(lease);
      await eventually(async () => (await keysOf('published')).length === 1, { timeoutMs: SLOW_MS });
      await storage.app.app.get(ObjectExpiry).look();
      expect(await expiredOf('published')).toEqual([]);
      expect(await keysOf('published')).toEqual(['result']);
    },
    SLOW_MS,
  );

  it(
    'delete nothing that was stored since, and nothing twice, when the process ends between the event and its effect',
    async () => {
      await make('broken-off', 'a', 'b');
      await age('broken-off', '', 2);
      const holder = db.createQueryRunner();
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      try {
        await ask(ada, 'PUT', 'broken-off', { body: { afterSeconds: DAY } });
        await eventually(async () => (await expiredOf('broken-off')).length === 1, { timeoutMs: SLOW_MS });
        await storage.s3(ada).send(new PutObjectCommand({ Bucket: 'broken-off', Key: 'b', Body: 'anew' }));
        await storage.restart();
        expect(await keysOf('broken-off')).toEqual(['a', 'b']);
        // What is owed is not found again.
        await storage.app.app.get(ObjectExpiry).look();
      } finally {
        await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
        await holder.release();
      }
      await eventually(async () => (await keysOf('broken-off')).join() === 'b', { timeoutMs: SLOW_MS });
      expect(await expiredOf('broken-off')).toEqual([expect.objectContaining({ objects: 2 })]);
    },
    SLOW_MS * 2,
  );

  it(
    'end with their bucket: the next one of its name keeps what is in it',
    async () => {
      await make('renewed', 'old');
      await age('renewed', '', 2);
      const holder = db.createQueryRunner();
      await holder.query(`SELECT pg_advisory_lock(${LOCK})`);
      try {
        await ask(ada, 'PUT', 'renewed', { body: { afterSeconds: DAY } });
        await eventually(async () => (await expiredOf('renewed')).length === 1, { timeoutMs: SLOW_MS });
        const renewed = await storage.append('bucket', 'renewed', [
          { type: 'BucketDeleted', bucket: 'renewed', at: Date.now() },
          { type: 'BucketCreated', bucket: 'renewed', owner: ada.account, at: Date.now() },
        ]);
        expect(await storage.app.app.get(ProjectionHost).waitFor('buckets', renewed, SLOW_MS)).toBe(true);
      } finally {
        await holder.query(`SELECT pg_advisory_unlock(${LOCK})`);
        await holder.release();
      }
      await eventually(async () => (await keysOf('renewed')).length === 0, { timeoutMs: SLOW_MS });
      await storage.s3(ada).send(new PutObjectCommand({ Bucket: 'renewed', Key: 'new', Body: 'x' }));
      await age('renewed', '', 2);
      await storage.app.app.get(ObjectExpiry).look();
      expect([await rulesOf('renewed'), await keysOf('renewed')]).toEqual([[], ['new']]);
    },
    SLOW_MS,
  );
});
