import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { storageDiskSchema, storageUsageSchema, type WireStorageUsage } from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { eventually, submitted as submission } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OBJECT_STORE } from '../config/tokens.js';
import { Leftovers } from '../process-managers/leftovers.js';
import { StorageReads } from '../reading/storage-reads.js';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';

const AREAS = ['.staging', '.manifests', '.output', '.tables'] as const;

let storage: StorageUnderTest;
let ada: TestUser;
let eve: TestUser;
let root: TestUser;

const ask = ({ token }: TestUser, path = ''): Promise<Response> =>
  fetch(`${storage.app.url}/fornax/v1/buckets/usage${path}`, { headers: { authorization: token } });
const usageFor = async (user: TestUser): Promise<WireStorageUsage> =>
  storageUsageSchema.parse(await (await ask(user)).json());
const store = (): ObjectStore => storage.app.app.get<ObjectStore>(OBJECT_STORE);
const put = (bucket: string, key: string, text: string) =>
  store().put(
    bucket,
    key,
    (async function* () {
      yield Buffer.from(text);
    })(),
    { contentType: 'a/b', userMetadata: {}, sizeBytes: text.length },
  );
const keysOf = async (task: string): Promise<readonly string[]> =>
  (await Promise.all(AREAS.map((area) => store().list(area, { prefix: `${task}/`, limit: 10 }))))
    .flatMap(({ objects }) => objects)
    .map(({ key }) => key);
const submitted = (taskId: string, owner: TestUser) =>
  storage.append('task', taskId, [submission(taskId, {}, owner.account)]);
const deleteTask = (taskId: string) => storage.append('task', taskId, [{ type: 'TaskDeleted', at: Date.now() }]);

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  [ada, eve] = [await storage.user('ada@example.org'), await storage.user('eve@example.org')];
  root = await storage.user('root@example.org', {}, 'operator');
  for (const [user, Bucket] of [
    [ada, 'ada-one'],
    [eve, 'eve-one'],
  ] as const) {
    const s3 = storage.s3(user);
    await s3.send(new CreateBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '12345' }));
    const place = { Bucket, Key: 'parts' };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(place));
    await s3.send(new UploadPartCommand({ ...place, UploadId, PartNumber: 1, Body: '123' }));
  }
  await submitted('task-of-ada', ada);
  await put('.staging', 'task-of-ada/lease/ada-one/result', '1234567');
  await put('.manifests', `task-of-ada/${ada.account}/${'0a'.repeat(32)}.json`, '12');
  await put('.output', 'task-of-ada/stdout/x', '1');
  await put('.tables', `task-of-ada/${'0a'.repeat(32)}.json`, '123');
  await put('.output', 'task-of-nobody/stdout/x', '12');
}, 180_000);
afterAll(async () => storage.stop());

describe('what lies in object storage', () => {
  it('is shown to its owners, by bucket, task and kind', async () => {
    const found = await usageFor(ada);
    expect(found.buckets).toEqual([
      { name: 'ada-one', owner: ada.account, objects: 1, bytes: 5, uploadParts: 1, uploadBytes: 3 },
    ]);
    expect(found.tasks).toEqual([{ taskId: 'task-of-ada', objects: 4, bytes: 13, staged: 7, manifests: 5, output: 1 }]);
    expect(found.total).toEqual({ objects: 6, bytes: 21 });
    expect((await usageFor(eve)).tasks).toEqual([]);
  });

  it('is shown whole to operators, and adds up to what lies on disk', async () => {
    const found = await usageFor(root);
    expect(found.total).toEqual({ objects: 9, bytes: 31 });
    expect((await ask(ada, '/disk')).status).toBe(403);
    const look = async () => storageDiskSchema.parse(await (await ask(root, '/disk')).json());
    const disk = await look();
    expect(disk.indexedBytes).toBe(31);
    expect(disk.kinds.find(({ kind }) => kind === 'missing')).toMatchObject({ files: 0, bytes: 0 });
    expect(disk.kinds.filter(({ kind }) => kind === 'objects').map(({ bucket }) => bucket)).toEqual(
      expect.arrayContaining(['.manifests', '.output', '.staging', '.tables', 'ada-one', 'eve-one']),
    );
    const onDisk = async (): Promise<number> => {
      const entries = await readdir(storage.folder, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
      return sizes.reduce((sum, size) => sum + size, 0);
    };
    // The store leaves a mark now and then, between two looks.
    await eventually(async () => (await look()).total.bytes === (await onDisk()), { timeoutMs: 30_000 });
  });
});

describe('what deleted tasks leave', () => {
  it('is gone once they are deleted: staged results, lists of results, output, tables', async () => {
    await submitted('deleted', ada);
    await put('.staging', 'deleted/lease/ada-one/x', 'x');
    await put('.manifests', `deleted/${ada.account}/${'0b'.repeat(32)}.json`, 'x');
    await put('.output', 'deleted/stdout/x', 'x');
    await put('.tables', `deleted/${'0b'.repeat(32)}.json`, 'x');
    await deleteTask('deleted');
    await eventually(async () => (await keysOf('deleted')).length === 0, { timeoutMs: 30_000 });
  });

  it('is swept, also what came when they were deleted already; what the log does not know stays', async () => {
    await submitted('long-gone', ada);
    await storage.app.app.get(StorageReads).waitFor(await deleteTask('long-gone'));
    for (const area of AREAS) await put(area, 'long-gone/lease/ada-one/late', 'x');
    const uploadId = await store().createUpload('.staging', 'long-gone/lease/ada-one/parts', {
      contentType: 'a/b',
      userMetadata: {},
    });
    const leftovers = storage.app.app.get(Leftovers);
    expect(await leftovers.sweep()).toEqual(['long-gone']);
    await eventually(async () => (await keysOf('long-gone')).length === 0, { timeoutMs: 30_000 });
    expect((await store().listUploads('.staging')).filter((upload) => upload.uploadId === uploadId)).toEqual([]);
    expect(await leftovers.sweep()).toEqual([]);
    expect(await keysOf('task-of-ada')).toHaveLength(4);
    expect(await keysOf('task-of-nobody')).toHaveLength(1);
  });

  it('is swept of submissions that failed: tables of parameters that no task came to, after a day', async () => {
    const failed = ['1', '2', '3', '4', '5'].map((number) => `never-submitted-${number}`);
    for (const task of failed) await put('.tables', `${task}/${'0c'.repeat(32)}.json`, 'rows');
    const leftovers = storage.app.app.get(Leftovers);
    expect(await leftovers.sweep()).toEqual([]);
    // One is still on its way: its task is in the log by the time of the sweep.
    await submitted('never-submitted-5', ada);
    const tomorrow = new Date(Date.now() + 25 * 3_600_000);
    expect(await leftovers.sweep(undefined, tomorrow)).toEqual(failed.slice(0, 4));
    expect(await Promise.all(failed.map(async (task) => (await keysOf(task)).length))).toEqual([0, 0, 0, 0, 1]);
    expect(await keysOf('task-of-ada')).toHaveLength(4);
    expect(await keysOf('task-of-nobody')).toHaveLength(1);
  });
});
