import { cp, rename, rm } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { LeaseClaims } from '@fornax/contracts';
import { HealthRegistry } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { StorageUnderTest, type TestUser, failureOf } from './storage.fixture.js';

const SLOW_MS = 120_000;

let storage: StorageUnderTest;
let ada: TestUser;
let root: TestUser;

const put = (Bucket: string, Key: string, Body: string) =>
  storage.s3(ada).send(new PutObjectCommand({ Bucket, Key, Body }));
const read = async (Bucket: string, Key: string): Promise<string | undefined> =>
  (await storage.s3(ada).send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
const keys = async (Bucket: string): Promise<readonly (string | undefined)[]> =>
  ((await storage.s3(ada).send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
/** What is wrong with objects, as readiness says it; undefined when they are served. */
const said = async () =>
  (await storage.app.app.get(HealthRegistry).check()).reasons.find(({ name }) => name === 'objects');
const trouble = async (): Promise<string | undefined> => (await said())?.reason;
const served = (): Promise<unknown> =>
  eventually(async () => (await storage.app.app.get(HealthRegistry).check()).ready, { timeoutMs: SLOW_MS });
const dropSchema = async (): Promise<void> => {
  const db = await new DataSource({ type: 'postgres', url: storage.databaseUrl }).initialize();
  await db.query('DROP SCHEMA storage CASCADE');
  await db.destroy();
};
const lease = (): LeaseClaims => storage.newLease(ada, 'results');
const upload = (claims: LeaseClaims, Key: string) =>
  storage.lease(claims).send(new PutObjectCommand({ Bucket: 'results', Key, Body: `result ${Key}` }));

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, root] = [await storage.user('ada@example.org'), await storage.user('root@example.org', {}, 'operator')];
}, 180_000);
beforeEach(() => {
  storage.currentLeases = new Set();
});
afterAll(async () => storage.stop());

describe('Postgres lost, log and files kept', () => {
  it(
    'brings back every object by itself, results where the log says they belong, and nothing that was deleted with its bucket',
    async () => {
      for (const Bucket of ['results', 'data', 'again'])
        await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
      await put('data', 'k', 'value');
      await put('again', 'k', 'of the first life');
      await storage.s3(ada).send(new DeleteObjectCommand({ Bucket: 'again', Key: 'k' }));
      await storage.s3(ada).send(new DeleteBucketCommand({ Bucket: 'again' }));
      await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'again' }));
      await put('again', 'k', 'of the second life');
      const [over, alive] = [lease(), lease()];
      await upload(over, 'over');
      await upload(alive, 'alive');
      await storage.conclude(over);
      await eventually(async () => (await keys('results')).includes('over'), { timeoutMs: SLOW_MS });

      await storage.restart(dropSchema);
      await served();
      expect([await read('data', 'k'), await read('again', 'k')]).toEqual(['value', 'of the second life']);
      expect([await read('results', 'over'), await keys('results')]).toEqual(['result over', ['over']]);
      await storage.conclude(alive);
      await eventually(async () => (await keys('results')).length === 2, { timeoutMs: SLOW_MS });
      expect(await read('results', 'alive')).toBe('result alive');
    },
    SLOW_MS * 3,
  );
});

describe('a folder of objects that is gone', () => {
  it(
    'is named by readiness, refused to clients with a code, and served again once it is back',
    async () => {
      await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'moved-away' }));
      await put('moved-away', 'k', 'value');
      await rename(storage.folder, `${storage.folder}.away`);
      await eventually(async () => (await trouble()) !== undefined, { timeoutMs: SLOW_MS });
      expect(await said()).toEqual({
        name: 'objects',
        reason: `the folder ${storage.folder} is gone`,
        ways: [
          expect.stringContaining('that is noticed by itself'),
          expect.stringContaining('fornax storage reindex --forget-missing'),
        ],
      });
      const unavailable = { name: 'ServiceUnavailable', status: 503 };
      expect(await failureOf(read('moved-away', 'k'))).toEqual(unavailable);
      expect(await failureOf(put('moved-away', 'k', 'new'))).toEqual(unavailable);
      const refused = await reindex();
      expect(refused.status).toBe(409);
      expect(await refused.text()).toContain('fornax storage reindex --forget-missing');
      await rename(`${storage.folder}.away`, storage.folder);
      await served();
      expect(await read('moved-away', 'k')).toBe('value');
    },
    SLOW_MS * 2,
  );
});

describe('an older copy of the folder of objects', () => {
  it(
    'is named by readiness, refused to clients, and served once an operator has gone on with it',
    async () => {
      await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'older' }));
      await put('older', 'old', 'value');
      const copy = `${storage.folder}.copy`;
      await cp(storage.folder, copy, { recursive: true, preserveTimestamps: true });
      await storage.restart();
      await served();
      await put('older', 'new', 'value');
      await storage.restart(async () => {
        await rm(storage.folder, { recursive: true });
        await rename(copy, storage.folder);
      });
      await eventually(async () => (await trouble())?.includes('is an older copy'), { timeoutMs: SLOW_MS });
      expect((await said())?.ways).toEqual([expect.any(String), expect.stringContaining('fornax storage reindex')]);
      expect(await failureOf(read('older', 'old'))).toEqual({ name: 'ServiceUnavailable', status: 503 });
      expect(await (await reindex()).json()).toMatchObject({ restored: 0, missing: 1, examples: ['older/new'] });
      await served();
      expect(await read('older', 'old')).toBe('value');
      expect((await failureOf(read('older', 'new'))).status).toBe(500);
      await storage.s3(ada).send(new DeleteObjectCommand({ Bucket: 'older', Key: 'new' }));
    },
    SLOW_MS * 2,
  );
});

const reindex = (user = root): Promise<Response> =>
  fetch(`${storage.app.url}/fornax/v1/buckets/reindex`, { method: 'POST', headers: { authorization: user.token } });

describe('POST /fornax/v1/buckets/reindex', () => {
  it('finds everything known where nothing is wrong, for operators alone', async () => {
    const answer = await reindex();
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ restored: 0, damaged: 0, missing: 0, forgotten: false });
    expect((await reindex(ada)).status).toBe(403);
  });
});
