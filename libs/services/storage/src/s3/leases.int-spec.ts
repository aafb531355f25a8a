import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { LeaseClaims } from '@fornax/contracts';
import type { AttemptEnd, TaskEvent } from '@fornax/domain';
import { ProjectionHost } from '@fornax/service-kit';
import { signLeaseClaims } from '@fornax/identity';
import { newId } from '@fornax/base';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StorageUnderTest, TEST_MASTER_KEY, type TestUser, failureOf } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let s3: S3Client;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  s3 = storage.s3(ada);
  for (const Bucket of ['ada-input', 'ada-results', 'ada-private', 'ada-snapshots'])
    await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket: 'ada-input', Key: 'in/scene', Body: 'scene' }));
  await s3.send(new PutObjectCommand({ Bucket: 'ada-input', Key: 'other', Body: 'other' }));
  await s3.send(new PutObjectCommand({ Bucket: 'ada-private', Key: 'diary', Body: 'secret' }));
}, 180_000);
afterAll(async () => storage.stop());
beforeEach(() => {
  storage.currentLeases = new Set();
});

const claimsOf = (more: Partial<LeaseClaims> = {}): LeaseClaims => ({
  leaseId: newId(),
  taskId: newId(),
  instance: 0,
  node: 'node-1',
  owner: ada.account,
  read: [{ bucket: 'ada-input', prefix: 'in/' }],
  results: { bucket: 'ada-results', prefix: null },
  snapshot: null,
  expiresAt: Date.now() + 60_000,
  ...more,
});
const current = (more: Partial<LeaseClaims> = {}): LeaseClaims => {
  const claims = claimsOf(more);
  storage.currentLeases?.add(claims.leaseId);
  return claims;
};
const endOf = ({ leaseId, instance, node }: LeaseClaims, outcome: AttemptEnd['outcome']): AttemptEnd => ({
  leaseId,
  instance,
  node,
  attempt: 1,
  outcome,
  endedAt: Date.now(),
  cores: 1,
  uploadedFiles: 1,
  uploadedBytes: 1,
  hardware: { specificationKey: 'test', cpuModel: 'test', cores: 1, ghz: 1 },
});
const tell = (taskId: string, event: TaskEvent): Promise<number> => storage.append('task', taskId, [event]);
const concluded = (claims: LeaseClaims, outcome: AttemptEnd['outcome'] = 'success') =>
  tell(claims.taskId, { type: 'InstancesConcluded', attempts: [endOf(claims, outcome)], at: Date.now() });
const put = (client: S3Client, Bucket: string, Key: string, Body: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body }));
const read = async (client: S3Client, Bucket: string, Key: string): Promise<string | undefined> =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
const keys = async (Bucket: string, Prefix = ''): Promise<readonly (string | undefined)[]> =>
  ((await s3.send(new ListObjectsV2Command({ Bucket, Prefix }))).Contents ?? []).map(({ Key }) => Key);
const denied = { name: 'AccessDenied', status: 403 };
/** A name that its user has given up: the user's to know, while what denies a lease may be the platform's fault. */
const othersBucket = { name: 'InvalidBucketState', status: 409 };

