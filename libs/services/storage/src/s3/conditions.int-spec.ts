import * as sdk from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

const Bucket = 'conditions';
let storage: StorageUnderTest;
let ada: TestUser;
let s3: sdk.S3Client;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  s3 = storage.s3(ada);
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => storage.stop());

const put = async (Key: string, Body: string, more: Partial<sdk.PutObjectCommandInput> = {}): Promise<string> =>
  (await s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body, ...more }))).ETag ?? '';
const textOf = async (Key: string): Promise<string | undefined> =>
  (await s3.send(new sdk.GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

describe('conditions of requests that change something', () => {
  it('hold for a deletion, or it deletes nothing', async () => {
    const ETag = await put('k', 'value');
    const { LastModified } = await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: 'k' }));
    const remove = (more: Partial<sdk.DeleteObjectCommandInput>) =>
      s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: 'k', ...more }));
    for (const more of [
      { IfMatch: '"other"' },
      { IfMatchSize: 6 },
      { IfMatchLastModifiedTime: new Date(0) },
      { IfMatch: ETag, IfMatchSize: 6 },
    ])
      expect(await failureOf(remove(more))).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    expect(await textOf('k')).toBe('value');
    await remove({ IfMatch: ETag, IfMatchSize: 5, ...(LastModified ? { IfMatchLastModifiedTime: LastModified } : {}) });
    expect(await failureOf(textOf('k'))).toMatchObject({ status: 404 });
    await remove({ IfMatch: ETag });
  });

  it('hold for each object of a deletion of many', async () => {
    const ETag = await put('kept', 'value');
    for (const key of ['by-etag', 'by-size', 'plain']) await put(key, 'value');
    const Objects = [
      { Key: 'kept', ETag: '"other"' },
      { Key: 'by-etag', ETag },
      { Key: 'by-size', Size: 5 },
      { Key: 'plain' },
      { Key: 'absent', ETag: '"other"' },
    ];
    const { Deleted, Errors } = await s3.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['by-etag', 'by-size', 'plain', 'absent']);
    expect(Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([['kept', 'PreconditionFailed']]);
    const { Contents } = await s3.send(new sdk.ListObjectsV2Command({ Bucket }));
    expect(Contents?.map(({ Key }) => Key)).toEqual(['kept']);
    const body = '<Delete><Object><Key>kept</Key><Size>many</Size></Object></Delete>';
    const answer = await storage.signed(ada, { method: 'POST', path: `/${Bucket}?delete`, body });
    expect([answer.status, await textOf('kept')]).toEqual([400, 'value']);
  });

  it('hold for the target of a copy, with or without another checksum', async () => {
    const source = await put('from', 'source');
    const old = await put('to', 'old');
    const copy = (more: Partial<sdk.CopyObjectCommandInput>) =>
      s3.send(new sdk.CopyObjectCommand({ Bucket, Key: 'to', CopySource: `${Bucket}/from`, ...more }));
    for (const ChecksumAlgorithm of [undefined, 'SHA1'] as const) {
      const checksum = ChecksumAlgorithm ? { ChecksumAlgorithm } : {};
      expect((await failureOf(copy({ IfNoneMatch: '*', ...checksum }))).status).toBe(412);
      expect((await failureOf(copy({ IfMatch: source, ...checksum }))).status).toBe(412);
    }
    expect(await textOf('to')).toBe('old');
    await copy({ IfMatch: old, ChecksumAlgorithm: 'SHA1' });
    expect(await textOf('to')).toBe('source');
  });

  it('hold for a write that is not to replace certain objects', async () => {
    const first = await put('unlike', 'first', { IfNoneMatch: '"other"' });
    expect(await failureOf(put('unlike', 'second', { IfNoneMatch: `"other", ${first}` }))).toMatchObject({
      status: 412,
    });
    await put('unlike', 'third', { IfNoneMatch: '"other"' });
    expect(await textOf('unlike')).toBe('third');
    // Twelve at once over the same object: the row decides, and one replaces it.
    const now = await put('raced', 'before');
    const tries = Array.from({ length: 12 }, (_, at) => put('raced', `writer ${at}`, { IfMatch: now }));
    const ends = await Promise.all(tries.map((one) => failureOf(one)));
    expect(ends.filter(({ name }) => name === 'none')).toHaveLength(1);
  });

  it('include whose a bucket is expected to be', async () => {
    const [mine, other] = [{ ExpectedBucketOwner: ada.account }, { ExpectedBucketOwner: 'somebody' }];
    const denied = { status: 403 };
    await put('owned', 'value', mine);
    expect(await failureOf(put('owned', 'other', other))).toMatchObject(denied);
    expect(await failureOf(s3.send(new sdk.ListObjectsV2Command({ Bucket, ...other })))).toMatchObject(denied);
    const copy = (more: Partial<sdk.CopyObjectCommandInput>) =>
      s3.send(new sdk.CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/owned`, ...more }));
    expect(await failureOf(copy({ ExpectedSourceBucketOwner: 'somebody' }))).toMatchObject(denied);
    await copy({ ...mine, ExpectedSourceBucketOwner: ada.account });
    expect(await textOf('copy')).toBe('value');
  });
});
