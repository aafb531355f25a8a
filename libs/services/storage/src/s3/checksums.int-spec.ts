import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { MIN_PART_BYTES } from '@fornax/object-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser, failureOf } from '../storage.fixture.js';
import { CHECKSUMS } from './checksums.js';

let storage: StorageUnderTest;
let ada: TestUser;
let s3: sdk.S3Client;
const Bucket = 'ada-checksums';

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  s3 = storage.s3(ada, { requestChecksumCalculation: 'WHEN_REQUIRED' });
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => {
  s3.destroy();
  await storage.stop();
});

const checksum = (algorithm: string, data: Uint8Array): string => {
  const running = CHECKSUMS.get(algorithm)?.();
  running?.update(data);
  return running?.digest() ?? '';
};
const put = (path: string, headers: Readonly<Record<string, string>>, body: string | Uint8Array, query = '') =>
  storage.signed(ada, { method: 'PUT', path: `/${Bucket}/${path}${query}`, headers, body });
const codeOf = ({ status, body }: { readonly status: number; readonly body: string }) => [
  status,
  /<Code>(\w+)<\/Code>/.exec(body)?.[1],
];
const headOf = async (key: string) => {
  const headers = { 'x-amz-checksum-mode': 'ENABLED' };
  return (await storage.signed(ada, { method: 'HEAD', path: `/${Bucket}/${key}`, headers })).headers;
};
const attributesOf = (Key: string) =>
  s3.send(
    new sdk.GetObjectAttributesCommand({
      Bucket,
      Key,
      ObjectAttributes: ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'],
    }),
  );

