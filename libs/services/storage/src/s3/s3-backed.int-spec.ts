import {
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { ProjectionHost } from '@fornax/service-kit';
import { type FaultProxy, eventually, startFaultProxy } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { StorageUsage } from '../buckets/storage-usage.js';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

let below: StorageUnderTest;
let storage: StorageUnderTest;
let ada: TestUser;
let operator: TestUser;
/** On the way to the S3 service below. */
let relay: FaultProxy;

beforeAll(async () => {
  below = await StorageUnderTest.start();
  operator = await below.user('operator@example.org');
  relay = await startFaultProxy(below.port);
  storage = await StorageUnderTest.start({
    FORNAX_OBJECTS: 's3',
    FORNAX_S3_ENDPOINT: `http://127.0.0.1:${relay.port}`,
    FORNAX_S3_ACCESS_KEY: operator.email,
    FORNAX_S3_SECRET_KEY: operator.token,
    FORNAX_S3_BUCKET: 'physical',
  });
  ada = await storage.user('ada@example.org');
}, 180_000);
afterAll(async () => {
  await storage.stop();
  await relay.close();
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

  it('holds up no rows while that service is slow, serves no bucket before it is there, and carries everything out afterwards', async () => {
    const eve = await storage.user('eve@example.org');
    const commands = storage.app.app.get(BucketCommands);
    const s3 = storage.s3(ada);
    for (const Bucket of ['again', 'late-results']) await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket: 'again', Key: 'old', Body: 'of ada' }));
    const claims = storage.newLease(ada, 'late-results');
    await storage.lease(claims).send(new PutObjectCommand({ Bucket: 'late-results', Key: 'out', Body: 'result' }));
    relay.mute();
    // What a submission asks for.
    await commands.create(ada.account, 'late');
    expect((await commands.ownedBy(ada.account)).map(({ name }) => name)).toContain('late');
    const at = Date.now();
    await storage.append('bucket', 'again', [
      { type: 'BucketDeleted', bucket: 'again', at },
      { type: 'BucketCreated', bucket: 'again', owner: eve.account, at },
    ]);
    const last = await storage.conclude(claims);
    expect(await storage.app.app.get(ProjectionHost).waitFor('buckets', last, 60_000)).toBe(true);
    for (const [user, Bucket] of [
      [ada, 'late'],
      [eve, 'again'],
    ] as const)
      expect(await failureOf(storage.s3(user).send(new HeadBucketCommand({ Bucket })))).toMatchObject({ status: 503 });
    await storage.restart(async () => relay.heal());
    const listed = async (user: TestUser, Bucket: string) =>
      ((await storage.s3(user).send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
    await eventually(async () => (await listed(ada, 'late-results')).length === 1, { timeoutMs: 60_000 });
    await eventually(async () => (await failureOf(listed(eve, 'again'))).name === 'none', { timeoutMs: 60_000 });
    await storage.s3(eve).send(new PutObjectCommand({ Bucket: 'again', Key: 'new', Body: 'of eve' }));
    expect([await listed(eve, 'again'), await listed(ada, 'late')]).toEqual([['new'], []]);
  }, 180_000);
});

describe('quotas on an S3 service', () => {
  const sixty = 'x'.repeat(60);
  const put = (s3: S3Client, Bucket: string, Key: string, Body = sixty) =>
    failureOf(s3.send(new PutObjectCommand({ Bucket, Key, Body })));
  const full = { name: 'QuotaExceeded', status: 403 };
  const fine = { name: 'none', status: undefined };

  it('are not exceeded by many uploads at once, whole, copied or in parts, and a deletion makes room', async () => {
    const Bucket = 'poor';
    const user = await storage.poor(Bucket);
    const s3 = storage.s3(user);
    const flock = await Promise.all(Array.from({ length: 8 }, (_, n) => put(s3, Bucket, `k${n}`)));
    expect(flock.filter(({ name }) => name === 'none').length).toBe(1);
    const Key = `k${flock.findIndex(({ name }) => name === 'none')}`;
    expect(
      await failureOf(s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}` }))),
    ).toEqual(full);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
    const part = (PartNumber: number) =>
      failureOf(s3.send(new UploadPartCommand({ Bucket, Key: 'parts', UploadId, PartNumber, Body: 'x'.repeat(30) })));
    expect([await part(1), await part(2)]).toEqual([fine, full]);
    await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    await eventually(async () => (await part(2)).name === 'none');
    expect(await put(s3, Bucket, 'again')).toEqual(full);
  });

  it('count results that wait for the end of their instance, what was copied, and what came behind the platform', async () => {
    const Bucket = 'poor-results';
    const user = await storage.poor(Bucket);
    const s3 = storage.s3(user);
    const lease = storage.lease(storage.newLease(user, Bucket));
    expect(await put(lease, Bucket, 'staged', 'x'.repeat(30))).toEqual(fine);
    expect(await put(s3, Bucket, 'k')).toEqual(fine);
    expect(await put(lease, Bucket, 'more', 'x'.repeat(30))).toEqual(full);
    // The count of before the copy is known by now; it does not hide the copy.
    const used = async () => (await storage.app.app.get(StorageUsage).of({ kind: 'user', id: user.account })).bytes;
    expect(await used()).toBe(90);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x'.repeat(5) }));
    await eventually(async () => {
      await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }));
      return true;
    });
    expect(await used()).toBe(40);
    await below
      .s3(operator)
      .send(new PutObjectCommand({ Bucket: 'physical', Key: `${Bucket}/behind`, Body: 'x'.repeat(55) }));
    await eventually(async () => (await put(s3, Bucket, 'late', 'x'.repeat(6))).name === 'QuotaExceeded');
    expect(await used()).toBeGreaterThanOrEqual(95);
  }, 60_000);
});
