import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let s3: S3Client;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  s3 = storage.s3(ada);
  await s3.send(new CreateBucketCommand({ Bucket: 'ada-data' }));
}, 180_000);
afterAll(async () => storage.stop());

const put = (Bucket: string, Key: string, Body: string | Uint8Array) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body }));
const get = async (Bucket: string, Key: string, more: object = {}) => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, text: (await answer.Body?.transformToString()) ?? '' };
};
const fresh = async (name: string): Promise<string> => {
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return name;
};

describe('buckets over S3', () => {
  it('are created once for their owner, again without harm, and never for another', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'ada-data' }));
    await s3.send(
      new CreateBucketCommand({
        Bucket: 'ada-data',
        CreateBucketConfiguration: { LocationConstraint: 'default' as 'EU' },
      }),
    );
    const eve = storage.s3(await storage.user('eve@example.org'));
    expect(await failureOf(eve.send(new CreateBucketCommand({ Bucket: 'ada-data' })))).toEqual({
      name: 'BucketAlreadyExists',
      status: 409,
    });
    expect(await failureOf(eve.send(new ListObjectsV2Command({ Bucket: 'ada-data' })))).toEqual({
      name: 'AccessDenied',
      status: 403,
    });
    expect(await failureOf(eve.send(new PutObjectCommand({ Bucket: 'ada-data', Key: 'k', Body: 'x' })))).toEqual({
      name: 'AccessDenied',
      status: 403,
    });
    expect(await failureOf(eve.send(new GetObjectCommand({ Bucket: 'ada-data', Key: 'k' })))).toEqual({
      name: 'AccessDenied',
      status: 403,
    });
    expect((await eve.send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([]);
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toContain('ada-data');
  });

  it('are listed in pages, by a prefix', async () => {
    const [first, second] = [await fresh('ada-page-1'), await fresh('ada-page-2')];
    const one = await s3.send(new ListBucketsCommand({ Prefix: 'ada-page-', MaxBuckets: 1 }));
    expect([one.Buckets?.map(({ Name }) => Name), one.Prefix]).toEqual([[first], 'ada-page-']);
    const more = { Prefix: 'ada-page-', MaxBuckets: 1, ContinuationToken: one.ContinuationToken };
    const two = await s3.send(new ListBucketsCommand(more));
    expect([two.Buckets?.map(({ Name }) => Name), two.ContinuationToken]).toEqual([[second], undefined]);
    for (const Bucket of [first, second]) await s3.send(new DeleteBucketCommand({ Bucket }));
    expect((await storage.signed(ada, { path: '/?max-buckets=0' })).status).toBe(400);
  });

  it('have names by the rules', async () => {
    for (const Bucket of ['ab', '.lead', 'with space', 'ümlaut', 'x'.repeat(256)]) {
      expect(await failureOf(s3.send(new CreateBucketCommand({ Bucket })))).toEqual({
        name: 'InvalidBucketName',
        status: 400,
      });
    }
    for (const Bucket of ['input_houdini', 'meshroomIn', 'x'.repeat(255)]) {
      await s3.send(new CreateBucketCommand({ Bucket }));
      await put(Bucket, 'k', 'v');
      expect((await get(Bucket, 'k')).text).toBe('v');
      expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
      await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
      await s3.send(new DeleteBucketCommand({ Bucket }));
    }
  });

  it('say which one is missing', async () => {
    const answer = await storage.signed(ada, { path: '/no-such-bucket' });
    expect(answer.status).toBe(404);
    expect(answer.body).toContain('<Code>NoSuchBucket</Code>');
    expect(answer.body).toContain('<BucketName>no-such-bucket</BucketName>');
    expect(await failureOf(s3.send(new HeadBucketCommand({ Bucket: 'no-such-bucket' })))).toEqual({
      name: 'NotFound',
      status: 404,
    });
  });

  it('are deleted only when empty, and may then belong to somebody else', async () => {
    const Bucket = await fresh('ada-short-lived');
    await put(Bucket, 'k', 'v');
    expect(await failureOf(s3.send(new DeleteBucketCommand({ Bucket })))).toEqual({
      name: 'BucketNotEmpty',
      status: 409,
    });
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    expect(await failureOf(put(Bucket, 'k', 'v'))).toEqual({ name: 'NoSuchBucket', status: 404 });
    const bob = storage.s3(await storage.user('bob@example.org'));
    await bob.send(new CreateBucketCommand({ Bucket }));
    expect(await failureOf(s3.send(new HeadBucketCommand({ Bucket })))).toMatchObject({ status: 403 });
  });

  it('count their objects and bytes', async () => {
    const Bucket = await fresh('ada-counted');
    await put(Bucket, 'a', '12345');
    await put(Bucket, 'b', '123');
    await put(Bucket, 'b', '1');
    const { headers } = await storage.signed(ada, { method: 'HEAD', path: `/${Bucket}` });
    expect([headers['x-rgw-object-count'], headers['x-rgw-bytes-used']]).toEqual(['2', '6']);
  });

  it('stop at the quotas of the account', async () => {
    const poor = await storage.user('poor@example.org', { maxBuckets: 1, maxStorageBytes: 100 });
    const client = storage.s3(poor);
    await client.send(new CreateBucketCommand({ Bucket: 'poor-one' }));
    expect(await failureOf(client.send(new CreateBucketCommand({ Bucket: 'poor-two' })))).toEqual({
      name: 'TooManyBuckets',
      status: 400,
    });
    await client.send(new PutObjectCommand({ Bucket: 'poor-one', Key: 'a', Body: 'x'.repeat(60) }));
    expect(
      await failureOf(client.send(new PutObjectCommand({ Bucket: 'poor-one', Key: 'b', Body: 'x'.repeat(60) }))),
    ).toEqual({ name: 'QuotaExceeded', status: 403 });
  });

  it('have no versions, an owner and no configuration', async () => {
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket: 'ada-data' }))).Status).toBeUndefined();
    expect((await s3.send(new GetBucketAclCommand({ Bucket: 'ada-data' }))).Grants?.[0]?.Permission).toBe(
      'FULL_CONTROL',
    );
    expect((await storage.signed(ada, { path: '/ada-data?policy' })).body).toContain('NoSuchBucketPolicy');
    expect((await storage.signed(ada, { method: 'PUT', path: '/ada-data?policy', body: '{}' })).status).toBe(501);
  });
});

