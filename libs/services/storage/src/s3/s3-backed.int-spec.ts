import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { ProjectionHost } from '@fornax/service-kit';
import { type FaultProxy, eventually, startFaultProxy } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

let below: StorageUnderTest;
let storage: StorageUnderTest;
let ada: TestUser;
/** On the way to the S3 service below. */
let relay: FaultProxy;

beforeAll(async () => {
  below = await StorageUnderTest.start();
  const operator = await below.user('operator@example.org');
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
