import * as sdk from '@aws-sdk/client-s3';
import { encodeBundle, FILE_BUNDLE_QUERY, type LeaseClaims, MAX_BUNDLE_BYTES } from '@fornax/contracts';
import { signLeaseClaims } from '@fornax/identity';
import { S3Client, S3Error } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, TEST_MASTER_KEY, type TestUser } from '../storage.fixture.js';

const Bucket = 'results';
let storage: StorageUnderTest;
let ada: TestUser;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org', { maxStorageBytes: 100_000 });
  await storage.s3(ada).send(new sdk.CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => storage.stop());

const fileOf = (key: string, text = key) => ({ key, mode: '100644', bytes: Buffer.from(text) });
const post = async (
  keys: { readonly accessKey: string; readonly secretKey: string; readonly sessionToken?: string },
  body: Uint8Array,
): Promise<string> => {
  const client = new S3Client({ ...keys, endpoint: `http://127.0.0.1:${storage.port}` });
  try {
    await client.post(Bucket, FILE_BUNDLE_QUERY, body);
    return 'stored';
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  } finally {
    client.close();
  }
};
const postAs = (claims: LeaseClaims, body: Uint8Array): Promise<string> =>
  post(signLeaseClaims(TEST_MASTER_KEY, claims), body);
const keys = async (): Promise<readonly (string | undefined)[]> =>
  ((await storage.s3(ada).send(new sdk.ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);

describe('files of an instance in one request', () => {
  it('are staged like results that came one by one, and keep their modes', async () => {
    const lease = storage.newLease(ada, Bucket);
    const many = Array.from({ length: 100 }, (_, at) => fileOf(`many/${at}`));
    const program = { ...fileOf('bin/run', '#!'), mode: '100755' };
    expect(await postAs(lease, encodeBundle([...many, program, fileOf('empty', '')]))).toBe('stored');
    expect(await keys()).toEqual([]);
    await storage.conclude(lease);
    expect(await keys()).toHaveLength(102);
    const user = storage.s3(ada);
    const got = await user.send(new sdk.GetObjectCommand({ Bucket, Key: 'many/42' }));
    expect(await got.Body?.transformToString()).toBe('many/42');
    expect((await user.send(new sdk.HeadObjectCommand({ Bucket, Key: 'bin/run' }))).Metadata).toEqual({
      mode: '100755',
    });
    expect((await user.send(new sdk.HeadObjectCommand({ Bucket, Key: 'empty' }))).ContentLength).toBe(0);
  });

  it('are none of them stored when one of them may not be', async () => {
    const lease = { ...storage.newLease(ada, Bucket), results: { bucket: Bucket, prefix: 'run/' } };
    expect(await postAs(lease, encodeBundle([fileOf('run/in'), fileOf('out')]))).toBe('AccessDenied');
    expect(await postAs(lease, encodeBundle([fileOf('run/in'), fileOf('run/a\0b')]))).toBe('InvalidArgument');
    expect(await postAs(lease, encodeBundle([fileOf('run/in'), fileOf(`run/${'x'.repeat(1_024)}`)]))).toBe(
      'KeyTooLongError',
    );
    const before = await keys();
    await storage.conclude(lease);
    expect(await keys()).toEqual(before);
  });

  it('are refused when the lease is over, they are too many bytes, or no files', async () => {
    const lease = storage.newLease(ada, Bucket);
    expect(await postAs(lease, Buffer.from('no files'))).toBe('InvalidRequest');
    expect(await postAs(lease, encodeBundle([fileOf('large', 'x'.repeat(MAX_BUNDLE_BYTES))]))).toBe(
      'MaxMessageLengthExceeded',
    );
    expect(
      await postAs(lease, encodeBundle([fileOf('much', 'x'.repeat(90_000)), fileOf('more', 'x'.repeat(90_000))])),
    ).toBe('QuotaExceeded');
    expect(await postAs({ ...lease, expiresAt: Date.now() - 1 }, encodeBundle([fileOf('late')]))).toBe('AccessDenied');
  });

  it('are for nodes alone', async () => {
    const { email: accessKey, token: secretKey } = ada;
    expect(await post({ accessKey, secretKey }, encodeBundle([fileOf('mine')]))).toBe('NotImplemented');
  });
});
