import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { RPC, ensureBucketsReplySchema, storageUsageReplySchema } from '@fornax/contracts';
import { RpcClient } from '@fornax/base';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser } from './storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let eve: TestUser;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org', { maxBuckets: 2 })];
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'ada-one' }));
  await storage.s3(ada).send(new PutObjectCommand({ Bucket: 'ada-one', Key: 'k', Body: 'four' }));
  await storage.s3(eve).send(new CreateBucketCommand({ Bucket: 'eve-one' }));
}, 180_000);
afterAll(async () => storage.stop());

const ensure = (owner: TestUser, mustExist: readonly string[], create: readonly string[]) =>
  storage.app.app
    .get(RpcClient)
    .request(
      RPC.ensureBuckets,
      { owner: owner.account, mustExist, create, actor: `user:${owner.account}`, correlationId: 'c' },
      ensureBucketsReplySchema,
    );
const fetchBuckets = (token: string) =>
  fetch(`${storage.app.url}/fornax/v1/buckets`, { headers: { authorization: token } });

describe('other services', () => {
  it('have result buckets made for an owner, once', async () => {
    expect(await ensure(ada, ['ada-one'], ['ada-results', 'ada-one'])).toEqual({ missing: [], refused: [] });
    expect(await ensure(ada, ['ada-results'], ['ada-results'])).toEqual({ missing: [], refused: [] });
  });

  it('are told what is missing or not to be had, and then nothing is made', async () => {
    const reply = await ensure(ada, ['eve-one', 'nowhere', 'ada-one'], ['eve-one', 'Not A Name', 'ada-not-made']);
    expect(reply.missing).toEqual(['eve-one', 'nowhere']);
    expect(reply.refused.map(({ bucket }) => bucket)).toEqual(['eve-one', 'Not A Name']);
    expect(await ensure(ada, ['ada-not-made'], [])).toEqual({ missing: ['ada-not-made'], refused: [] });
    expect((await ensure(eve, [], ['eve-two', 'eve-three'])).refused.map(({ bucket }) => bucket)).toEqual([
      'eve-three',
    ]);
    expect(await ensure(eve, ['eve-two'], [])).toEqual({ missing: ['eve-two'], refused: [] });
    expect(await ensure(eve, [], ['eve-two'])).toEqual({ missing: [], refused: [] });
  });

  it('learn what an account uses', async () => {
    const usage = await storage.app.app
      .get(RpcClient)
      .request(RPC.storageUsage, { owner: ada.account }, storageUsageReplySchema);
    expect(usage.usedBytes).toBe(4);
    expect(usage.bucketCount).toBeGreaterThanOrEqual(1);
  });
});

describe('GET /fornax/v1/buckets', () => {
  it('shows the asker their buckets with counts, and nobody else', async () => {
    const buckets = (await (await fetchBuckets(ada.token)).json()) as readonly Record<string, unknown>[];
    expect(buckets.find(({ name }) => name === 'ada-one')).toMatchObject({ objects: 1, bytes: 4 });
    expect(buckets.every(({ name }) => String(name).startsWith('ada-'))).toBe(true);
    expect((await fetchBuckets('wrong')).status).toBe(401);
  });
});

describe('readiness', () => {
  it('includes the S3 endpoint', async () => {
    expect((await fetch(`${storage.app.url}/health/ready`)).status).toBe(200);
  });
});