describe('objects over S3', () => {
  it('come back as they went, with type, metadata and MD5', async () => {
    const data = randomBytes(100_000);
    const md5 = createHash('md5').update(data).digest('hex');
    const written = await s3.send(
      new PutObjectCommand({
        Bucket: 'ada-data',
        Key: 'dir/a b+c&d.bin',
        Body: data,
        ContentType: 'image/png',
        Metadata: { color: 'blue' },
      }),
    );
    expect(written.ETag).toBe(`"${md5}"`);
    const answer = await s3.send(
      new GetObjectCommand({ Bucket: 'ada-data', Key: 'dir/a b+c&d.bin', ChecksumMode: 'ENABLED' }),
    );
    expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(data)).toBe(true);
    expect([answer.ContentType, answer.Metadata, answer.ContentLength]).toEqual([
      'image/png',
      { color: 'blue' },
      100_000,
    ]);
    const head = await s3.send(new HeadObjectCommand({ Bucket: 'ada-data', Key: 'dir/a b+c&d.bin' }));
    expect([head.ETag, head.ContentLength]).toEqual([`"${md5}"`, 100_000]);
  });

  it('are read in ranges', async () => {
    await put('ada-data', 'digits', '0123456789');
    for (const [Range, text, shown] of [
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-2', '89', 'bytes 8-9/10'],
      ['bytes=5-99', '56789', 'bytes 5-9/10'],
    ]) {
      const answer = await get('ada-data', 'digits', { Range });
      expect([answer.text, answer.ContentRange, answer.$metadata.httpStatusCode]).toEqual([text, shown, 206]);
    }
    expect(await failureOf(get('ada-data', 'digits', { Range: 'bytes=10-' }))).toEqual({
      name: 'InvalidRange',
      status: 416,
    });
    expect((await get('ada-data', 'digits', { Range: 'bytes=a-b' })).text).toBe('0123456789');
  });

  it('have no tags, and a range may end beyond everything', async () => {
    await put('ada-data', 'tagless', '0123456789');
    const tags = await s3.send(new GetObjectTaggingCommand({ Bucket: 'ada-data', Key: 'tagless' }));
    expect(tags.TagSet ?? []).toEqual([]);
    expect((await get('ada-data', 'tagless', { Range: 'bytes=5-9223372036854775807' })).text).toBe('56789');
    expect((await get('ada-data', 'tagless', { Range: 'bytes=-9223372036854775807' })).text).toBe('0123456789');
    expect(await failureOf(get('ada-data', 'tagless', { Range: 'bytes=9223372036854775807-' }))).toMatchObject({
      status: 416,
    });
    expect((await storage.signed(ada, { path: '/ada-data?marker=%00' })).status).toBe(400);
    const listed = await s3.send(new ListObjectsCommand({ Bucket: 'ada-data', Prefix: 'tagless' }));
    expect(listed.Contents?.[0]?.Owner?.DisplayName).toBe('ada@example.org');
  });

  it('obey conditions', async () => {
    const { ETag } = await put('ada-data', 'cond', 'v');
    expect((await get('ada-data', 'cond', { IfMatch: ETag })).text).toBe('v');
    expect(await failureOf(get('ada-data', 'cond', { IfMatch: '"other"' }))).toMatchObject({ status: 412 });
    expect(await failureOf(get('ada-data', 'cond', { IfNoneMatch: ETag }))).toMatchObject({ status: 304 });
    expect(await failureOf(get('ada-data', 'cond', { IfModifiedSince: new Date(Date.now() + 10_000) }))).toMatchObject({
      status: 304,
    });
    expect(
      await failureOf(s3.send(new PutObjectCommand({ Bucket: 'ada-data', Key: 'cond', Body: 'w', IfNoneMatch: '*' }))),
    ).toMatchObject({ status: 412 });
  });

  it('are missed by name', async () => {
    expect(await failureOf(get('ada-data', 'nothing'))).toEqual({ name: 'NoSuchKey', status: 404 });
    expect(await failureOf(get('nobody-s-bucket', 'nothing'))).toEqual({ name: 'NoSuchBucket', status: 404 });
    await s3.send(new DeleteObjectCommand({ Bucket: 'ada-data', Key: 'nothing' }));
  });

  it('are copied, with their metadata or other', async () => {
    await s3.send(new PutObjectCommand({ Bucket: 'ada-data', Key: 'orig é', Body: 'copied', Metadata: { a: '1' } }));
    const CopySource = `ada-data/${encodeURIComponent('orig é')}`;
    const done = await s3.send(new CopyObjectCommand({ Bucket: 'ada-data', Key: 'copy', CopySource }));
    expect(done.CopyObjectResult?.ETag).toBe(`"${createHash('md5').update('copied').digest('hex')}"`);
    await s3.send(
      new CopyObjectCommand({
        Bucket: 'ada-data',
        Key: 'copy2',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
      }),
    );
    expect([(await get('ada-data', 'copy')).Metadata, (await get('ada-data', 'copy2')).Metadata]).toEqual([
      { a: '1' },
      { b: '2' },
    ]);
    expect(
      await failureOf(s3.send(new CopyObjectCommand({ Bucket: 'ada-data', Key: 'orig é', CopySource }))),
    ).toMatchObject({ name: 'InvalidRequest' });
    expect(
      await failureOf(s3.send(new CopyObjectCommand({ Bucket: 'ada-data', Key: 'x', CopySource: 'ada-data/none' }))),
    ).toMatchObject({ name: 'NoSuchKey' });
  });

  it('are deleted in numbers, quietly or not, also none at all', async () => {
    const Bucket = await fresh('ada-deletes');
    for (const Key of ['a', 'b<&>"\'', ' c ']) await put(Bucket, Key, 'x');
    const loud = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'a' }, { Key: 'b<&>"\'', VersionId: 'null' }] } }),
    );
    expect(loud.Deleted?.map(({ Key }) => Key)).toEqual(['a', 'b<&>"\'']);
    const quiet = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Quiet: true, Objects: [{ Key: ' c ' }, { Key: 'never' }] } }),
    );
    expect(quiet.Deleted ?? []).toEqual([]);
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    await put(Bucket, 'current', 'x');
    const older = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'current', VersionId: 'older' }, { Key: 'a' }] } }),
    );
    expect(older.Deleted?.map(({ Key }) => Key)).toEqual(['a']);
    expect(older.Errors).toMatchObject([{ Key: 'current', VersionId: 'older', Code: 'NoSuchVersion' }]);
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
    const none = await storage.signed(ada, {
      method: 'POST',
      path: `/${Bucket}?delete`,
      body: '<Delete><Quiet>true</Quiet></Delete>',
    });
    expect(none.status).toBe(200);
  });

  it('are streamed with signed chunks of unknown content and with trailing checksums', async () => {
    const data = randomBytes(300_000);
    const chunks = async function* () {
      for (let at = 0; at < data.length; at += 50_000) yield data.subarray(at, at + 50_000);
    };
    for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const) {
      await s3.send(
        new PutObjectCommand({
          Bucket: 'ada-data',
          Key: `streamed-${ChecksumAlgorithm}`,
          Body: Readable.from(chunks()),
          ContentLength: data.length,
          ChecksumAlgorithm,
        }),
      );
      const answer = await s3.send(new GetObjectCommand({ Bucket: 'ada-data', Key: `streamed-${ChecksumAlgorithm}` }));
      expect(Buffer.from((await answer.Body?.transformToByteArray()) ?? []).equals(data)).toBe(true);
    }
  });
});

