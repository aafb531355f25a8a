import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { RpcClient } from '@fornax/base';
import { RPC, storageUsageReplySchema } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { begin, failureOf, signedHeaders, StorageUnderTest, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
}, 120_000);
afterAll(() => storage.stop());

const fine = { name: 'none', status: undefined };
const full = { name: 'QuotaExceeded', status: 403 };
const sixty = 'x'.repeat(60);

const usedBytes = async ({ account }: TestUser): Promise<number> =>
  (await storage.app.app.get(RpcClient).request(RPC.storageUsage, { owner: account }, storageUsageReplySchema))
    .usedBytes;

describe('the quota of bytes', () => {
  it('counts parts of uploads that are not complete', async () => {
    const Bucket = 'quota-parts';
    const user = await storage.poor(Bucket);
    const s3 = storage.s3(user);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k' }));
    await s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: sixty }));
    expect(await usedBytes(user)).toBe(60);
    expect(await failureOf(s3.send(new PutObjectCommand({ Bucket, Key: 'other', Body: sixty })))).toEqual(full);
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'k', UploadId }));
    expect(await usedBytes(user)).toBe(0);
    // What was given up is seen by the next count.
    await eventually(
      async () =>
        (await failureOf(s3.send(new PutObjectCommand({ Bucket, Key: 'other', Body: sixty })))).name === 'none',
    );
  });

  it('counts staged results against the owner of their bucket, whole and in parts', async () => {
    const Bucket = 'quota-staged';
    const [user, other] = [await storage.poor(Bucket), await storage.poor('quota-beside')];
    const lease = storage.lease(storage.newLease(user, Bucket));
    await lease.send(new PutObjectCommand({ Bucket, Key: 'r', Body: 'x'.repeat(20) }));
    expect([await usedBytes(user), await usedBytes(other)]).toEqual([20, 0]);
    const { UploadId } = await lease.send(new CreateMultipartUploadCommand({ Bucket, Key: 'p' }));
    await lease.send(new UploadPartCommand({ Bucket, Key: 'p', UploadId, PartNumber: 1, Body: sixty }));
    expect([await usedBytes(user), await usedBytes(other)]).toEqual([80, 0]);
    expect(await failureOf(storage.s3(user).send(new PutObjectCommand({ Bucket, Key: 'o', Body: sixty })))).toEqual(
      full,
    );
  });

  it('is kept for an upload until it has ended, and given back when it fails', async () => {
    const Bucket = 'quota-flight';
    const user = await storage.poor(Bucket);
    const put = (Key: string) => failureOf(storage.s3(user).send(new PutObjectCommand({ Bucket, Key, Body: sixty })));
    const path = `/${Bucket}/slow`;
    const keys = { accessKey: user.email, secretKey: user.token };
    const headers = signedHeaders(storage.port, { method: 'PUT', path, body: sixty, ...keys });
    const sendBody = await begin(storage.port, { path, headers, body: 'y'.repeat(60) });
    expect(await put('beside')).toEqual(full);
    expect((await sendBody()).body).toContain('XAmzContentSHA256Mismatch');
    expect(await put('after')).toEqual(fine);
    expect(await usedBytes(user)).toBe(60);
  });
});