describe('a lease', () => {
  it('reads and lists its inputs, and nothing else', async () => {
    const node = storage.lease(current());
    expect(await read(node, 'ada-input', 'in/scene')).toBe('scene');
    expect((await node.send(new ListObjectsV2Command({ Bucket: 'ada-input', Prefix: 'in/' }))).KeyCount).toBe(1);
    await node.send(new HeadBucketCommand({ Bucket: 'ada-input' }));
    const forbidden: readonly Promise<unknown>[] = [
      read(node, 'ada-input', 'other'),
      read(node, 'ada-private', 'diary'),
      read(node, 'ada-results', 'x'),
      read(node, 'never-made', 'x'),
      node.send(new ListObjectsV2Command({ Bucket: 'ada-input' })),
      node.send(new ListObjectsV2Command({ Bucket: 'ada-private' })),
      put(node, 'ada-input', 'in/scene', 'changed'),
      put(node, 'ada-private', 'x', 'x'),
      node.send(new ListBucketsCommand({})),
      node.send(new CreateBucketCommand({ Bucket: 'new-bucket' })),
      node.send(new DeleteObjectCommand({ Bucket: 'ada-results', Key: 'x' })),
      node.send(new CopyObjectCommand({ Bucket: 'ada-results', Key: 'stolen', CopySource: 'ada-private/diary' })),
      node.send(new CreateMultipartUploadCommand({ Bucket: 'ada-private', Key: 'x' })),
    ];
    for (const attempt of forbidden) expect(await failureOf(attempt)).toEqual(denied);
    expect(await failureOf(node.send(new HeadBucketCommand({ Bucket: 'ada-private' })))).toMatchObject({ status: 403 });
  });

  it("writes no results into a bucket that has become somebody else's", async () => {
    const eve = await storage.user(`eve-${newId()}@example.org`);
    await storage.s3(eve).send(new CreateBucketCommand({ Bucket: 'given-up' }));
    const node = storage.lease(current({ results: { bucket: 'given-up', prefix: null } }));
    expect(await failureOf(put(node, 'given-up', 'x', 'x'))).toEqual(othersBucket);
  });

  it('does not read what belongs to somebody else, even if it is claimed', async () => {
    const eve = await storage.user(`eve-${newId()}@example.org`);
    const node = storage.lease(current({ owner: eve.account }));
    expect(await failureOf(read(node, 'ada-input', 'in/scene'))).toEqual(othersBucket);
  });

  it('writes only below the prefix of its results', async () => {
    const node = storage.lease(current({ results: { bucket: 'ada-results', prefix: 'run/' } }));
    await put(node, 'ada-results', 'run/ok', 'x');
    expect(await failureOf(put(node, 'ada-results', 'outside', 'x'))).toEqual(denied);
  });

  it('writes lists of the results of its own task, which their owner alone reads, until the task is deleted', async () => {
    const claims = current();
    const node = storage.lease(claims);
    const [area, name] = ['.manifests', `${'0a'.repeat(32)}.json`];
    const key = `${claims.taskId}/${name}`;
    await put(node, area, key, 'list');
    const user = storage.s3(ada);
    expect(await read(user, area, key)).toBe('list');
    for (const other of [`another/${name}`, `${claims.taskId}/list`, `${claims.taskId}/x/${name}`])
      expect(await failureOf(put(node, area, other, 'x'))).toEqual(denied);
    expect(await failureOf(read(node, area, key))).toEqual(denied);
    expect(await failureOf(put(storage.lease(current({ results: null })), area, key, 'x'))).toEqual(denied);
    expect(await failureOf(put(user, area, key, 'x'))).toEqual(denied);
    const eve = storage.s3(await storage.user('eve-manifests@example.org'));
    expect(await failureOf(read(eve, area, key))).toMatchObject({ name: 'NoSuchKey' });
    expect(await failureOf(user.send(new ListObjectsV2Command({ Bucket: area })))).toMatchObject({ status: 404 });
    await concluded(claims);
    expect(await read(user, area, key)).toBe('list');
    await tell(claims.taskId, { type: 'TaskDeleted', at: Date.now() });
    await eventually(async () => (await failureOf(read(user, area, key))).name === 'NoSuchKey');
  });

  it('writes lists of the inputs of its own task, and reads the one that it is pinned to', async () => {
    const [area, digest] = ['.manifests', '0c'.repeat(32)];
    const claims = current({ results: null });
    const key = `${claims.taskId}/inputs-${digest}.json`;
    await put(storage.lease(claims), area, key, 'list');
    expect(await read(storage.s3(ada), area, key)).toBe('list');
    expect(await failureOf(read(storage.lease(claims), area, key))).toEqual(denied);
    const { taskId } = claims;
    expect(await read(storage.lease(current({ taskId, pin: digest })), area, key)).toBe('list');
    const other = current({ taskId, pin: '0d'.repeat(32) });
    expect(await failureOf(read(storage.lease(other), area, key))).toEqual(denied);
    expect(await failureOf(read(storage.lease(current({ pin: digest })), area, key))).toEqual(denied);
    const without = current({ taskId, read: [] });
    expect(await failureOf(put(storage.lease(without), area, key, 'x'))).toEqual(denied);
    expect(await failureOf(put(storage.lease(current()), area, key, 'x'))).toEqual(denied);
  });

  it('cannot say that it has stored results which went with their bucket, whoever has the name now', async () => {
    const [area, name] = ['.manifests', `${'0b'.repeat(32)}.json`];
    const gone = { name: 'InvalidBucketState', status: 409 };
    const results = { bucket: 'lost-with-it', prefix: null };
    const [claims, other] = [current({ results }), current({ results })];
    const make = (): Promise<unknown> => s3.send(new CreateBucketCommand({ Bucket: 'lost-with-it' }));
    await make();
    await put(storage.lease(claims), 'lost-with-it', 'a', 'x');
    await s3.send(new DeleteBucketCommand({ Bucket: 'lost-with-it' }));
    const list = (of: LeaseClaims): Promise<unknown> => put(storage.lease(of), area, `${of.taskId}/${name}`, 'list');
    expect(await failureOf(list(claims))).toEqual(gone);
    expect(await failureOf(list(other))).toEqual(gone);
    await make();
    await put(storage.lease(claims), 'lost-with-it', 'b', 'x');
    expect(await failureOf(list(claims))).toEqual(gone);
    // One that had stored nothing in the old one has lost nothing.
    await put(storage.lease(other), 'lost-with-it', 'c', 'x');
    await list(other);
  });

  it('is refused once it is over, superseded, changed, or unknown to its scheduler', async () => {
    expect(
      await failureOf(read(storage.lease(current({ expiresAt: Date.now() - 1 })), 'ada-input', 'in/scene')),
    ).toEqual(denied);
    expect(await failureOf(read(storage.lease(claimsOf()), 'ada-input', 'in/scene'))).toEqual(denied);
    const forged = storage.client({ accessKeyId: 'lease-x', secretAccessKey: 'x', sessionToken: 'e30.AAAA' });
    expect(await failureOf(read(forged, 'ada-input', 'in/scene'))).toEqual({ name: 'InvalidToken', status: 400 });
  });

  it('is no other lease by putting parts of credentials together', async () => {
    const mine = signLeaseClaims(TEST_MASTER_KEY, current());
    const other = signLeaseClaims(TEST_MASTER_KEY, current({ read: [{ bucket: 'ada-private' }] }));
    const foreign = signLeaseClaims(Buffer.alloc(32, 8), current({ read: [{ bucket: 'ada-private' }] }));
    const [payload, mac] = mine.sessionToken.split('.');
    const [otherPayload = '', otherMac] = other.sessionToken.split('.');
    const opened = (sessionToken: string, secretAccessKey = mine.secretKey, accessKeyId = mine.accessKey) =>
      failureOf(read(storage.client({ accessKeyId, secretAccessKey, sessionToken }), 'ada-private', 'diary'));
    const wrongSecret = { name: 'SignatureDoesNotMatch', status: 403 };
    expect(await opened(other.sessionToken)).toEqual(wrongSecret);
    expect(await opened(other.sessionToken, ada.token, ada.email)).toEqual(wrongSecret);
    const tokens = [
      `${otherPayload}.${mac}`,
      `${payload}.${otherMac}`,
      `${other.sessionToken}.x`,
      otherPayload,
      foreign.sessionToken,
    ];
    for (const token of tokens) expect(await opened(token)).toEqual({ name: 'InvalidToken', status: 400 });
    expect(await opened(mine.sessionToken)).toEqual(denied);
  });

  it('is refused as soon as the log tells of its end, whatever the scheduler said a moment ago', async () => {
    const claims = current();
    const node = storage.lease(claims);
    await put(node, 'ada-results', 'ended/in-time', 'x');
    await concluded(claims);
    // The scheduler of this spec goes on calling it current: whenever it is asked, everything passes.
    await eventually(
      async () => (await failureOf(put(node, 'ada-results', 'ended/late', 'x'))).name === 'AccessDenied',
    );
  });

  it('is told to try again when the scheduler does not answer', async () => {
    storage.currentLeases = undefined;
    expect(await failureOf(read(storage.lease(claimsOf()), 'ada-input', 'in/scene'))).toEqual({
      name: 'SlowDown',
      status: 503,
    });
  }, 60_000);
});

