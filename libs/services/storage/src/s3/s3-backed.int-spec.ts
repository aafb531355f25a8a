import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

let below: StorageUnderTest;
let storage: StorageUnderTest;
let ada: TestUser;

beforeAll(async () => {
  below = await StorageUnderTest.start();
  const operator = await below.user('operator@example.org');
  storage = await StorageUnderTest.start({
    FORNAX_OBJECTS: 's3',
    FORNAX_S3_ENDPOINT: `http://127.0.0.1:${below.port}`,
    FORNAX_S3_ACCESS_KEY: operator.email,
    FORNAX_S3_SECRET_KEY: operator.token,
    FORNAX_S3_BUCKET: 'physical',
  });
  ada = await storage.user('ada@example.org');
}, 180_000);
afterAll(async () => {
  await storage.stop();
  await below.stop();
  process.env['FORNAX_OBJECTS'] = 'local';
});

describe('the service on an S3 service', () => {
  it('serves buckets and objects, and publishes the results of a lease once its end is committed', async () => {
    const s3 = storage.s3(ada);
    await s3.send(new CreateBucketCommand({ Bucket: 'ada-results' }));
    await s3.send(new PutObjectCommand({ Bucket: 'ada-results', Key: 'a b/é', Body: 'mine' }));
    const claims = storage.newLease(ada, 'ada-results');
    await storage.lease(claims).send(new PutObjectCommand({ Bucket: 'ada-results', Key: 'out', Body: 'result' }));
    const keys = async () =>
      ((await s3.send(new ListObjectsV2Command({ Bucket: 'ada-results' }))).Contents ?? []).map(({ Key }) => Key);
    expect(await keys()).toEqual(['a b/é']);
    await storage.conclude(claims);
    expect(await keys()).toEqual(['a b/é', 'out']);
    expect(
      await (await s3.send(new GetObjectCommand({ Bucket: 'ada-results', Key: 'out' }))).Body?.transformToString(),
    ).toBe('result');
    for (const Key of await keys()) await s3.send(new DeleteObjectCommand({ Bucket: 'ada-results', Key }));
    await s3.send(new DeleteBucketCommand({ Bucket: 'ada-results' }));
    expect(await failureOf(s3.send(new HeadBucketCommand({ Bucket: 'ada-results' })))).toMatchObject({ status: 404 });
  });
});