describe('listings over S3', () => {
  const keys = ['a/1', 'a/2', 'b', 'c d/é', 'c d/\u{1f600}', 'e+f', 'z'];
  beforeAll(async () => {
    await fresh('ada-listed');
    for (const key of keys) await put('ada-listed', key, key);
  });

  it('of version 2 come in pages with tokens', async () => {
    const seen: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page: Awaited<ReturnType<typeof list>> = await list(ContinuationToken);
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(seen).toEqual(keys);
  });
  const list = (ContinuationToken: string | undefined) =>
    s3.send(
      new ListObjectsV2Command({
        Bucket: 'ada-listed',
        MaxKeys: 2,
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      }),
    );

  it('of version 1 name their next marker, also without a delimiter', async () => {
    const page = await s3.send(new ListObjectsCommand({ Bucket: 'ada-listed', MaxKeys: 3 }));
    expect([page.IsTruncated, page.NextMarker]).toEqual([true, 'b']);
    const rest = await s3.send(new ListObjectsCommand({ Bucket: 'ada-listed', Marker: 'b' }));
    expect([rest.IsTruncated, rest.NextMarker, rest.Contents?.length]).toEqual([false, undefined, 4]);
  });

  it('roll up at delimiters, encode on demand, and may be empty', async () => {
    const rolled = await s3.send(new ListObjectsV2Command({ Bucket: 'ada-listed', Delimiter: '/' }));
    expect(rolled.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['a/', 'c d/']);
    expect(rolled.Contents?.map(({ Key }) => Key)).toEqual(['b', 'e+f', 'z']);
    const encoded = await s3.send(
      new ListObjectsCommand({ Bucket: 'ada-listed', EncodingType: 'url', Prefix: 'c d/' }),
    );
    expect(encoded.Contents?.map(({ Key }) => Key)).toEqual(['c%20d/%C3%A9', 'c%20d/%F0%9F%98%80']);
    expect((await s3.send(new ListObjectsV2Command({ Bucket: 'ada-listed', MaxKeys: 0 }))).Contents ?? []).toEqual([]);
    expect((await storage.signed(ada, { path: '/ada-listed?max-keys=x' })).status).toBe(400);
  });

  it('of versions show each object once', async () => {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: 'ada-listed', MaxKeys: 5 }));
    expect(page.Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual(
      Array.from({ length: 5 }, () => ['null', true]),
    );
    expect([page.IsTruncated, page.NextKeyMarker]).toEqual([true, keys[4]]);
  });
});

