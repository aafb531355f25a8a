import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { encodeCopies, FILE_COPIES_QUERY, type FileCopies, type LeaseClaims, SNAPSHOTS_AREA } from '@fornax/contracts';
import { signLeaseClaims } from '@fornax/identity';
import { newId } from '@fornax/base';
import { S3Client as NodeClient } from '@fornax/s3';
import { eventually, submitted } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '@fornax/object-store';
import { StorageUsage } from '../buckets/storage-usage.js';
import { OBJECT_STORE } from '../config/tokens.js';
import { Leftovers } from '../process-managers/leftovers.js';
import { StorageUnderTest, TEST_MASTER_KEY, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
let s3: S3Client;
const clients: NodeClient[] = [];
const BUCKET = 'ada-snapshots';
const MANIFESTS_AREA = '.manifests';
const at = 1_000;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  s3 = storage.s3(ada);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
}, 180_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await storage.stop();
});

/** The claims of an instance, for a snapshot of it. */
const claimsFor = (
  taskId: string,
  snapshot: LeaseClaims['snapshot'],
  more: Partial<LeaseClaims> = {},
): LeaseClaims => ({
  ...storage.newLease(ada, BUCKET),
  taskId,
  results: null,
  snapshot,
  ...more,
});
const nodeOf = (claims: LeaseClaims): NodeClient => {
  storage.currentLeases?.add(claims.leaseId);
  const client = new NodeClient({
    endpoint: `http://127.0.0.1:${storage.port}`,
    ...signLeaseClaims(TEST_MASTER_KEY, claims),
  });
  clients.push(client);
  return client;
};
const idOf = (taskId: string, n: number): string => `snap_${taskId}_2026112718000${n}_abcd`;
const copy = (node: NodeClient, of: FileCopies['of'], keys: readonly string[], mode = '100644'): Promise<string> =>
  node.post(BUCKET, FILE_COPIES_QUERY, encodeCopies({ of, files: keys.map((key) => ({ key, mode })) }));
const keys = async (): Promise<readonly (string | undefined)[]> =>
  ((await s3.send(new ListObjectsV2Command({ Bucket: BUCKET }))).Contents ?? []).map(({ Key }) => Key);
const read = async (Key: string): Promise<string | undefined> =>
  (await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }))).Body?.transformToString();
const end = (taskId: string, snapshotId: string, how: 'completed' | 'failed'): Promise<number> =>
  storage.append('snapshot', snapshotId, [
    how === 'completed'
      ? { type: 'SnapshotCompleted', taskId, files: 1, bytes: 1, at }
      : { type: 'SnapshotFailed', taskId, reason: 'node', at },
  ]);

const shownTo = async ({ token }: TestUser): Promise<unknown> =>
  (await fetch(`${storage.app.url}/fornax/v1/buckets/usage`, { headers: { authorization: token } })).json();

/** The log before anything of a snapshot comes. */
const begin = async (taskId: string, snapshotId: string, { account }: TestUser, bucket: string): Promise<void> => {
  await storage.append('task', taskId, [submitted(taskId, {}, account)]);
  const config = { whitelist: null, blacklist: null, bucket, prefix: null };
  const parts = [{ instance: 0, leaseId: 'l', node: 'n' }];
  await storage.append('snapshot', snapshotId, [
    { type: 'SnapshotTriggered', snapshotId, taskId, owner: account, config, parts, at },
  ]);
};