describe('checksums of objects', () => {
  it.each([...CHECKSUMS.keys()])('are verified, kept, and given back to who asks: %s', async (algorithm) => {
    const [name, data] = [`x-amz-checksum-${algorithm}`, Buffer.from('payload')];
    const value = checksum(algorithm, data);
    const written = await put(`k-${algorithm}`, { [name]: value }, data);
    expect([written.status, written.headers[name], written.headers['x-amz-checksum-type']]).toEqual([
      200,
      value,
      'FULL_OBJECT',
    ]);
    const wrong = checksum(algorithm, Buffer.from('other'));
    expect(codeOf(await put(`k-${algorithm}`, { [name]: wrong }, 'new'))).toEqual([400, 'BadDigest']);
    expect(codeOf(await put(`k-${algorithm}`, { [name]: 'AAAA' }, data))).toEqual([400, 'BadDigest']);
    const { [name]: kept, 'x-amz-checksum-type': type } = await headOf(`k-${algorithm}`);
    expect([kept, type]).toEqual([value, 'FULL_OBJECT']);
    const unasked = await storage.signed(ada, { path: `/${Bucket}/k-${algorithm}` });
    expect([unasked.body, unasked.headers[name]]).toEqual(['payload', undefined]);
  });

  it('are not those of a part of the object', async () => {
    const headers = { 'x-amz-checksum-mode': 'ENABLED', range: 'bytes=0-2' };
    const answer = await storage.signed(ada, { path: `/${Bucket}/k-crc32`, headers });
    expect([answer.status, answer.headers['x-amz-checksum-crc32']]).toEqual([206, undefined]);
  });

  it('come behind the content when they are announced, and nothing else does', async () => {
    const value = checksum('crc64nvme', Buffer.from('payload'));
    const send = (trailer: string, announced: Readonly<Record<string, string>>) =>
      storage.signed(ada, {
        method: 'PUT',
        path: `/${Bucket}/trailed`,
        payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers: { 'x-amz-decoded-content-length': '7', 'content-encoding': 'aws-chunked', ...announced },
        body: `7\r\npayload\r\n0\r\n${trailer}\r\n`,
      });
    const announced = { 'x-amz-trailer': 'x-amz-checksum-crc64nvme' };
    const none = await send(`x-amz-checksum-crc64nvme:${value}\r\n`, {});
    expect(codeOf(none)).toEqual([400, 'MalformedTrailerError']);
    expect(codeOf(await send(`x-amz-checksum-crc32:AAAAAA==\r\n`, announced))[1]).toBe('MalformedTrailerError');
    expect(codeOf(await send('', announced))[1]).toBe('MalformedTrailerError');
    const other = checksum('crc64nvme', Buffer.from('x'));
    expect(codeOf(await send(`x-amz-checksum-crc64nvme:${other}\r\n`, announced))[1]).toBe('BadDigest');
    expect((await storage.signed(ada, { method: 'HEAD', path: `/${Bucket}/trailed` })).status).toBe(404);
    expect((await send(`x-amz-checksum-crc64nvme:${value}\r\n`, announced)).status).toBe(200);
    const { 'x-amz-checksum-crc64nvme': kept, 'content-encoding': encoding } = await headOf('trailed');
    expect([kept, encoding]).toEqual([value, undefined]);
  });

  it('are one at a time, of an algorithm that is computed here', async () => {
    const two = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-sha1': checksum('sha1', Buffer.alloc(0)) };
    expect(codeOf(await put('two', two, ''))).toEqual([400, 'InvalidRequest']);
    const said = { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-sdk-checksum-algorithm': 'SHA1' };
    expect(codeOf(await put('two', said, ''))).toEqual([400, 'InvalidRequest']);
    expect(codeOf(await put('two', { 'x-amz-checksum-xxhash3': 'AAAA' }, ''))).toEqual([501, 'NotImplemented']);
    expect(codeOf(await put('two', { 'x-amz-sdk-checksum-algorithm': 'XXHASH64' }, ''))[1]).toBe('NotImplemented');
    // Named and not sent: it is computed.
    expect((await put('named', { 'x-amz-sdk-checksum-algorithm': 'SHA512' }, 'payload')).status).toBe(200);
    expect((await headOf('named'))['x-amz-checksum-sha512']).toBe(checksum('sha512', Buffer.from('payload')));
  });

  it('go along with a copy, or are computed for it', async () => {
    const copy = (Key: string, ChecksumAlgorithm?: sdk.ChecksumAlgorithm) =>
      s3.send(
        new sdk.CopyObjectCommand({
          Bucket,
          Key,
          CopySource: `${Bucket}/k-sha256`,
          ...(ChecksumAlgorithm ? { ChecksumAlgorithm } : {}),
        }),
      );
    const [sha256, crc32c] = ['sha256', 'crc32c'].map((name) => checksum(name, Buffer.from('payload')));
    expect((await copy('copied')).CopyObjectResult?.ChecksumSHA256).toBe(sha256);
    expect((await headOf('copied'))['x-amz-checksum-sha256']).toBe(sha256);
    expect((await copy('other', 'CRC32C')).CopyObjectResult?.ChecksumCRC32C).toBe(crc32c);
    expect((await headOf('other'))['x-amz-checksum-crc32c']).toBe(crc32c);
    expect((await attributesOf('other')).Checksum).toEqual({ ChecksumCRC32C: crc32c, ChecksumType: 'FULL_OBJECT' });
  });
});

describe('checksums of uploads in parts', () => {
  const [one, two] = [Buffer.alloc(MIN_PART_BYTES, 'a'), Buffer.from('the end')];
  const whole = Buffer.concat([one, two]);

  const begin = async (Key: string, more: Partial<sdk.CreateMultipartUploadCommandInput>) => {
    const { UploadId, ...begun } = await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key, ...more }));
    const upload = { Bucket, Key, UploadId };
    const part = (PartNumber: number, Body: Uint8Array, headers: object = {}) =>
      s3.send(new sdk.UploadPartCommand({ ...upload, PartNumber, Body, ...headers }));
    const complete = (Parts: sdk.CompletedPart[], headers: object = {}) =>
      s3.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...headers }));
    return { begun, upload, part, complete };
  };

  it('are joined to that of the whole object, and compared with it', async () => {
    const { begun, part, complete } = await begin('full', { ChecksumAlgorithm: 'CRC64NVME' });
    expect([begun.ChecksumAlgorithm, begun.ChecksumType]).toEqual(['CRC64NVME', 'FULL_OBJECT']);
    const parts = [
      { PartNumber: 1, ETag: (await part(1, one)).ETag },
      { PartNumber: 2, ETag: (await part(2, two)).ETag },
    ];
    const value = checksum('crc64nvme', whole);
    const wrong = await failureOf(complete(parts, { ChecksumCRC64NVME: checksum('crc64nvme', one) }));
    expect(wrong).toEqual({ name: 'BadDigest', status: 400 });
    expect((await failureOf(complete(parts, { ChecksumType: 'COMPOSITE' }))).name).toBe('InvalidRequest');
    expect((await failureOf(complete(parts, { MpuObjectSize: 5 }))).name).toBe('InvalidRequest');
    const done = await complete(parts, { ChecksumCRC64NVME: value, MpuObjectSize: whole.byteLength });
    expect([done.ChecksumCRC64NVME, done.ChecksumType]).toEqual([value, 'FULL_OBJECT']);
    expect((await headOf('full'))['x-amz-checksum-crc64nvme']).toBe(value);
  });

  it('make one of their own where they are hashes, and each is what the client has noted', async () => {
    const { begun, upload, part, complete } = await begin('composite', { ChecksumAlgorithm: 'SHA256' });
    expect(begun.ChecksumType).toBe('COMPOSITE');
    const [first, second] = [checksum('sha256', one), checksum('sha256', two)];
    expect((await failureOf(part(1, one, { ChecksumSHA256: second }))).name).toBe('BadDigest');
    expect((await failureOf(part(1, one, { ChecksumCRC32: checksum('crc32', one) }))).name).toBe('InvalidRequest');
    const sent = await part(1, one, { ChecksumSHA256: first });
    expect(sent.ChecksumSHA256).toBe(first);
    const computed = await part(2, two);
    expect(computed.ChecksumSHA256).toBe(second);
    const listed = await s3.send(new sdk.ListPartsCommand(upload));
    expect([listed.ChecksumAlgorithm, listed.Parts?.map(({ ChecksumSHA256 }) => ChecksumSHA256)]).toEqual([
      'SHA256',
      [first, second],
    ]);
    const parts = [
      { PartNumber: 1, ETag: sent.ETag, ChecksumSHA256: first },
      { PartNumber: 2, ETag: computed.ETag },
    ];
    const mixed = parts.map((one) => ({ ...one, ChecksumSHA256: first }));
    expect(await failureOf(complete(mixed))).toEqual({ name: 'InvalidPart', status: 400 });
    const done = await complete(parts);
    const digests = [first, second].map((value) => Buffer.from(value, 'base64'));
    const composite = createHash('sha256').update(Buffer.concat(digests)).digest('base64');
    expect([done.ChecksumSHA256, done.ChecksumType]).toEqual([`${composite}-2`, 'COMPOSITE']);
    expect((await complete(parts)).ChecksumSHA256).toBe(done.ChecksumSHA256); // the answer was lost, and is asked for once more
    const attributes = await attributesOf('composite');
    expect([attributes.Checksum?.ChecksumSHA256, attributes.ObjectSize]).toEqual([`${composite}-2`, whole.byteLength]);
    expect(attributes.ObjectParts?.Parts?.map(({ Size, ChecksumSHA256 }) => [Size, ChecksumSHA256])).toEqual([
      [one.byteLength, first],
      [two.byteLength, second],
    ]);
  });

  it('are of a type that their algorithm has', async () => {
    const failure = async (more: object) => (await failureOf(begin('none', more))).name;
    expect(await failure({ ChecksumAlgorithm: 'SHA1', ChecksumType: 'FULL_OBJECT' })).toBe('InvalidRequest');
    expect(await failure({ ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' })).toBe('InvalidRequest');
    expect(await failure({ ChecksumType: 'COMPOSITE' })).toBe('InvalidRequest');
    expect(await failure({ ChecksumAlgorithm: 'XXHASH128' })).toBe('NotImplemented');
    const { part, complete } = await begin('without', {});
    const parts = [{ PartNumber: 1, ETag: (await part(1, two)).ETag }];
    expect((await failureOf(complete(parts, { ChecksumCRC32: 'AAAAAA==' }))).name).toBe('InvalidRequest');
  });

  it('leave the parts where they are, to be read one by one', async () => {
    const partOf = async (PartNumber: number) => {
      const wanted = { Bucket, Key: 'composite', PartNumber, ChecksumMode: 'ENABLED' } as const;
      const answer = await s3.send(new sdk.GetObjectCommand(wanted));
      const bytes = (await answer.Body?.transformToByteArray()) ?? Buffer.alloc(0);
      expect(answer.ChecksumSHA256).toBe(checksum('sha256', bytes));
      return [answer.PartsCount, answer.ContentRange, bytes.byteLength];
    };
    const size = whole.byteLength;
    expect(await partOf(1)).toEqual([2, `bytes 0-${one.byteLength - 1}/${size}`, one.byteLength]);
    expect(await partOf(2)).toEqual([2, `bytes ${one.byteLength}-${size - 1}/${size}`, two.byteLength]);
    expect(await failureOf(partOf(3))).toEqual({ name: 'InvalidPart', status: 400 });
    expect(codeOf(await storage.signed(ada, { path: `/${Bucket}/k-crc32?partNumber=2` }))[1]).toBe('InvalidPart');
    expect((await storage.signed(ada, { path: `/${Bucket}/k-crc32?partNumber=1` })).body).toBe('payload');
  });
});

describe('headers that come with an object', () => {
  const kept = {
    'cache-control': 'max-age=60',
    'content-disposition': 'attachment; filename="a.txt"',
    'content-language': 'de-DE',
    expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
  };
  const utf8 = Buffer.from('Grüße aus 東京').toString('latin1'); // a character for each byte, as Node sends it

  it('are kept, in any characters, and `aws-chunked` is not one of them', async () => {
    const headers = { ...kept, 'content-encoding': 'gzip,aws-chunked,br', 'x-amz-meta-city': utf8 };
    // Signed as the bytes that are sent: the signature is made over UTF-8.
    const signed = { ...headers, 'x-amz-meta-city': Buffer.from(utf8, 'latin1').toString('utf8') };
    const tamper = { 'x-amz-meta-city': utf8 };
    const path = `/${Bucket}/headers`;
    const body = Buffer.from('x'); // behind text, Node would write the headers as UTF-8
    expect((await storage.signed(ada, { method: 'PUT', path, headers: signed, tamper, body })).status).toBe(200);
    const forged = { 'x-amz-meta-city': Buffer.from('Grüße').toString('latin1') };
    expect(codeOf(await storage.signed(ada, { method: 'PUT', path, headers: signed, tamper: forged, body }))[1]).toBe(
      'SignatureDoesNotMatch',
    );
    const answer = await headOf('headers');
    expect(answer).toMatchObject({ ...kept, 'content-encoding': 'gzip, br', 'x-amz-meta-city': utf8 });
    const over = 'response-content-type=a%2Fb&response-cache-control=no-store&response-content-disposition=%C3%BC';
    const overridden = await storage.signed(ada, { path: `${path}?${over}` });
    expect(overridden.headers).toMatchObject({
      'content-type': 'a/b',
      'cache-control': 'no-store',
      'content-disposition': Buffer.from('ü').toString('latin1'),
      'content-language': 'de-DE',
    });
    // Some sign text and send other bytes than its UTF-8: those come back.
    const latin = { 'x-amz-meta-city': 'Gr\xfc\xdfe' };
    await storage.signed(ada, { method: 'PUT', path: `${path}-latin`, headers: latin, body });
    expect((await headOf('headers-latin'))['x-amz-meta-city']).toBe('Gr\xfc\xdfe');
    expect(codeOf(await storage.signed(ada, { path: `${path}?response-content-type=a%0d%0ab` }))[1]).toBe(
      'InvalidArgument',
    );
  });

  it('go along with copies and uploads in parts', async () => {
    const CopySource = `${Bucket}/headers`;
    await s3.send(new sdk.CopyObjectCommand({ Bucket, Key: 'headers-copy', CopySource }));
    expect(await headOf('headers-copy')).toMatchObject({ ...kept, 'content-encoding': 'gzip, br' });
    const upload = await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: 'in-parts', CacheControl: 'a' }));
    const part = { Bucket, Key: 'in-parts', UploadId: upload.UploadId, PartNumber: 1 };
    const { ETag } = await s3.send(new sdk.UploadPartCommand({ ...part, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await s3.send(new sdk.CompleteMultipartUploadCommand({ ...part, MultipartUpload }));
    expect((await headOf('in-parts'))['cache-control']).toBe('a');
  });

  it('has ranges of copied parts within their source, and pages after an empty token', async () => {
    const upload = await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: 'ranged' }));
    const part = { Bucket, Key: 'ranged', UploadId: upload.UploadId, PartNumber: 1, CopySource: `${Bucket}/k-crc32` };
    const copy = (CopySourceRange: string) => s3.send(new sdk.UploadPartCopyCommand({ ...part, CopySourceRange }));
    expect((await failureOf(copy('bytes=0-7'))).name).toBe('InvalidRange');
    expect((await failureOf(copy('bytes=7-8'))).name).toBe('InvalidRange');
    expect((await failureOf(copy('0-1'))).name).toBe('InvalidArgument');
    expect((await copy('bytes=0-6')).CopyPartResult?.ETag).toEqual(expect.any(String));
    const page = await s3.send(new sdk.ListObjectsV2Command({ Bucket, ContinuationToken: '', MaxKeys: 1 }));
    expect([page.KeyCount, page.IsTruncated]).toEqual([1, true]);
  });

  it('tells a user of an ACL by its type, and has no bucket without a name', async () => {
    const { Grants } = await s3.send(new sdk.GetBucketAclCommand({ Bucket }));
    expect(Grants?.map(({ Grantee }) => [Grantee?.Type, Grantee?.ID])).toEqual([['CanonicalUser', ada.account]]);
    for (const path of ['//', `//${Bucket}`, `//${Bucket}/headers`])
      expect(codeOf(await storage.signed(ada, { path }))[0]).toBe(400);
  });
});
