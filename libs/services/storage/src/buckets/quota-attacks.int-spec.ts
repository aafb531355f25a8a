import { request } from 'node:http';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failureOf, signedHeaders, StorageUnderTest, type TestUser } from '../storage.fixture.js';
import { StorageUsage } from './storage-usage.js';

const MAX_BYTES = 1_000;
const MAX_OBJECTS = 10;

let storage: StorageUnderTest;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
}, 120_000);
afterAll(() => storage.stop());

/** Somebody with little room, and a bucket of that name. */
const poor = async (Bucket: string): Promise<{ readonly user: TestUser; readonly s3: S3Client }> => {
  const user = await storage.user(`${Bucket}@example.org`, { maxStorageBytes: MAX_BYTES, maxObjects: MAX_OBJECTS });
  const s3 = storage.s3(user);
  await s3.send(new CreateBucketCommand({ Bucket }));
  return { user, s3 };
};
const used = ({ account: id }: TestUser) => storage.app.app.get(StorageUsage).of({ kind: 'user', id });
const expectWithin = async (user: TestUser): Promise<void> => {
  const { bytes, objects } = await used(user);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  expect(objects).toBeLessThanOrEqual(MAX_OBJECTS);
};
const put = (s3: S3Client, Bucket: string, Key: string, bytes: number) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x'.repeat(bytes) }));
const nameOf = async (attempt: Promise<unknown>): Promise<string> => (await failureOf(attempt)).name;
const all = <T>(count: number, one: (n: number) => Promise<T>): Promise<readonly T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => one(n)));

