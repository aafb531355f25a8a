import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { signServiceClaims, type LeaseCredentials } from '@fornax/identity';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUsage } from '../buckets/storage-usage.js';
import { StorageUnderTest, TEST_MASTER_KEY, type TestUser, failureOf } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let users: S3Client;
let service: S3Client;

const AREA = 'fornax-output';
const clientOf = ({ accessKey, secretKey, sessionToken }: LeaseCredentials): S3Client =>
  storage.client({ accessKeyId: accessKey, secretAccessKey: secretKey, sessionToken });
const submission = (expiresAt: number): S3Client =>
  clientOf(signServiceClaims(TEST_MASTER_KEY, { service: 'submission', area: 'output', expiresAt }));
const denied = { name: 'AccessDenied', status: 403 };

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  users = storage.s3(ada);
  await users.send(new CreateBucketCommand({ Bucket: 'ada-private' }));
  await users.send(new PutObjectCommand({ Bucket: 'ada-private', Key: 'diary', Body: 'secret' }));
  service = submission(Date.now() + 60_000);
}, 180_000);
afterAll(async () => storage.stop());

describe("a service's area", () => {
  it('takes, gives back in ranges and forgets its objects, for which no bucket of a user has to exist', async () => {
    const place = { Bucket: AREA, Key: 'task/stdout/1' };
    await service.send(new PutObjectCommand({ ...place, Body: 'hello world' }));
    const part = await service.send(new GetObjectCommand({ ...place, Range: 'bytes=6-10' }));
    expect(await part.Body?.transformToString()).toBe('world');
    await service.send(new DeleteObjectCommand(place));
    expect(await failureOf(service.send(new GetObjectCommand(place)))).toMatchObject({ status: 404 });
    await service.send(new DeleteObjectCommand(place));
  });

  it('counts against nobody, and is in nobody’s lists', async () => {
    const before = await storage.app.app.get(StorageUsage).of({ kind: 'user', id: ada.account });
    await service.send(new PutObjectCommand({ Bucket: AREA, Key: 'task/stdout/2', Body: 'x'.repeat(1000) }));
    expect(await storage.app.app.get(StorageUsage).of({ kind: 'user', id: ada.account })).toEqual(before);
    const { Buckets } = await users.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(['ada-private']);
  });

  it('is closed to users, also to one who makes a bucket of its name', async () => {
    await service.send(new PutObjectCommand({ Bucket: AREA, Key: 'task/stdout/3', Body: 'hidden' }));
    for (const Bucket of [AREA, '.output']) {
      expect(await failureOf(users.send(new GetObjectCommand({ Bucket, Key: 'task/stdout/3' })))).toMatchObject({
        status: 404,
      });
      expect((await failureOf(users.send(new ListObjectsV2Command({ Bucket })))).status).toBe(404);
      expect(
        (await failureOf(users.send(new PutObjectCommand({ Bucket, Key: 'task/stdout/3', Body: 'mine' })))).status,
      ).toBe(404);
    }
    await users.send(new CreateBucketCommand({ Bucket: AREA }));
    expect((await users.send(new ListObjectsV2Command({ Bucket: AREA }))).KeyCount).toBe(0);
    await users.send(new PutObjectCommand({ Bucket: AREA, Key: 'task/stdout/3', Body: 'mine' }));
    const kept = await service.send(new GetObjectCommand({ Bucket: AREA, Key: 'task/stdout/3' }));
    expect(await kept.Body?.transformToString()).toBe('hidden');
  });

  it('is all that its token opens', async () => {
    const diary = { Bucket: 'ada-private', Key: 'diary' };
    expect(await failureOf(service.send(new GetObjectCommand(diary)))).toEqual(denied);
    expect(await failureOf(service.send(new HeadObjectCommand(diary)))).toMatchObject({ status: 403 });
    expect(await failureOf(service.send(new PutObjectCommand({ ...diary, Body: 'x' })))).toEqual(denied);
    expect(await failureOf(service.send(new DeleteObjectCommand(diary)))).toEqual(denied);
    expect(
      await failureOf(
        service.send(new DeleteObjectsCommand({ Bucket: 'ada-private', Delete: { Objects: [{ Key: 'diary' }] } })),
      ),
    ).toEqual(denied);
    expect(await failureOf(service.send(new ListObjectsV2Command({ Bucket: AREA })))).toEqual(denied);
    expect(await failureOf(service.send(new ListBucketsCommand({})))).toEqual(denied);
    expect(await failureOf(service.send(new CreateBucketCommand({ Bucket: 'new-bucket' })))).toEqual(denied);
    expect(await failureOf(service.send(new CreateMultipartUploadCommand({ Bucket: AREA, Key: 'k' })))).toEqual(denied);
  });

  it('of lists of files is for reading alone', async () => {
    const claims = { service: 'snapshot', area: 'manifests', expiresAt: Date.now() + 60_000 } as const;
    const reader = clientOf(signServiceClaims(TEST_MASTER_KEY, claims));
    const place = { Bucket: 'fornax-manifests', Key: `task/${ada.account}/${'a'.repeat(64)}.json` };
    expect(await failureOf(reader.send(new GetObjectCommand(place)))).toMatchObject({ status: 404 });
    expect(await failureOf(reader.send(new PutObjectCommand({ ...place, Body: '{}' })))).toEqual(denied);
    expect(await failureOf(reader.send(new DeleteObjectCommand(place)))).toEqual(denied);
    expect(await failureOf(reader.send(new GetObjectCommand({ ...place, Bucket: AREA })))).toEqual(denied);
    expect(await failureOf(users.send(new GetObjectCommand(place)))).toMatchObject({ status: 404 });
  });

  it('closes when the token expires, and to a token of another key', async () => {
    const place = { Bucket: AREA, Key: 'task/stdout/4' };
    expect(await failureOf(submission(Date.now() - 1).send(new GetObjectCommand(place)))).toEqual(denied);
    const stranger = signServiceClaims(Buffer.alloc(32, 1), {
      service: 'submission',
      area: 'output',
      expiresAt: Date.now() + 60_000,
    });
    expect((await failureOf(clientOf(stranger).send(new GetObjectCommand(place)))).name).toBe('InvalidToken');
  });
});