describe('files of a snapshot', () => {
  it('are in nobody’s bucket until the snapshot is complete, and then all at once under their names', async () => {
    const taskId = newId();
    await storage.append('task', taskId, [submitted(taskId, {}, ada.account)]);
    const [first, second] = [idOf(taskId, 1), idOf(taskId, 2)];
    const one = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'a/', id: first }));
    await one.putObject(BUCKET, 'a/steady', 'steady');
    await one.putObject(BUCKET, 'a/changes', '1');
    await copy(one, 'taken', ['a/steady', 'a/changes']);
    expect(await keys()).toEqual([]);
    await end(taskId, first, 'completed');
    expect([await read('a/steady'), await read('a/changes')]).toEqual(['steady', '1']);

    // What has not changed comes from the snapshot before; what is not there to be copied is named.
    const two = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'a/', id: second, before: first }));
    expect(await copy(two, 'before', ['a/steady', 'a/never'])).toContain('<Missing>1</Missing>');
    await two.putObject(BUCKET, 'a/changes', '2');
    await copy(two, 'taken', ['a/steady', 'a/changes']);
    expect(await read('a/changes')).toBe('1');
    await end(taskId, second, 'completed');
    // A listing waits for what is being published; an object that was there before is read as it is.
    await keys();
    expect([await read('a/steady'), await read('a/changes')]).toEqual(['steady', '2']);

    // Each snapshot stays what it was, for an instance that begins with it.
    const restore = { taskId, snapshotId: first, manifest: 'f'.repeat(64) };
    const later = nodeOf(claimsFor(newId(), null, { restore }));
    const kept = `${taskId}/${first}/0/${BUCKET}/a/changes`;
    expect((await later.getBytes(SNAPSHOTS_AREA, kept)).toString()).toBe('1');
    const others = kept.replace(first, second);
    await expect(later.getBytes(SNAPSHOTS_AREA, others)).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(later.putObject(SNAPSHOTS_AREA, kept, 'x')).rejects.toMatchObject({ code: 'AccessDenied' });
    await storage.append('task', taskId, [{ type: 'TaskDeleted', at }]);
    await keys();
    await expect(later.getBytes(SNAPSHOTS_AREA, kept)).rejects.toMatchObject({ code: 'NoSuchKey' });
    expect(await read('a/changes')).toBe('2');
  });

  it('are read by the owner of the task, and by no other user', async () => {
    const bob = await storage.user('bob@example.org');
    const [taskId, foreign] = [newId(), newId()];
    for (const [id, owner] of [[taskId, ada] as const, [foreign, bob] as const])
      await storage.append('task', id, [submitted(id, {}, owner.account)]);
    const id = idOf(taskId, 1);
    const node = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'o/', id }));
    await node.putObject(BUCKET, 'o/state', 'state');
    const Key = `${taskId}/${id}/0/${BUCKET}/o/state`;
    const read = (user: TestUser, key = Key) =>
      storage.s3(user).send(new GetObjectCommand({ Bucket: SNAPSHOTS_AREA, Key: key }));
    expect(await (await read(ada)).Body?.transformToString()).toBe('state');
    const denied = { name: 'AccessDenied' };
    await expect(read(bob)).rejects.toMatchObject(denied);
    for (const key of [Key.replace(taskId, foreign), `${newId()}/x`, 'x'])
      await expect(read(ada, key)).rejects.toMatchObject(denied);
    await expect(
      storage.s3(ada).send(new PutObjectCommand({ Bucket: SNAPSHOTS_AREA, Key, Body: 'other' })),
    ).rejects.toMatchObject(denied);
    await storage.append('task', taskId, [{ type: 'TaskDeleted', at }]);
    await eventually(async () => {
      await expect(read(ada)).rejects.toMatchObject(denied);
      return true;
    });
  });

  it('of a snapshot that is pruned are gone and take up no room; what was published of it stays', async () => {
    const poor = await storage.poor('poor-snapshots');
    const taskId = newId();
    const [first, second] = [idOf(taskId, 1), idOf(taskId, 2)];
    await begin(taskId, first, poor, 'poor-snapshots');
    const put = async (id: string): Promise<void> => {
      const claims = { ...claimsFor(taskId, { bucket: 'poor-snapshots', prefix: null, id }), owner: poor.account };
      const node = nodeOf(claims);
      await node.putObject('poor-snapshots', 'state', 'x'.repeat(30));
      await node.post(
        'poor-snapshots',
        FILE_COPIES_QUERY,
        encodeCopies({ of: 'taken', files: [{ key: 'state', mode: '100644' }] }),
      );
      await end(taskId, id, 'completed');
    };
    await put(first);
    // 60 of its 100 bytes are taken.
    await expect(put(second)).rejects.toMatchObject({ code: 'QuotaExceeded' });
    await storage.append('snapshot', first, [{ type: 'SnapshotPruneRequested', taskId, cause: 'asked', at }]);
    await expect(put(second)).rejects.toMatchObject({ code: 'QuotaExceeded' });
    await storage.append('snapshot', first, [{ type: 'SnapshotPruned', taskId, at }]);
    const listed = async () =>
      (await storage.s3(poor).send(new ListObjectsV2Command({ Bucket: 'poor-snapshots' }))).Contents;
    expect(await listed()).toMatchObject([{ Key: 'state' }]);
    const restore = { taskId, snapshotId: first, manifest: 'f'.repeat(64) };
    const late = nodeOf({ ...claimsFor(newId(), null, { restore }), owner: poor.account });
    await expect(late.getBytes(SNAPSHOTS_AREA, `${taskId}/${first}/0/poor-snapshots/state`)).rejects.toMatchObject({
      code: 'NoSuchKey',
    });
    // A request that was answered a moment ago may still hold its room.
    await eventually(() =>
      put(second).then(
        () => true,
        () => false,
      ),
    );
  });

  it('count for the owner of the task, also when their bucket is gone, and never for whoever has made another one of its name', async () => {
    const [bob, eve] = [await storage.user('bob-snaps@example.org'), await storage.user('eve-snaps@example.org')];
    const [taskId, Bucket] = [newId(), 'twice-made'];
    const id = idOf(taskId, 1);
    const used = async ({ account }: TestUser): Promise<number> =>
      (await storage.app.app.get(StorageUsage).of({ kind: 'user', id: account })).bytes;
    const inProject = async ({ account }: TestUser): Promise<number> =>
      (await storage.app.app.get(StorageUsage).of({ kind: 'project', id: account })).bytes;
    await storage.s3(bob).send(new CreateBucketCommand({ Bucket }));
    await begin(taskId, id, bob, Bucket);
    const claims = { ...claimsFor(taskId, { bucket: Bucket, prefix: null, id }), owner: bob.account };
    const node = nodeOf(claims);
    await node.putObject(Bucket, 'state', 'x'.repeat(30));
    expect([await used(bob), await inProject(bob)]).toEqual([30, 30]);
    await node.post(
      Bucket,
      FILE_COPIES_QUERY,
      encodeCopies({ of: 'taken', files: [{ key: 'state', mode: '100644' }] }),
    );
    expect(await used(bob)).toBe(60);
    await storage.s3(bob).send(new DeleteBucketCommand({ Bucket }));
    await eventually(async () => (await used(bob)) === 30);
    await storage.s3(eve).send(new CreateBucketCommand({ Bucket }));
    expect([await used(bob), await used(eve)]).toEqual([30, 0]);
    expect(await shownTo(bob)).toMatchObject({ tasks: [{ taskId, bytes: 30, staged: 30 }] });
    expect(await shownTo(eve)).toMatchObject({ tasks: [] });
    await storage.append('task', taskId, [{ type: 'TaskDeleted', at }]);
    await eventually(async () => (await used(bob)) === 0);
  });

  it('of a snapshot that failed are gone', async () => {
    const taskId = newId();
    const id = idOf(taskId, 1);
    const node = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'f/', id }));
    await node.putObject(BUCKET, 'f/half', 'half');
    await copy(node, 'taken', ['f/half']);
    await end(taskId, id, 'failed');
    expect((await keys()).filter((key) => key?.startsWith('f/'))).toEqual([]);
    // Gone once the listing has waited for it.
    const later = nodeOf(claimsFor(newId(), null, { restore: { taskId, snapshotId: id, manifest: 'f'.repeat(64) } }));
    await expect(later.getBytes(SNAPSHOTS_AREA, `${taskId}/${id}/0/${BUCKET}/f/half`)).rejects.toMatchObject({
      code: 'NoSuchKey',
    });
  });

  it('are read by instances of their own owner that begin with them, and by nobody else’s, whatever a lease says', async () => {
    const taskId = newId();
    await storage.append('task', taskId, [submitted(taskId, {}, ada.account)]);
    const id = idOf(taskId, 1);
    const node = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'r/', id }));
    await node.putObject(BUCKET, 'r/state', 'of ada');
    await copy(node, 'taken', ['r/state']);
    const stranger = await storage.user('stranger@example.org');
    const restore = { taskId, snapshotId: id, manifest: 'f'.repeat(64) };
    const begun = (more: Partial<LeaseClaims>): Promise<Uint8Array> =>
      nodeOf(claimsFor(newId(), null, { restore, ...more })).getBytes(
        SNAPSHOTS_AREA,
        `${taskId}/${id}/0/${BUCKET}/r/state`,
      );
    expect(Buffer.from(await begun({})).toString()).toBe('of ada');
    await expect(begun({ owner: stranger.account })).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(begun({ restore: { ...restore, taskId: newId() } })).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  it('that a node sends after its snapshot has failed, or was pruned, are collected, and no others', async () => {
    const taskId = newId();
    await storage.append('task', taskId, [submitted(taskId, {}, ada.account)]);
    const [failed, pruned, kept] = [idOf(taskId, 1), idOf(taskId, 2), idOf(taskId, 3)];
    await end(taskId, failed, 'failed');
    await storage.append('snapshot', pruned, [{ type: 'SnapshotPruned', taskId, at }]);
    await end(taskId, kept, 'completed');
    await keys();
    for (const id of [failed, pruned, kept]) {
      const node = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'l/', id }));
      await node.putObject(BUCKET, 'l/late', 'late');
      if (id !== kept) await copy(node, 'taken', ['l/late']);
    }
    const store = storage.app.app.get<ObjectStore>(OBJECT_STORE);
    const left = async (area: string): Promise<readonly string[]> =>
      (await store.list(area, { prefix: `${taskId}/`, limit: 10 })).objects.map(({ key }) => key.split('/')[1] ?? '');
    expect([(await left('.snapshots')).length, (await left('.staging')).length]).toEqual([3, 2]);
    await storage.app.app.get(Leftovers).sweep();
    await keys();
    await eventually(async () => (await left('.snapshots')).length === 1);
    expect([await left('.snapshots'), await left('.staging')]).toEqual([[kept], []]);
  });

  it('that a storage of before let lie when their snapshot was complete are published, unless something newer has their place', async () => {
    const taskId = newId();
    await storage.append('task', taskId, [submitted(taskId, {}, ada.account)]);
    const id = idOf(taskId, 1);
    // As one that does not know what to do about it: nothing is there yet when it reads of it.
    await end(taskId, id, 'completed');
    await keys();
    const node = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'u/', id }));
    for (const name of ['u/unpublished', 'u/newer']) await node.putObject(BUCKET, name, 'of the snapshot');
    await copy(node, 'taken', ['u/unpublished', 'u/newer']);
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'u/newer', Body: 'newer' }));
    await storage.app.app.get(Leftovers).sweep();
    await eventually(async () => (await keys()).includes('u/unpublished'));
    expect([await read('u/unpublished'), await read('u/newer')]).toEqual(['of the snapshot', 'newer']);
  });

  it('are copied for their own lease alone, within what it may write', async () => {
    const taskId = newId();
    const staged = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: 'mine/', id: idOf(taskId, 1) }));
    await expect(copy(staged, 'taken', ['theirs/x'])).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(copy(staged, 'before', ['mine/x'])).rejects.toMatchObject({ code: 'AccessDenied' });
    const inPlace = nodeOf(claimsFor(taskId, { bucket: BUCKET, prefix: null }));
    await expect(copy(inPlace, 'taken', ['x'])).rejects.toMatchObject({ code: 'AccessDenied' });
    const user = new NodeClient({
      endpoint: `http://127.0.0.1:${storage.port}`,
      accessKey: ada.email,
      secretKey: ada.token,
    });
    clients.push(user);
    await expect(copy(user, 'taken', ['x'])).rejects.toMatchObject({ code: 'NotImplemented' });
  });

  it('are not said to be complete when their bucket was deleted after some had been laid out, though another one has its name', async () => {
    const taskId = newId();
    const bucket = 'made-again';
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const id = idOf(taskId, 1);
    const node = nodeOf(claimsFor(taskId, { bucket, prefix: null, id }));
    for (const key of ['x', 'y']) {
      await node.putObject(bucket, key, key);
      const copies = encodeCopies({ of: 'taken', files: [{ key, mode: '100644' }] });
      await node.post(bucket, FILE_COPIES_QUERY, copies);
      if (key === 'x') await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      if (key === 'x') await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    }
    const store = node.putObject(MANIFESTS_AREA, `${taskId}/${'a'.repeat(64)}.json`, '{}');
    await expect(store).rejects.toMatchObject({ code: 'InvalidBucketState' });
    // The next one is nobody's heir.
    const next = nodeOf(claimsFor(taskId, { bucket, prefix: null, id: idOf(taskId, 2) }));
    await next.putObject(MANIFESTS_AREA, `${taskId}/${'b'.repeat(64)}.json`, '{}');
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    const gone = next.putObject(MANIFESTS_AREA, `${taskId}/${'c'.repeat(64)}.json`, '{}');
    await expect(gone).rejects.toMatchObject({ code: 'InvalidBucketState' });
  });

  it('come to lie in no other bucket of the same name', async () => {
    const taskId = newId();
    await s3.send(new CreateBucketCommand({ Bucket: 'soon-gone' }));
    const id = idOf(taskId, 1);
    const node = nodeOf(claimsFor(taskId, { bucket: 'soon-gone', prefix: null, id }));
    await node.putObject('soon-gone', 'x', 'x');
    await node.post('soon-gone', FILE_COPIES_QUERY, encodeCopies({ of: 'taken', files: [{ key: 'x', mode: '644' }] }));
    await s3.send(new DeleteBucketCommand({ Bucket: 'soon-gone' }));
    await expect(node.putObject('soon-gone', 'y', 'y')).rejects.toMatchObject({ status: 404 });
    await end(taskId, id, 'completed');
    await s3.send(new CreateBucketCommand({ Bucket: 'soon-gone' }));
    expect((await s3.send(new ListObjectsV2Command({ Bucket: 'soon-gone' }))).Contents ?? []).toEqual([]);
  });
});
