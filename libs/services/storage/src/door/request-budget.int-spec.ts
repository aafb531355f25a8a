import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { failureOf, StorageUnderTest } from '../storage.fixture.js';

let storage: StorageUnderTest;
beforeAll(async () => {
  storage = await StorageUnderTest.start({ FORNAX_STORAGE_REQUESTS_PER_S: '1' });
}, 120_000);
afterAll(() => storage.stop());

it('a user who asks too often is told to come back; others, and instances of the same user, are answered', async () => {
  const [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
  const Bucket = 'ada-often';
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
  const ask = () => storage.signed(ada, { path: `/${Bucket}` });
  const answers = await Promise.all(Array.from({ length: 60 }, ask));
  const refused = answers.find(({ status }) => status === 503);
  expect(refused?.body).toContain('<Code>SlowDown</Code>');
  expect(refused?.headers['retry-after']).toBe('1');
  expect(answers.every(({ status }) => status === 200 || status === 503)).toBe(true);
  const lease = storage.lease(storage.newLease(ada, Bucket));
  for (const Key of ['1', '2', '3', '4', '5', '6'])
    expect((await failureOf(lease.send(new PutObjectCommand({ Bucket, Key, Body: Key })))).name).toBe('none');
  expect((await failureOf(storage.s3(eve).send(new ListObjectsV2Command({ Bucket })))).name).toBe('AccessDenied');
});
