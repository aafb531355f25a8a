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
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { RPC, ensureBucketsReplySchema, type LeaseClaims } from '@fornax/contracts';
import type { AccountEvent } from '@fornax/domain';
import { newId, RpcClient } from '@fornax/base';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { begin, failureOf, signedHeaders, StorageUnderTest, type TestUser } from './storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let bob: TestUser;
let eve: TestUser;
let acme: string;

const happen = (id: string, ...events: readonly AccountEvent[]): Promise<void> => storage.happen(id, ...events);
const move = ({ account: accountId }: TestUser, organisationId: string | null) =>
  happen(accountId, { type: 'OrganisationChanged', accountId, organisationId, at: Date.now() });
const quotas = { maxInstances: 1, maxCores: 1 };

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, bob, eve] = [
    await storage.user('ada@example.org'),
    await storage.user('bob@example.org'),
    await storage.user('eve@example.org'),
  ];
  acme = newId();
  await happen(acme, { type: 'OrganisationCreated', organisationId: acme, name: 'Acme', quotas, at: Date.now() });
  await move(bob, acme);
}, 180_000);
afterAll(async () => storage.stop());

/** Calls the API. @returns status and body */
const call = async (who: TestUser, method: string, path: string, body?: unknown): Promise<[number, unknown]> => {
  const answer = await fetch(`${storage.app.url}/fornax/v1/buckets${path}`, {
    method,
    headers: { authorization: who.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return [answer.status, text === '' ? undefined : JSON.parse(text)];
};
const grant = async (bucket: string, to: string, access: 'read' | 'write', by = ada): Promise<void> =>
  expect((await call(by, 'PUT', `/${bucket}/grants/${to}`, { access }))[0]).toBe(200);
const revoke = async (bucket: string, to: string, by = ada): Promise<void> =>
  expect((await call(by, 'DELETE', `/${bucket}/grants/${to}`))[0]).toBe(200);
const asBob = 'user/bob@example.org';

/** A bucket of Ada's with an object in it. */
const make = async (Bucket: string): Promise<void> => {
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
  await storage.s3(ada).send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'text' }));
};
const read = async (client: S3Client, Bucket: string, Key = 'k'): Promise<string | undefined> =>
  (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();
const put = (client: S3Client, Bucket: string, Key: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
const keysOf = async (Bucket: string): Promise<readonly (string | undefined)[]> =>
  ((await storage.s3(ada).send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
const denied = { status: 403 };
/** What a lease is told: no fault of the platform, so its attempt is not made again for nothing. */
const sharedNoMore = { name: 'InvalidBucketState', status: 409 };

const reads = (s3: S3Client, Bucket: string): readonly Promise<unknown>[] => [
  read(s3, Bucket),
  s3.send(new HeadBucketCommand({ Bucket })),
  s3.send(new ListObjectsCommand({ Bucket })),
  s3.send(new ListObjectsV2Command({ Bucket })),
];
const writes = (s3: S3Client, Bucket: string): readonly Promise<unknown>[] => [
  put(s3, Bucket, 'new'),
  s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' })),
  s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'k' }] } })),
  s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` })),
  s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'large' })),
  s3.send(new ListMultipartUploadsCommand({ Bucket })),
];
/** What its owner alone does. */
const owners = (s3: S3Client, Bucket: string): readonly Promise<unknown>[] => [
  s3.send(new DeleteBucketCommand({ Bucket })),
  s3.send(new GetBucketAclCommand({ Bucket })),
];

describe('a bucket that is not shared', () => {
  it('is closed to everybody else, and its grants are not to be seen', async () => {
    await make('closed');
    const s3 = storage.s3(eve);
    for (const attempt of [...reads(s3, 'closed'), ...writes(s3, 'closed'), ...owners(s3, 'closed')])
      expect(await failureOf(attempt)).toMatchObject(denied);
    expect(await keysOf('closed')).toEqual(['k']);
    for (const [method, path] of [
      ['GET', '/closed/grants'],
      ['PUT', `/closed/grants/user/eve@example.org`],
      ['DELETE', `/closed/grants/${asBob}`],
      ['GET', '/never-made/grants'],
    ] as const) {
      const [status, body] = await call(eve, method, path, method === 'PUT' ? { access: 'write' } : undefined);
      expect([status, body]).toEqual([404, { message: `No such bucket: ${path.split('/')[1]}` }]);
    }
  });
});

describe('a grant', () => {
  it('for reading allows to read, and nothing else', async () => {
    await make('for-reading');
    await grant('for-reading', asBob, 'read');
    const s3 = storage.s3(bob);
    for (const attempt of reads(s3, 'for-reading')) expect(await failureOf(attempt)).toMatchObject({ name: 'none' });
    for (const attempt of [...writes(s3, 'for-reading'), ...owners(s3, 'for-reading')])
      expect(await failureOf(attempt)).toMatchObject(denied);
    expect(await keysOf('for-reading')).toEqual(['k']);
    // What may be read may be copied, into a bucket of one's own.
    await s3.send(new CreateBucketCommand({ Bucket: 'bobs-copies' }));
    await s3.send(new CopyObjectCommand({ Bucket: 'bobs-copies', Key: 'k', CopySource: 'for-reading/k' }));
    expect(await failureOf(read(storage.s3(eve), 'for-reading'))).toMatchObject(denied);
  });

  it('for writing allows to store and to delete, but neither to share nor to delete the bucket', async () => {
    await make('for-writing');
    await grant('for-writing', asBob, 'write');
    const s3 = storage.s3(bob);
    await put(s3, 'for-writing', 'new');
    expect(await read(s3, 'for-writing', 'new')).toBe('x');
    const [Bucket, Key] = ['for-writing', 'large'];
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }));
    await s3.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket, Key, UploadId },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    );
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(await keysOf('for-writing')).toEqual(['large', 'new']);
    for (const attempt of owners(s3, 'for-writing')) expect(await failureOf(attempt)).toMatchObject(denied);
    for (const [method, body] of [
      ['PUT', { access: 'read' }],
      ['DELETE', undefined],
      ['GET', undefined],
    ] as const) {
      const path = `/for-writing/grants${method === 'GET' ? '' : '/user/eve@example.org'}`;
      expect((await call(bob, method, path, body))[0]).toBe(403);
    }
    const { Contents } = await s3.send(new ListObjectsCommand({ Bucket }));
    expect(Contents?.every(({ Owner }) => Owner?.ID === ada.account)).toBe(true);
  });

  it('counts what is stored against the owner of the bucket', async () => {
    const poor = await storage.user('poor@example.org', { maxStorageBytes: 3 });
    await storage.s3(poor).send(new CreateBucketCommand({ Bucket: 'poor-bucket' }));
    await grant('poor-bucket', asBob, 'write', poor);
    await put(storage.s3(bob), 'poor-bucket', 'small');
    const more = storage.s3(bob).send(new PutObjectCommand({ Bucket: 'poor-bucket', Key: 'k', Body: 'too much' }));
    await expect(more).rejects.toMatchObject({ name: 'QuotaExceeded', message: expect.not.stringMatching(/\d/) });
    await make('of-the-rich');
    await grant('of-the-rich', 'user/poor@example.org', 'write');
    await storage.s3(poor).send(new PutObjectCommand({ Bucket: 'of-the-rich', Key: 'k', Body: 'more than three' }));
  });

  it('is over at the next request when it is revoked, also for an upload that waits for its body', async () => {
    await make('revoked');
    await grant('revoked', asBob, 'write');
    const s3 = storage.s3(bob);
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: 'revoked', Key: 'large' }));
    const request = { method: 'PUT', path: '/revoked/late', body: 'x', payloadHash: 'UNSIGNED-PAYLOAD' };
    const headers = signedHeaders(storage.port, { ...request, accessKey: bob.email, secretKey: bob.token });
    const finish = await begin(storage.port, { ...request, headers });
    await revoke('revoked', asBob);
    expect((await finish()).status).toBe(403);
    for (const attempt of [...reads(s3, 'revoked'), ...writes(s3, 'revoked')])
      expect(await failureOf(attempt)).toMatchObject(denied);
    const upload = { Bucket: 'revoked', Key: 'large', UploadId };
    expect(await failureOf(s3.send(new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' })))).toMatchObject(
      denied,
    );
    expect(await failureOf(s3.send(new AbortMultipartUploadCommand(upload)))).toMatchObject(denied);
    expect(await keysOf('revoked')).toEqual(['k']);
    // Reading is what is left of writing when the grant is made smaller.
    await grant('revoked', asBob, 'write');
    await grant('revoked', asBob, 'read');
    expect(await read(s3, 'revoked')).toBe('text');
    expect(await failureOf(put(s3, 'revoked', 'new'))).toMatchObject(denied);
  });

  it('ends with its bucket: the next one of that name is shared with nobody', async () => {
    await make('made-again');
    await grant('made-again', asBob, 'write');
    await storage.s3(ada).send(new DeleteObjectCommand({ Bucket: 'made-again', Key: 'k' }));
    await storage.s3(ada).send(new DeleteBucketCommand({ Bucket: 'made-again' }));
    expect(await failureOf(read(storage.s3(bob), 'made-again'))).toMatchObject({ name: 'NoSuchBucket' });
    await make('made-again');
    for (const attempt of reads(storage.s3(bob), 'made-again')) expect(await failureOf(attempt)).toMatchObject(denied);
    expect(await call(ada, 'GET', '/made-again/grants')).toEqual([200, []]);
  });

  it('to an organization or a project is for those who belong to it, as long as they do', async () => {
    const project = newId();
    const facts = { name: 'Wind', slug: 'wind', description: '' };
    const at = Date.now();
    await happen(acme, {
      type: 'ProjectCreated',
      projectId: project,
      ownerId: acme,
      ownerKind: 'organisation',
      ...facts,
      at,
    });
    await make('for-acme');
    await make('for-wind');
    await grant('for-acme', `organization/${acme}`, 'read');
    await grant('for-wind', `project/${project}`, 'write');
    const s3 = storage.s3(bob);
    expect(await read(s3, 'for-acme')).toBe('text');
    await put(s3, 'for-wind', 'new');
    expect(await failureOf(read(storage.s3(eve), 'for-acme'))).toMatchObject(denied);
    const sharedWith = async (who: TestUser): Promise<readonly string[]> =>
      ((await call(who, 'GET', ''))[1] as { name: string }[]).map(({ name }) => name);
    expect(await sharedWith(bob)).toEqual(expect.arrayContaining(['for-acme', 'for-wind']));
    await move(bob, null);
    expect(await failureOf(read(s3, 'for-acme'))).toMatchObject(denied);
    expect(await failureOf(put(s3, 'for-wind', 'newer'))).toMatchObject(denied);
    expect(await sharedWith(bob)).not.toEqual(expect.arrayContaining(['for-acme']));
    await move(bob, acme);
    expect(await read(s3, 'for-acme')).toBe('text');
    // With members, the project is for those: who only looks at it reads what others may write, and who is none has nothing.
    const accountId = bob.account;
    const role = (name: 'viewer' | 'member') =>
      happen(acme, { type: 'ProjectMemberSet', projectId: project, accountId, role: name, at: Date.now() });
    await role('viewer');
    expect(await read(s3, 'for-wind')).toBe('text');
    expect(await failureOf(put(s3, 'for-wind', 'seen'))).toMatchObject(denied);
    await role('member');
    await put(s3, 'for-wind', 'written');
    await happen(acme, { type: 'ProjectMemberRemoved', projectId: project, accountId, at: Date.now() });
    expect(await failureOf(read(s3, 'for-wind'))).toMatchObject(denied);
    expect(await sharedWith(bob)).not.toContain('for-wind');
    await role('member');
    expect(await read(s3, 'for-wind')).toBe('text');
    await happen(acme, { type: 'ProjectArchived', projectId: project, at: Date.now() });
    expect(await failureOf(read(s3, 'for-wind'))).toMatchObject(denied);
  });
});

describe('who shares', () => {
  it('names grantees that there are, in words that say what is wrong', async () => {
    await make('named');
    const attempts: readonly (readonly [to: string, body: object, status: number, text: RegExp])[] = [
      ['user/nobody@example.org', { access: 'read' }, 404, /no such user: nobody@example.org/],
      ['project/nothing', { access: 'read' }, 404, /no such project/],
      ['organization/Nowhere', { access: 'read' }, 404, /no such organization/],
      // There is one, which is not hers: nobody learns that.
      ['organization/Acme', { access: 'read' }, 404, /no such organization: Acme/],
      ['everybody/all', { access: 'read' }, 400, /user/],
      [asBob, { access: 'all' }, 400, /access/],
      [asBob, {}, 400, /access/],
      ['user/ada@example.org', { access: 'read' }, 400, /owner/],
    ];
    for (const [to, body, status, text] of attempts) {
      const answer = await call(ada, 'PUT', `/named/grants/${to}`, body);
      expect([to, answer[0], JSON.stringify(answer[1])]).toEqual([to, status, expect.stringMatching(text)]);
    }
    expect(await call(ada, 'GET', '/named/grants')).toEqual([200, []]);
    expect(await call(ada, 'DELETE', '/named/grants/organization/Acme')).toEqual([
      404,
      { message: 'There is no such organization: Acme' },
    ]);
    await grant('named', `organization/${acme}`, 'read');
    await revoke('named', 'organization/Acme');
  });

  it('learns that there was nothing to revoke', async () => {
    await make('shared-with-few');
    await grant('shared-with-few', asBob, 'read');
    for (const to of ['user/eve@example.org', `organization/${acme}`])
      expect(await call(ada, 'DELETE', `/shared-with-few/grants/${to}`)).toEqual([
        404,
        { message: expect.stringMatching(/^The bucket shared-with-few is not shared with this (user|organization)$/) },
      ]);
    await revoke('shared-with-few', asBob);
    expect((await call(ada, 'DELETE', `/shared-with-few/grants/${asBob}`))[0]).toBe(404);
  });

  it('is the owner, or a coordinator within the organization, and the log says who it was', async () => {
    const [member, boss] = [await storage.user('member@example.org'), await storage.user('boss@example.org')];
    await move(member, acme);
    await move(boss, acme);
    await happen(boss.account, { type: 'RoleChanged', accountId: boss.account, role: 'coordinator', at: Date.now() });
    await storage.s3(member).send(new CreateBucketCommand({ Bucket: 'of-a-member' }));
    expect((await call(bob, 'PUT', `/of-a-member/grants/${asBob}`, { access: 'read' }))[0]).toBe(404);
    await grant('of-a-member', asBob, 'read', boss);
    const outside = await call(boss, 'PUT', '/of-a-member/grants/user/eve@example.org', { access: 'read' });
    expect(outside).toEqual([403, expect.objectContaining({ message: expect.stringContaining('organization') })]);
    expect(await call(member, 'GET', '/of-a-member/grants')).toEqual([
      200,
      [{ kind: 'user', id: bob.account, name: bob.email, access: 'read', grantedAt: expect.any(String) }],
    ]);
    const last = (await storage.log.readAggregate('bucket', 'of-a-member')).at(-1);
    expect(last?.meta).toMatchObject({ actor: `user:${boss.account}`, onBehalfOf: `user:${member.account}` });
    await revoke('of-a-member', asBob, boss);
    expect((await call(boss, 'PUT', '/for-acme/grants/user/eve@example.org', { access: 'write' }))[0]).toBe(403);
  });
});

describe('the list of buckets', () => {
  it('shows what is shared beside what is owned, and S3 shows what is owned', async () => {
    await make('listed');
    await grant('listed', asBob, 'read');
    const [, list] = await call(bob, 'GET', '');
    const shared = (list as { name: string }[]).find(({ name }) => name === 'listed');
    expect(shared).toEqual({
      name: 'listed',
      createdAt: expect.any(String),
      objects: 1,
      bytes: 4,
      access: 'read',
      owner: { uuid: ada.account, name: ada.email },
      project: null,
      grants: null,
    });
    const own = ((await call(ada, 'GET', ''))[1] as { name: string }[]).find(({ name }) => name === 'listed');
    expect(own).toMatchObject({
      access: 'own',
      project: { uuid: ada.account, name: 'Default' },
      grants: [{ kind: 'user', id: bob.account, name: bob.email, access: 'read' }],
    });
    const { Buckets = [] } = await storage.s3(bob).send(new ListBucketsCommand({}));
    expect(Buckets.map(({ Name }) => Name)).not.toContain('listed');
  });
});

describe('a task', () => {
  const leaseOf = (who: TestUser, more: Partial<LeaseClaims>) =>
    storage.lease({ ...storage.newLease(who, 'unused'), ...more });
  const ensure = (owner: TestUser, mustExist: readonly string[], create: readonly string[]) =>
    storage.app.app
      .get(RpcClient)
      .request(
        RPC.ensureBuckets,
        { owner: owner.account, mustExist, create, actor: `user:${owner.account}`, correlationId: 'c' },
        ensureBucketsReplySchema,
      );

  it('reads what is shared for reading, and stores in what is shared for writing', async () => {
    await make('task-in');
    await make('task-out');
    expect(await ensure(bob, ['task-in'], [])).toMatchObject({ missing: ['task-in'] });
    await grant('task-in', asBob, 'read');
    await grant('task-out', asBob, 'write');
    const catching = [{ bucket: 'task-out', reason: 'it belongs to somebody outside of your organization' }];
    expect(await ensure(bob, ['task-in', 'task-out'], ['task-out'])).toEqual({ missing: [], refused: catching });
    const again = () => failureOf(storage.s3(bob).send(new CreateBucketCommand({ Bucket: 'task-out' })));
    expect(await again()).toMatchObject({ name: 'BucketAlreadyExists', status: 409 });
    // Within an organization it is as if the bucket were bob's.
    await move(ada, acme);
    expect(await again()).toMatchObject({ name: 'none' });
    expect(await ensure(bob, ['task-in', 'task-out'], ['task-out'])).toEqual({ missing: [], refused: [] });
    expect((await ensure(bob, [], ['task-in'])).refused).toEqual([
      { bucket: 'task-in', reason: 'it is shared for reading only' },
    ]);

    const claims = storage.newLease(bob, 'task-out');
    const node = storage.lease({ ...claims, read: [{ bucket: 'task-in' }] });
    expect(await read(node, 'task-in')).toBe('text');
    await put(node, 'task-out', 'result');
    expect(await failureOf(read(node, 'task-out'))).toMatchObject(denied);
    await storage.conclude(claims);
    expect(await keysOf('task-out')).toEqual(['k', 'result']);
    // A snapshot is written in place.
    await put(leaseOf(bob, { results: null, snapshot: { bucket: 'task-out', prefix: null } }), 'task-out', 'snapshot');

    const earlier = storage.newLease(bob, 'task-out');
    await put(storage.lease(earlier), 'task-out', 'before the end of the grant');
    await revoke('task-in', asBob);
    await revoke('task-out', asBob);
    // What it stored while it might is kept, although its instance ends later.
    await storage.conclude(earlier);
    expect(await keysOf('task-out')).toEqual(['before the end of the grant', 'k', 'result', 'snapshot']);
    const late = leaseOf(bob, { read: [{ bucket: 'task-in' }], results: { bucket: 'task-out', prefix: null } });
    expect(await failureOf(read(late, 'task-in'))).toMatchObject(sharedNoMore);
    expect(await failureOf(put(late, 'task-out', 'late'))).toMatchObject(sharedNoMore);
    expect(await ensure(bob, ['task-in'], ['task-out'])).toMatchObject({
      missing: ['task-in'],
      refused: [{ bucket: 'task-out', reason: 'the bucket name is not available' }],
    });
  });

  it('leaves nothing in a bucket of another organization that has got the name of its own', async () => {
    await move(bob, null);
    await storage.s3(bob).send(new CreateBucketCommand({ Bucket: 'squatted' }));
    const claims = storage.newLease(bob, 'squatted');
    const results = storage.lease(claims);
    const snapshot = leaseOf(bob, { results: null, snapshot: { bucket: 'squatted', prefix: null } });
    await storage.s3(bob).send(new DeleteBucketCommand({ Bucket: 'squatted' }));
    await make('squatted');
    await grant('squatted', asBob, 'write');
    for (const node of [results, snapshot])
      expect(await failureOf(put(node, 'squatted', 'result'))).toMatchObject(sharedNoMore);
    const manifest = `${claims.taskId}/${'0a'.repeat(32)}.json`;
    expect(await failureOf(put(results, '.manifests', manifest))).toMatchObject({ name: 'InvalidBucketState' });
    // As himself bob may: he says what he stores, and where.
    await put(storage.s3(bob), 'squatted', 'by-himself');
    expect(await keysOf('squatted')).toEqual(['by-himself', 'k']);
  });

  it('never gets more through a grant than its lease names', async () => {
    await make('not-named');
    await grant('not-named', asBob, 'write');
    const node = leaseOf(bob, { read: [{ bucket: 'task-in' }] });
    expect(await failureOf(read(node, 'not-named'))).toMatchObject(denied);
    expect(await failureOf(put(node, 'not-named', 'x'))).toMatchObject(denied);
  });
});