describe('a quota holds', () => {
  it('against parts of many uploads at once, parts that are sent again, and uploads without any', async () => {
    const Bucket = 'attack-parts';
    const { user, s3 } = await poor(Bucket);
    const uploads = await all(30, (n) =>
      s3.send(new CreateMultipartUploadCommand({ Bucket, Key: `k${n}` })).then(
        ({ UploadId }) => [{ Bucket, Key: `k${n}`, UploadId }],
        () => [],
      ),
    );
    await expectWithin(user);
    const begun = uploads.flat();
    expect(begun).toHaveLength(MAX_OBJECTS);
    const parts = await Promise.all(
      begun.map(async (upload) =>
        all(8, (n) =>
          s3.send(new UploadPartCommand({ ...upload, PartNumber: 1 + (n % 2), Body: 'x'.repeat(100) })).then(
            ({ ETag }) => [{ PartNumber: 1 + (n % 2), ETag }],
            () => [],
          ),
        ),
      ),
    );
    await expectWithin(user);
    expect((await used(user)).bytes).toBeGreaterThan(0);
    await Promise.all(
      begun.map((upload, at) =>
        s3
          .send(
            new CompleteMultipartUploadCommand({
              ...upload,
              MultipartUpload: {
                Parts:
                  parts[at]
                    ?.flat()
                    .filter(({ PartNumber }) => PartNumber === 1)
                    .slice(0, 1) ?? [],
              },
            }),
          )
          .catch(() => undefined),
      ),
    );
    await expectWithin(user);
  });

  it('against uploads in parts that would take the place of an object, each of which is one more until it is complete', async () => {
    const Bucket = 'replacing';
    const { user, s3 } = await poor(Bucket);
    for (let n = 0; n < MAX_OBJECTS - 1; n += 1) await put(s3, Bucket, `k${n}`, 1);
    const begin = () => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k0' }));
    const names = await all(12, () =>
      begin().then(
        () => 'begun',
        ({ name }: Error) => name,
      ),
    );
    expect(names.filter((name) => name === 'begun')).toHaveLength(1);
    expect(await nameOf(begin())).toBe('QuotaExceeded');
    await expectWithin(user);
  });

  it('against uploads that break off, whose room is free again', async () => {
    const Bucket = 'attack-broken';
    const { user, s3 } = await poor(Bucket);
    const path = `/${Bucket}/broken`;
    const signed = {
      method: 'PUT',
      path,
      payloadHash: 'UNSIGNED-PAYLOAD',
      accessKey: user.email,
      secretKey: user.token,
    };
    const headers = { ...signedHeaders(storage.port, signed), 'content-length': '900' };
    await all(5, async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const message = request({ host: '127.0.0.1', port: storage.port, method: 'PUT', path, headers, agent: false });
      message.on('error', () => resolve());
      message.on('response', () => resolve());
      message.write('x'.repeat(100), () => message.destroy());
      await promise;
    });
    await eventually(async () => (await nameOf(put(s3, Bucket, 'after', 900))) === 'none');
    await expectWithin(user);
  });

  it.each([
    ['a negative length', { 'content-length': '100', 'x-amz-decoded-content-length': '-500' }],
    ['no length', { 'transfer-encoding': 'chunked' }],
    ['a length that is smaller than what comes', { 'x-amz-decoded-content-length': '1' }],
    ['a length in another notation', { 'x-amz-decoded-content-length': '1e1' }],
  ])('against %s', async (_what, lengths) => {
    const Bucket = `attack-${Object.values(lengths)
      .join('')
      .replace(/[^a-z0-9]/g, '')}`;
    const { user } = await poor(Bucket);
    const path = `/${Bucket}/k`;
    const isChunked = 'x-amz-decoded-content-length' in lengths;
    const body = isChunked ? `1f4\r\n${'x'.repeat(500)}\r\n0\r\n\r\n` : 'x'.repeat(500);
    const payloadHash = isChunked ? 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' : 'UNSIGNED-PAYLOAD';
    const answer = await storage.signed(user, {
      method: 'PUT',
      path,
      payloadHash,
      headers: { ...(isChunked ? { 'content-encoding': 'aws-chunked' } : {}) },
      body,
      tamper: lengths,
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await used(user)).toMatchObject({ bytes: 0, objects: 0 });
  });

  it('against copies of an object that grows between the look and the copy', async () => {
    const Bucket = 'attack-copies';
    const { user, s3 } = await poor(Bucket);
    const rich = await storage.user('rich@example.org');
    await storage.s3(rich).send(new CreateBucketCommand({ Bucket: 'rich-source' }));
    const grantee = { kind: 'user' as const, id: user.account };
    const granted = {
      type: 'BucketGranted',
      bucket: 'rich-source',
      owner: rich.account,
      grantee,
      access: 'read',
    } as const;
    await storage.append('bucket', 'rich-source', [{ ...granted, at: Date.now() }]);
    const source = storage.s3(rich);
    await put(source, 'rich-source', 'k', 1);
    await eventually(
      async () => (await nameOf(s3.send(new HeadObjectCommand({ Bucket: 'rich-source', Key: 'k' })))) === 'none',
    );
    const outcomes = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      const growing = all(6, (n) => put(source, 'rich-source', 'k', n % 2 === 0 ? 100_000 + n : 1 + n));
      const copied = await all(6, (n) =>
        nameOf(
          n % 2 === 0
            ? s3.send(new CopyObjectCommand({ Bucket, Key: `c${n}`, CopySource: 'rich-source/k' }))
            : s3.send(new CreateMultipartUploadCommand({ Bucket, Key: `p${n}` })).then(({ UploadId }) =>
                s3.send(
                  new UploadPartCopyCommand({
                    Bucket,
                    Key: `p${n}`,
                    UploadId,
                    PartNumber: 1,
                    CopySource: 'rich-source/k',
                  }),
                ),
              ),
        ),
      );
      await growing;
      for (const name of copied) outcomes.add(name);
      await expectWithin(user);
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(['none']));
  });

  it('against deletions meanwhile, and objects that take each other’s place', async () => {
    const Bucket = 'attack-deletions';
    const { user, s3 } = await poor(Bucket);
    for (let n = 0; n < MAX_OBJECTS; n += 1) await put(s3, Bucket, `k${n}`, 1);
    for (let round = 0; round < 4; round += 1) {
      await Promise.all([
        all(12, (n) => put(s3, Bucket, `k${n % MAX_OBJECTS}`, 20).catch(() => undefined)),
        all(6, (n) => s3.send(new DeleteObjectCommand({ Bucket, Key: `k${n}` }))),
        all(12, (n) => put(s3, Bucket, `new-${round}-${n}`, 20).catch(() => undefined)),
      ]);
      await expectWithin(user);
    }
  });
});
