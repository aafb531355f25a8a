import { CreateBucketCommand, GetObjectCommand, ListBucketsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AccountDirectory, hashToken, Sealer } from '@fornax/identity';
import { newId } from '@fornax/base';
import type { AccountEvent } from '@fornax/domain';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { failureOf, StorageUnderTest, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
}, 180_000);
afterAll(async () => storage.stop());

/** Appends to the account, and waits until this process knows it. */
const happen = async ({ account }: TestUser, ...events: readonly AccountEvent[]): Promise<void> => {
  const sequence = await storage.append('account', account, events);
  expect(await storage.app.app.get(AccountDirectory).knows(sequence, 5_000)).toBe(true);
};
const issued = ({ account, email }: TestUser, token: string, expiresAt?: number): AccountEvent => ({
  type: 'TokenIssued',
  accountId: account,
  email,
  role: 'user',
  tokenId: `id-of-${token}`,
  name: 'another',
  hash: hashToken(token),
  sealedSecret: storage.app.app.get(Sealer).sealWithMaster(token),
  ...(expiresAt === undefined ? {} : { expiresAt }),
  at: Date.now(),
});
const list = (user: TestUser) => failureOf(storage.s3(user).send(new ListBucketsCommand({})));
const fine = { name: 'none', status: undefined };

it('opens with each token of an account, but not with one that has expired or was revoked', async () => {
  const ada = await storage.user('ada-tokens@example.org');
  const [second, old, gone] = [newId(), newId(), newId()];
  await happen(ada, issued(ada, second), issued(ada, old, Date.now()), issued(ada, gone));
  for (const token of [ada.token, second, gone]) expect(await list({ ...ada, token })).toEqual(fine);
  expect(await list({ ...ada, token: old })).toEqual({ name: 'SignatureDoesNotMatch', status: 403 });
  await happen(ada, { type: 'TokenRevoked', tokenId: `id-of-${gone}`, at: Date.now() });
  expect(await list({ ...ada, token: gone })).toEqual({ name: 'SignatureDoesNotMatch', status: 403 });
  expect(await list(ada)).toEqual(fine);
});

it('knows nobody who is disabled', async () => {
  const bob = await storage.user('bob@example.org');
  await happen(bob, { type: 'AccountDisabled', accountId: bob.account, at: Date.now() });
  expect(await list(bob)).toEqual({ name: 'InvalidAccessKeyId', status: 403 });
  await happen(bob, { type: 'AccountEnabled', accountId: bob.account, at: Date.now() });
  expect(await list(bob)).toEqual(fine);
});

it('lets an auditor read and nothing else', async () => {
  const cleo = await storage.user('cleo@example.org');
  const s3 = storage.s3(cleo);
  await s3.send(new CreateBucketCommand({ Bucket: 'cleo' }));
  await s3.send(new PutObjectCommand({ Bucket: 'cleo', Key: 'k', Body: 'text' }));
  await happen(cleo, { type: 'RoleChanged', accountId: cleo.account, role: 'auditor', at: Date.now() });
  expect(await (await s3.send(new GetObjectCommand({ Bucket: 'cleo', Key: 'k' }))).Body?.transformToString()).toBe(
    'text',
  );
  const writes: readonly (readonly [method: string, path: string])[] = [
    ['PUT', '/cleo/k'],
    ['PUT', '/cleo-2'],
    ['DELETE', '/cleo/k'],
    ['DELETE', '/cleo'],
    ['POST', '/cleo/k?uploads='],
    ['POST', '/cleo?delete='],
  ];
  for (const [method, path] of writes) {
    const { status, body } = await storage.signed(cleo, { method, path });
    expect([method, path, status, /<Code>(\w+)</.exec(body)?.[1]]).toEqual([method, path, 403, 'AccessDenied']);
  }
});

it('holds an account to the storage quota of today', async () => {
  const dan = await storage.user('dan@example.org', { maxBuckets: 1 });
  const create = (Bucket: string) => failureOf(storage.s3(dan).send(new CreateBucketCommand({ Bucket })));
  expect(await create('dan-1')).toEqual(fine);
  expect(await create('dan-2')).toMatchObject({ status: 400 });
  const quotas = { maxTasks: 1, maxBuckets: 2, maxStorageBytes: 1_000, maxInstances: 1, maxCores: 1 };
  await happen(dan, { type: 'QuotasChanged', accountId: dan.account, quotas, at: Date.now() });
  expect(await create('dan-2')).toEqual(fine);
});