describe('results of a lease', () => {
  it('are invisible until its end is committed, and there for the first who looks afterwards', async () => {
    const claims = current();
    const node = storage.lease(claims);
    await put(node, 'ada-results', 'out/picture', 'picture');
    expect(await keys('ada-results', 'out/')).toEqual([]);
    expect(
      await failureOf(s3.send(new HeadObjectCommand({ Bucket: 'ada-results', Key: 'out/picture' }))),
    ).toMatchObject({ status: 404 });
    await concluded(claims);
    expect(await read(s3, 'ada-results', 'out/picture')).toBe('picture');
    expect(await keys('ada-results', 'out/')).toEqual(['out/picture']);
  });

  it('are there when many instances end in one commit, whatever their outcome', async () => {
    const taskId = newId();
    const leases = Array.from({ length: 20 }, (_, instance) => current({ taskId, instance }));
    for (const claims of leases)
      await put(storage.lease(claims), 'ada-results', `many/${claims.instance}`, String(claims.instance));
    await tell(taskId, {
      type: 'InstancesConcluded',
      attempts: leases.map((claims, at) => endOf(claims, at % 2 === 0 ? 'success' : 'failure')),
      at: Date.now(),
    });
    expect((await keys('ada-results', 'many/')).length).toBe(20);
  });

  it('are dropped when the instance is tried again, also their unfinished uploads', async () => {
    const claims = current();
    const node = storage.lease(claims);
    await put(node, 'ada-results', 'retry/a', 'first try');
    const { UploadId } = await node.send(new CreateMultipartUploadCommand({ Bucket: 'ada-results', Key: 'retry/b' }));
    await tell(claims.taskId, { type: 'InstancesRequeued', attempts: [endOf(claims, 'failure')], at: Date.now() });
    const again = current({ taskId: claims.taskId });
    await put(storage.lease(again), 'ada-results', 'retry/a', 'second try');
    await concluded(again);
    expect(await read(s3, 'ada-results', 'retry/a')).toBe('second try');
    // First the lease is closed; the scheduler of this spec, once it is asked again, opens it.
    const part = { Bucket: 'ada-results', Key: 'retry/b', UploadId, PartNumber: 1, Body: 'x' };
    await eventually(async () => (await failureOf(node.send(new UploadPartCommand(part)))).name === 'NoSuchUpload');
  });

  it('are uploaded in parts, too', async () => {
    const claims = current();
    const node = storage.lease(claims);
    const place = { Bucket: 'ada-results', Key: 'parts/one' };
    const { UploadId } = await node.send(new CreateMultipartUploadCommand(place));
    const { ETag } = await node.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 1, Body: 'in one part' }));
    await node.send(
      new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
    );
    await concluded(claims);
    expect(await read(s3, 'ada-results', 'parts/one')).toBe('in one part');
  });

  it('go nowhere when their task or their bucket is deleted', async () => {
    const claims = current();
    await put(storage.lease(claims), 'ada-results', 'deleted/a', 'x');
    await tell(claims.taskId, { type: 'TaskDeleted', at: Date.now() });
    await concluded({ ...claims, taskId: claims.taskId });
    expect(await keys('ada-results', 'deleted/')).toEqual([]);
    const gone = current({ results: { bucket: 'soon-gone', prefix: null } });
    await s3.send(new CreateBucketCommand({ Bucket: 'soon-gone' }));
    await put(storage.lease(gone), 'soon-gone', 'a', 'x');
    await s3.send(new DeleteBucketCommand({ Bucket: 'soon-gone' }));
    expect(await failureOf(put(storage.lease(gone), 'soon-gone', 'b', 'x'))).toEqual({
      name: 'NoSuchBucket',
      status: 404,
    });
    await concluded(gone);
    await s3.send(new CreateBucketCommand({ Bucket: 'soon-gone' }));
    expect(await keys('soon-gone')).toEqual([]);
  });

  it('of a snapshot are written in place', async () => {
    const node = storage.lease(current({ results: null, snapshot: { bucket: 'ada-snapshots', prefix: 'snap/' } }));
    await put(node, 'ada-snapshots', 'snap/a', 'now');
    expect(await read(s3, 'ada-snapshots', 'snap/a')).toBe('now');
    expect(await failureOf(put(node, 'ada-snapshots', 'elsewhere', 'x'))).toEqual(denied);
  });

  it('are left alone by a rebuild of the read model, which equals the live one', async () => {
    const runner = storage.app.app.get(ProjectionHost).runner('buckets');
    const before = await keys('ada-results');
    const compared = await runner.rebuild({ verify: true });
    expect(compared.differences).toEqual([]);
    expect(compared.rows['bucket']).toBeGreaterThan(3);
    expect((await runner.rebuild({ verify: false })).swapped).toBe(true);
    expect(await keys('ada-results')).toEqual(before);
  });
});
