import { createHash } from 'node:crypto';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { newId, RpcClient } from '@fornax/base';
import {
  RPC,
  holdInputsReplySchema,
  MOST_INPUT_MANIFEST_BYTES,
  type HoldInputsReply,
  type InputManifest,
  type RecordedInput,
} from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OBJECT_STORE } from '../config/tokens.js';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';

let storage: StorageUnderTest;
let ada: TestUser;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  for (const Bucket of ['ada-in', 'ada-more']) await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(async () => storage.stop());

const sum = (algorithm: 'md5' | 'sha256', text: string | Buffer): string =>
  createHash(algorithm).update(text).digest('hex');

/** Stores an object, and tells of it as a node that brought it would. */
const brought = async (key: string, text: string, mode?: string, bucket = 'ada-in'): Promise<RecordedInput> => {
  const Metadata = mode === undefined ? {} : { Metadata: { mode } };
  await storage.s3(ada).send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ...Metadata }));
  const isExecutable = mode === '100755';
  const about = { lastModified: '', size: text.length, sha256: sum('sha256', text), isExecutable };
  return { path: key, bucket, key, etag: sum('md5', text), ...about };
};

const lists = async (taskId: string, owner = ada.account): Promise<readonly string[]> => {
  const { objects } = await storage.app.app.get<ObjectStore>(OBJECT_STORE).list('.manifests', {
    prefix: `${taskId}/${owner}/`,
    limit: 10,
  });
  return objects.map(({ key }) => key.slice(`${taskId}/${owner}/`.length));
};

/** Stores a list as a node does. @returns its digest */
const record = (
  taskId: string,
  objects: readonly RecordedInput[],
  more: Pick<InputManifest, 'refreshed'> = {},
): Promise<string> => {
  const manifest: InputManifest = { format: 1, objects: [...objects], ...more };
  return recordBytes(taskId, Buffer.from(JSON.stringify(manifest)));
};

/** Stores anything as a list, as a hostile node does. @returns its digest */
const recordBytes = async (taskId: string, bytes: Buffer): Promise<string> => {
  const digest = sum('sha256', bytes);
  await storage.app.app.get<ObjectStore>(OBJECT_STORE).put(
    '.manifests',
    `${taskId}/${ada.account}/inputs-${digest}.json`,
    (async function* () {
      yield bytes;
    })(),
    { contentType: 'application/json', userMetadata: {}, sizeBytes: bytes.length },
  );
  return digest;
};

const hold = (
  fromTask: string,
  digests: readonly string[],
  { toTask = newId(), owner = ada.account } = {},
): Promise<HoldInputsReply> =>
  storage.app.app
    .get(RpcClient)
    .request(RPC.holdInputs, { owner, fromTask, toTask, digests: [...digests] }, holdInputsReplySchema, 60_000);

const FINE = { lost: [], refreshed: [], changed: [], changedCount: 0 };

describe('inputs of an earlier attempt', () => {
  it('are held for another task while they are what they were, and again when that is asked for again', async () => {
    const [from, toTask] = [newId(), newId()];
    const one = await record(from, [await brought('one', '1'), await brought('tool', '#!', '100755')]);
    const two = await record(from, [await brought('two', '2')]);
    for (let times = 0; times < 2; times += 1) expect(await hold(from, [one, two], { toTask })).toEqual(FINE);
    expect(await lists(toTask)).toEqual([one, two].map((digest) => `inputs-${digest}.json`).sort());
    // Stored again with the same bytes: nothing has changed.
    await brought('two', '2');
    expect(await hold(from, [one, two])).toEqual(FINE);
  });

  it('are named where they are deleted, replaced or of another mode, and then nothing is held', async () => {
    const [from, toTask] = [newId(), newId()];
    const objects = await Promise.all(['a', 'b', 'c', 'same'].map((name) => brought(`was/${name}`, name)));
    const digest = await record(from, objects);
    await storage.s3(ada).send(new DeleteObjectCommand({ Bucket: 'ada-in', Key: 'was/a' }));
    await brought('was/b', 'other');
    await brought('was/c', 'c', '100755');
    expect(await hold(from, [digest], { toTask })).toEqual({
      ...FINE,
      changed: [
        { bucket: 'ada-in', key: 'was/a', change: 'deleted' },
        { bucket: 'ada-in', key: 'was/b', change: 'replaced' },
        { bucket: 'ada-in', key: 'was/c', change: 'mode' },
      ],
      changedCount: 3,
    });
    expect(await lists(toTask)).toEqual([]);
  });

  it('cannot all be had again where two instances had two versions of one object', async () => {
    const from = newId();
    const before = await record(from, [await brought('twice', 'before')]);
    const after = await record(from, [await brought('twice', 'after')]);
    expect(await hold(from, [before, after])).toMatchObject({ changedCount: 1, changed: [{ key: 'twice' }] });
    expect(await hold(from, [after])).toEqual(FINE);
  });

  it("are not held when their list is lost or damaged, somebody else's, or of an instance that got more while it ran", async () => {
    const from = newId();
    const known = await record(from, []);
    const refreshed = await record(from, [], { refreshed: true });
    const lost = '0e'.repeat(32);
    expect(await hold(from, [known, lost])).toEqual({ ...FINE, lost: [lost] });
    expect(await hold(from, [known, refreshed])).toEqual({ ...FINE, refreshed: [refreshed] });
    expect(await hold(newId(), [known])).toEqual({ ...FINE, lost: [known] });
    const eve = await storage.user('eve@example.org');
    expect(await hold(from, [known], { owner: eve.account })).toEqual({ ...FINE, lost: [known] });
  });

  it('are lost where a node has told nonsense, too much, or a path that leads out of the folder of inputs', async () => {
    const from = newId();
    const padded = Buffer.from(JSON.stringify({ format: 1, objects: [], pad: 'x'.repeat(MOST_INPUT_MANIFEST_BYTES) }));
    const told = [
      await recordBytes(from, Buffer.from('no list')),
      await recordBytes(from, padded),
      await record(from, [{ ...(await brought('out', 'x')), path: '../../out' }]),
    ];
    for (const digest of told) expect(await hold(from, [digest])).toEqual({ ...FINE, lost: [digest] });
  });

  it('tell nobody of a bucket that its account may not read any more', async () => {
    const eve = await storage.user('eve-too@example.org');
    await storage.s3(eve).send(new CreateBucketCommand({ Bucket: 'eve-in' }));
    const from = newId();
    const digest = await record(from, [{ ...(await brought('mine', 'x')), bucket: 'eve-in' }]);
    expect(await hold(from, [digest])).toMatchObject({ changed: [{ bucket: 'eve-in', change: 'unreadable' }] });
  });

  it('may be a thousand, of which the first twenty are named when all have changed', async () => {
    const from = newId();
    const names = Array.from({ length: 1_000 }, (_, at) => `many/${String(at).padStart(4, '0')}`);
    const objects: RecordedInput[] = [];
    for (let at = 0; at < names.length; at += 50)
      objects.push(
        ...(await Promise.all(names.slice(at, at + 50).map((name) => brought(name, name, undefined, 'ada-more')))),
      );
    const digest = await record(from, objects);
    expect(await hold(from, [digest])).toEqual(FINE);
    const other = await record(
      from,
      objects.map((object) => ({ ...object, etag: '0f'.repeat(16) })),
    );
    const reply = await hold(from, [other]);
    expect([reply.changedCount, reply.changed.length, reply.changed[0]?.key]).toEqual([1_000, 20, 'many/0000']);
  }, 60_000);
});