describe('uploads in parts over S3', () => {
  const Bucket = 'ada-data';
  it('join with the classic ETag, again if the answer was lost', async () => {
    const Key = 'parts/big';
    const parts = [randomBytes(5 * 1024 * 1024), randomBytes(1000)];
    const { UploadId } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32', Metadata: { m: '1' } }),
    );
    const done = await Promise.all(
      parts.map(async (Body, at) => ({
        PartNumber: at + 1,
        ETag: (await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: at + 1, Body }))).ETag,
      })),
    );
    expect((await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }))).Parts?.map(({ Size }) => Size)).toEqual([
      5 * 1024 * 1024,
      1000,
    ]);
    expect(
      (await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.map((upload) => upload.UploadId),
    ).toContain(UploadId);
    const completed = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: done } }),
    );
    const again = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: done } }),
    );
    expect(again.ETag).toBe(completed.ETag);
    expect(
      await failureOf(
        s3.send(
          new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: done.slice(0, 1) } }),
        ),
      ),
    ).toMatchObject({ name: 'NoSuchUpload' });
    const md5s = parts.map((part) => createHash('md5').update(part).digest());
    expect(completed.ETag).toBe(`"${createHash('md5').update(Buffer.concat(md5s)).digest('hex')}-2"`);
    const whole = await s3.send(new GetObjectCommand({ Bucket, Key }));
    expect(Buffer.from((await whole.Body?.transformToByteArray()) ?? []).equals(Buffer.concat(parts))).toBe(true);
    expect(whole.Metadata).toEqual({ m: '1' });
  });

  it('take parts from other objects', async () => {
    await put(Bucket, 'source', '0123456789');
    const Key = 'parts/copied';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key,
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/source`,
        CopySourceRange: 'bytes=3-5',
      }),
    );
    await s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key,
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: CopyPartResult?.ETag }] },
      }),
    );
    expect((await get(Bucket, Key)).text).toBe('345');
  });

  it('are aborted, and refuse what does not fit', async () => {
    const Key = 'parts/aborted';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    expect(
      await failureOf(
        s3.send(
          new CompleteMultipartUploadCommand({
            Bucket,
            Key,
            UploadId,
            MultipartUpload: { Parts: [{ PartNumber: 1, ETag: '"nope"' }] },
          }),
        ),
      ),
    ).toMatchObject({ name: 'InvalidPart', status: 400 });
    expect(
      await failureOf(s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 10_001, Body: 'x' }))),
    ).toMatchObject({ status: 400 });
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    expect(await failureOf(s3.send(new ListPartsCommand({ Bucket, Key, UploadId })))).toMatchObject({
      name: 'NoSuchUpload',
      status: 404,
    });
    expect(
      await failureOf(s3.send(new UploadPartCommand({ Bucket, Key, UploadId: 'made-up', PartNumber: 1, Body: 'x' }))),
    ).toMatchObject({ name: 'NoSuchUpload' });
  });
});
