import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { signLeaseClaims } from '@fornax/identity';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Answer,
  begin,
  failureOf,
  signedHeaders,
  type SignedOptions,
  StorageUnderTest,
  TEST_MASTER_KEY,
  type TestUser,
} from '../storage.fixture.js';

let storage: StorageUnderTest;
let eve: TestUser;
let ada: TestUser;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [eve, ada] = [await storage.user('eve@example.org'), await storage.user('ada@example.org')];
}, 180_000);
afterAll(async () => storage.stop());

type Request = Omit<SignedOptions, 'accessKey' | 'secretKey'>;
const make = (who: TestUser, Bucket: string) => storage.s3(who).send(new CreateBucketCommand({ Bucket }));
const remove = (who: TestUser, Bucket: string) => storage.s3(who).send(new DeleteBucketCommand({ Bucket }));
const keysOf = async (Bucket: string): Promise<readonly (string | undefined)[]> => {
  const { Contents = [] } = await storage.s3(ada).send(new ListObjectsV2Command({ Bucket }));
  return Contents.map(({ Key }) => Key);
};
const unsigned = 'UNSIGNED-PAYLOAD';
const codeOf = ({ body }: Answer): string | undefined => /<Code>(\w+)<\/Code>/.exec(body)?.[1];
const beginAs = ({ email, token }: TestUser, request: Request): Promise<() => Promise<Answer>> => {
  const headers = signedHeaders(storage.port, { ...request, accessKey: email, secretKey: token });
  return begin(storage.port, { ...request, headers });
};
/** The name becomes that of a bucket of another user, who keeps something there. */
const handOver = async (name: string): Promise<void> => {
  await remove(eve, name);
  await make(ada, name);
  await storage.s3(ada).send(new PutObjectCommand({ Bucket: name, Key: 'precious', Body: 'x' }));
};

describe('a request that was allowed before its bucket became another one', () => {
  it("puts nothing into another user's bucket", async () => {
    await make(eve, 'name-of-puts');
    const finish = await beginAs(eve, { method: 'PUT', path: '/name-of-puts/x', body: 'x', payloadHash: unsigned });
    await handOver('name-of-puts');
    expect(codeOf(await finish())).toBe('AccessDenied');
    expect(await keysOf('name-of-puts')).toEqual(['precious']);
  });

  it("deletes nothing in another user's bucket", async () => {
    await make(eve, 'name-of-deletions');
    const body = '<Delete><Object><Key>precious</Key></Object></Delete>';
    const finish = await beginAs(eve, { method: 'POST', path: '/name-of-deletions?delete=', body });
    await handOver('name-of-deletions');
    expect(codeOf(await finish())).toBe('AccessDenied');
    expect(await keysOf('name-of-deletions')).toEqual(['precious']);
  });

  it("leaves no results that would be published in another user's bucket", async () => {
    await make(eve, 'name-of-results');
    const claims = storage.newLease(eve, 'name-of-results');
    const { accessKey, secretKey, sessionToken } = signLeaseClaims(TEST_MASTER_KEY, claims);
    const request = {
      method: 'PUT',
      path: '/name-of-results/x',
      body: 'x',
      payloadHash: unsigned,
      headers: { 'x-amz-security-token': sessionToken },
    };
    const headers = signedHeaders(storage.port, { ...request, accessKey, secretKey });
    const finish = await begin(storage.port, { ...request, headers });
    await handOver('name-of-results');
    expect(codeOf(await finish())).toBe('InvalidBucketState');
    await storage.conclude(claims);
    expect(await keysOf('name-of-results')).toEqual(['precious']);
  });

  it('puts nothing into the next bucket of its own user either', async () => {
    await make(ada, 'name-of-adas');
    const finish = await beginAs(ada, { method: 'PUT', path: '/name-of-adas/x', body: 'x', payloadHash: unsigned });
    await remove(ada, 'name-of-adas');
    await make(ada, 'name-of-adas');
    expect(codeOf(await finish())).toBe('NoSuchBucket');
    expect(await keysOf('name-of-adas')).toEqual([]);
  });

  it.each(['a user', 'a lease'])('takes no upload in parts of %s over to the next bucket of its owner', async (who) => {
    const Bucket = `parts-of-${who.replace(' ', '-')}`;
    await make(ada, Bucket);
    const claims = storage.newLease(ada, Bucket);
    const client = who === 'a lease' ? storage.lease(claims) : storage.s3(ada);
    const place = { Bucket, Key: 'x' };
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(place));
    const { ETag } = await client.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 1, Body: 'x' }));
    await remove(ada, Bucket);
    await make(ada, Bucket);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const complete = new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload });
    expect(await failureOf(client.send(complete))).toEqual({ name: 'NoSuchUpload', status: 404 });
    await storage.conclude(claims);
    expect(await keysOf(Bucket)).toEqual([]);
  });
});

describe('a bucket that is deleted while somebody stores something in it', () => {
  it('is not deleted, or takes nothing: nothing that was acknowledged is lost', async () => {
    for (let round = 0; round < 12; round += 1) {
      const Bucket = `contested-${round}`;
      await make(eve, Bucket);
      const { UploadId } = await storage.s3(eve).send(new CreateMultipartUploadCommand({ Bucket, Key: 'k3' }));
      const { ETag } = await storage
        .s3(eve)
        .send(new UploadPartCommand({ Bucket, Key: 'k3', UploadId, PartNumber: 1, Body: 'x' }));
      const parts = { MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
      const puts = [
        ...['k0', 'k1', 'k2'].map((Key) => storage.s3(eve).send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))),
        storage.s3(eve).send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k3', UploadId, ...parts })),
      ];
      const [deletion, ...stored] = await Promise.allSettled([remove(eve, Bucket), ...puts]);
      const acknowledged = stored.flatMap(({ status }, at) => (status === 'fulfilled' ? [`k${at}`] : []));
      const { Contents = [] } = await storage
        .s3(eve)
        .send(new ListObjectsV2Command({ Bucket }))
        .catch(() => ({ Contents: [] }));
      expect([deletion.status, Contents.map(({ Key }) => Key)]).toEqual([
        acknowledged.length > 0 ? 'rejected' : 'fulfilled',
        acknowledged,
      ]);
    }
  });
});
