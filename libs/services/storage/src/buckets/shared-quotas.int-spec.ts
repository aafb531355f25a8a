import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { newId } from '@fornax/base';
import { usageReconciliationSchema } from '@fornax/contracts';
import type { AccountEvent, StorageQuotas as Ceilings } from '@fornax/domain';
import { eventually } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageReads } from '../reading/storage-reads.js';
import { StorageUsage } from './storage-usage.js';
import { failureOf, StorageUnderTest, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
}, 120_000);
afterAll(() => storage.stop());

const happen = (id: string, ...events: readonly AccountEvent[]): Promise<void> => storage.happen(id, ...events);
/** The project that an account starts with has the id of the account. */
const boundProject = (projectId: string, quotas: Ceilings) =>
  happen(projectId, { type: 'ProjectQuotasChanged', projectId, quotas, at: Date.now() });
/** An organization with members, each with a bucket of the name of the organization and a number. */
const organization = async (name: string, quotas: Ceilings, members: number): Promise<readonly TestUser[]> => {
  const organisationId = newId();
  const computing = { maxInstances: 1, maxCores: 1 };
  const at = Date.now();
  await happen(organisationId, {
    type: 'OrganisationCreated',
    organisationId,
    name,
    quotas: { ...computing, ...quotas },
    at,
  });
  const users: TestUser[] = [];
  for (let number = 0; number < members; number += 1) {
    const user = await storage.user(`${name}-${number}@example.org`);
    await happen(user.account, { type: 'OrganisationChanged', accountId: user.account, organisationId, at });
    users.push(user);
  }
  return users;
};
const put = (s3: S3Client, Bucket: string, Key: string, bytes = 1) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x'.repeat(bytes) }));
const make = (s3: S3Client, Bucket: string) => s3.send(new CreateBucketCommand({ Bucket }));
const messageOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
const namesOf = (results: readonly { readonly name: string }[]): readonly string[] => results.map(({ name }) => name);
const times = (names: readonly string[], name: string): number => names.filter((one) => one === name).length;
const objectsIn = async (s3: S3Client, Bucket: string): Promise<number> =>
  (await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount ?? 0;

describe('the quota of objects', () => {
  it('bounds puts, copies, uploads in parts and results; one may take the place of another, and a deletion makes room', async () => {
    const user = await storage.user('objects@example.org', { maxObjects: 3 });
    const s3 = storage.s3(user);
    const Bucket = 'object-quota';
    await make(s3, Bucket);
    for (const key of ['a', 'b']) await put(s3, Bucket, key);
    const lease = storage.lease(storage.newLease(user, Bucket));
    await put(lease, Bucket, 'result');
    expect(await messageOf(put(s3, Bucket, 'c', 0))).toBe(
      'The storage quota of the account is used up: 3 of 3 objects, and 1 more do not fit.',
    );
    expect(await messageOf(put(lease, Bucket, 'other'))).toContain('3 of 3 objects');
    expect(await messageOf(s3.send(new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/a` })))).toContain(
      '3 of 3 objects',
    );
    const begin = (Key: string) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    expect(await messageOf(begin('parts'))).toContain('3 of 3 objects');
    await put(s3, Bucket, 'a', 5);
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));
    await eventually(async () => (await messageOf(put(s3, Bucket, 'e'))) === 'none');
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'e' }));
    await eventually(
      async () => (await storage.app.app.get(StorageUsage).of({ kind: 'user', id: user.account })).objects === 2,
    );
    const { UploadId } = await begin('parts');
    const upload = { Bucket, Key: 'parts', UploadId };
    const { ETag } = await s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }));
    expect(await messageOf(put(s3, Bucket, 'c'))).toContain('3 of 3 objects');
    await s3.send(
      new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }),
    );
    expect(await failureOf(put(s3, Bucket, 'd'))).toEqual({ name: 'QuotaExceeded', status: 403 });
  });

  it('is not exceeded by many at once', async () => {
    const user = await storage.user('flock@example.org', { maxObjects: 5 });
    const s3 = storage.s3(user);
    await make(s3, 'flock');
    const puts = await Promise.all(Array.from({ length: 20 }, (_, n) => failureOf(put(s3, 'flock', `k${n}`))));
    expect(times(namesOf(puts), 'none')).toBe(5);
    expect(await objectsIn(s3, 'flock')).toBe(5);
  });
});

describe('the quota of a project', () => {
  it('bounds what lies in its buckets, whoever stores it, and says whose it is', async () => {
    const [ada, bob] = [await storage.user('pada@example.org'), await storage.user('pbob@example.org')];
    const s3 = storage.s3(ada);
    await make(s3, 'of-project');
    await boundProject(ada.account, { maxStorageBytes: 100, maxBuckets: 2 });
    await put(s3, 'of-project', 'k', 60);
    const grantee = { kind: 'user' as const, id: bob.account };
    const shared = {
      type: 'BucketGranted',
      bucket: 'of-project',
      owner: ada.account,
      grantee,
      access: 'write',
    } as const;
    await storage.app.app
      .get(StorageReads)
      .waitFor(await storage.append('bucket', 'of-project', [{ ...shared, at: Date.now() }]));
    expect(await messageOf(put(s3, 'of-project', 'more', 60))).toBe(
      'The storage quota of the project "Default" is used up: 60 of 100 bytes, and 60 more do not fit.',
    );
    // How much it has is not told to those whom the bucket is shared with.
    expect(await messageOf(put(storage.s3(bob), 'of-project', 'more', 60))).toBe(
      'The storage quota of the project of the bucket is used up.',
    );
    expect(await messageOf(put(storage.lease(storage.newLease(ada, 'of-project')), 'of-project', 'r', 60))).toContain(
      'the project "Default"',
    );
    await make(s3, 'of-project-2');
    expect(await messageOf(make(s3, 'of-project-3'))).toBe(
      'You have attempted to create more buckets than allowed: the project "Default" has 2 of 2.',
    );
    await make(s3, 'of-project-2');
    await s3.send(new DeleteBucketCommand({ Bucket: 'of-project-2' }));
    await make(s3, 'of-project-3');
  });
});

describe('the quota of an organization', () => {
  it('bounds what all its members have together, also at once', async () => {
    const members = await organization('guild', { maxObjects: 6, maxStorageBytes: 1_000, maxBuckets: 3 }, 3);
    const clients = members.map((user) => storage.s3(user));
    for (const [number, s3] of clients.entries()) await make(s3, `guild-${number}`);
    expect(await messageOf(make(clients[0] as S3Client, 'guild-too-many'))).toContain(
      'the organization "guild" has 3 of 3',
    );
    const puts = await Promise.all(
      clients.flatMap((s3, number) =>
        Array.from({ length: 8 }, (_, n) => failureOf(put(s3, `guild-${number}`, `k${n}`, 10))),
      ),
    );
    expect(times(namesOf(puts), 'none')).toBe(6);
    expect(await messageOf(put(clients[1] as S3Client, 'guild-1', 'one-more', 10))).toBe(
      'The storage quota of the organization "guild" is used up: 6 of 6 objects, and 1 more do not fit.',
    );
  });

  it('of buckets is not exceeded by many that are made at once', async () => {
    const members = await organization('makers', { maxBuckets: 4 }, 2);
    const made = await Promise.all(
      members.flatMap((user, number) =>
        Array.from({ length: 6 }, (_, n) => failureOf(make(storage.s3(user), `makers-${number}-${n}`))),
      ),
    );
    expect(times(namesOf(made), 'none')).toBe(4);
    expect(times(namesOf(made), 'TooManyBuckets')).toBe(8);
  });
});

describe('counters of usage', () => {
  it('are compared with the objects, and repaired where they differ', async () => {
    const user = await storage.user('counted@example.org', { maxObjects: 2 });
    const root = await storage.user('counting-root@example.org', {}, 'operator');
    const s3 = storage.s3(user);
    await make(s3, 'miscounted');
    await put(s3, 'miscounted', 'k', 5);
    const ask = (by: TestUser) =>
      fetch(`${storage.app.url}/fornax/v1/buckets/usage/reconcile`, {
        method: 'POST',
        headers: { authorization: by.token },
      });
    const reconcile = async () => usageReconciliationSchema.parse(await (await ask(root)).json());
    expect((await reconcile()).differences).toEqual([]);
    await storage.app.app
      .get<DataSource>(getDataSourceToken('storage'))
      .query(`INSERT INTO object_usage VALUES ('miscounted', 7, -2), ('never-made', 1, 1)`);
    const used = () => storage.app.app.get(StorageUsage).of({ kind: 'user', id: user.account });
    expect(await used()).toEqual({ objects: 8, bytes: 3, buckets: 1 });
    // Nobody but an operator looks, and two at once repair once.
    expect((await ask(user)).status).toBe(403);
    const both = await Promise.all([reconcile(), reconcile()]);
    expect(both.flatMap(({ differences }) => differences)).toEqual([
      { bucket: 'miscounted', objects: -7, bytes: 2 },
      { bucket: 'never-made', objects: -1, bytes: -1 },
    ]);
    expect((await reconcile()).differences).toEqual([]);
    expect(await used()).toEqual({ objects: 1, bytes: 5, buckets: 1 });
    await put(s3, 'miscounted', 'l', 5);
    expect(await messageOf(put(s3, 'miscounted', 'm', 5))).toContain('2 of 2 objects');
  });
});

describe('a quota that two storage processes hold', () => {
  it('is exceeded by no more than what the other one has stored since it was counted last, and by nothing after two seconds', async () => {
    const [most, Bucket] = [10, 'of-two-processes'];
    const user = await storage.user('two@example.org', { maxObjects: most });
    const other = await storage.another();
    const doors = [storage.s3(user), storage.s3(user, { endpoint: other.endpoint })] as const;
    const stored = async (prefix = ''): Promise<number> =>
      (await doors[0].send(new ListObjectsV2Command({ Bucket, Prefix: prefix }))).KeyCount ?? 0;
    const refusals = (key: string): Promise<readonly string[]> =>
      Promise.all(doors.map(async (door, at) => (await failureOf(put(door, Bucket, `${at}/${key}`))).name));
    try {
      await make(doors[0], Bucket);
      // From here on each has a count, which does not show what comes through the other.
      for (const [at, door] of doors.entries()) await put(door, Bucket, `${at}/first`);
      await Promise.all(
        doors.flatMap((door, at) =>
          Array.from({ length: 20 }, (_, key) => failureOf(put(door, Bucket, `${at}/${key}`))),
        ),
      );
      const [through, throughOther, all] = [await stored('0/'), await stored('1/'), await stored()];
      expect(all).toBeGreaterThanOrEqual(most);
      for (const own of [through, throughOther]) expect(own).toBeLessThanOrEqual(most);
      expect(all - most).toBeLessThanOrEqual(Math.min(through, throughOther));
      await eventually(async () => (await refusals('late')).every((name) => name === 'QuotaExceeded'));
      const after = await stored();
      // What was let through while it was waited for is in the bound of two seconds as well.
      expect(after - most).toBeLessThanOrEqual(most);
      for (let times = 0; times < 5; times += 1)
        expect(await refusals(`later ${times}`)).toEqual(['QuotaExceeded', 'QuotaExceeded']);
      expect(await stored()).toBe(after);
    } finally {
      await other.close();
    }
  }, 60_000);
});
