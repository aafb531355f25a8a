import assert from 'node:assert/strict';
import type { StoreCase } from './object-store.contract.js';

const HEADERS = { contentType: 'text/plain', userMetadata: {} };
const bytesOf = async function* (text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
};

/** What every adapter of ObjectStore promises of counts. */
export const usageContract: readonly StoreCase[] = [
  {
    behavior: 'counts objects by the first parts of their keys, and parts of uploads that were not completed',
    async check(store, bucket, other) {
      for (const key of ['a/x/1', 'a/x/2', 'a/y', 'b'])
        await store.put(bucket, key, bytesOf(key), { ...HEADERS, sizeBytes: key.length });
      const byFolder = async (depth: number) =>
        (await store.usageByFolder(bucket, depth))
          .map(({ folder, objects, bytes }) => `${folder} ${objects} ${bytes}`)
          .sort();
      assert.deepEqual(await byFolder(1), ['a 3 13', 'b 1 1']);
      assert.deepEqual(await byFolder(2), ['a/x 2 10', 'a/y 1 3', 'b 1 1']);
      assert.deepEqual(await store.usageByFolder(other, 1), []);
      const second = async (...values: string[]) =>
        (await store.usageByFolder(bucket, 0, { part: 2, values })).map(({ objects, bytes }) => [objects, bytes]);
      assert.deepEqual([await second('x', 'y'), await second('y'), await second('z')], [[[3, 13]], [[1, 3]], []]);
      const uploadId = await store.createUpload(bucket, 'parts', HEADERS);
      const upload = { bucket, key: 'parts', uploadId };
      await store.putPart(upload, 1, bytesOf('one'), 3);
      await store.putPart(upload, 2, bytesOf('three'), 5);
      const none = { uploads: 0, objects: 0, bytes: 0 };
      assert.deepEqual(await store.uploadUsages([other, bucket]), [none, { uploads: 1, objects: 2, bytes: 8 }]);
      // One without parts is one all the same.
      const empty = { bucket, key: 'empty', uploadId: await store.createUpload(bucket, 'empty', HEADERS) };
      assert.deepEqual(await store.uploadUsages([bucket]), [{ uploads: 2, objects: 2, bytes: 8 }]);
      await store.abortUpload(empty);
      const deep = { bucket, key: 'd/e/f', uploadId: await store.createUpload(bucket, 'd/e/f', HEADERS) };
      await store.putPart(deep, 1, bytesOf('deep'), 4);
      const uploads = async (depth: number) =>
        (await store.uploadUsageByFolder(bucket, depth)).map(
          ({ folder, objects, bytes }) => `${folder} ${objects} ${bytes}`,
        );
      assert.deepEqual((await uploads(2)).sort(), ['d/e 1 4', 'parts 2 8']);
      assert.deepEqual(await store.uploadUsageByFolder(other, 2), []);
      const ofEs = await store.uploadUsageByFolder(bucket, 1, { part: 2, values: ['e', 'x'] });
      assert.deepEqual(ofEs, [{ folder: 'd', uploads: 1, objects: 1, bytes: 4 }]);
      await store.abortUpload(deep);
      await store.abortUpload(upload);
      assert.deepEqual(await store.uploadUsages([bucket]), [none]);
      assert.deepEqual(await uploads(2), []);
    },
  },
  {
    behavior: 'counts what was stored, copied, moved, completed and deleted at once, however often it is asked',
    async check(store, bucket, other) {
      const count = async (of = bucket): Promise<readonly number[]> => {
        const { objects, bytes } = await store.usage(of);
        return [objects, bytes];
      };
      assert.deepEqual(await count(), [0, 0]);
      await store.put(bucket, 'a', bytesOf('three'), { ...HEADERS, sizeBytes: 5 });
      assert.deepEqual(await count(), [1, 5]);
      await store.copy({ bucket, key: 'a' }, { bucket, key: 'b' });
      assert.deepEqual(
        [await count(), await count(other)],
        [
          [2, 10],
          [0, 0],
        ],
      );
      await store.copy({ bucket, key: 'a' }, { bucket: other, key: 'moves/a' });
      assert.deepEqual(await count(other), [1, 5]);
      await store.movePrefix({ fromBucket: other, fromPrefix: 'moves/', toBucket: bucket, toPrefix: 'moved/' });
      assert.deepEqual(
        [await count(), await count(other)],
        [
          [3, 15],
          [0, 0],
        ],
      );
      const upload = { bucket, key: 'parts', uploadId: await store.createUpload(bucket, 'parts', HEADERS) };
      const { etag } = await store.putPart(upload, 1, bytesOf('one'), 3);
      await store.completeUpload(upload, [{ partNumber: 1, etag }]);
      assert.deepEqual(await count(), [4, 18]);
      await store.deleteMany(bucket, ['b', 'moved/a']);
      assert.deepEqual(await count(), [2, 8]);
      await store.deletePrefixes(bucket, ['a']);
      assert.deepEqual(await count(), [1, 3]);
    },
  },
  {
    behavior: 'finds and deletes what is old below a prefix, and nothing that was stored since',
    async check(store, bucket, other) {
      const keys = ['a/1', 'a/2', 'a/3', 'ab', 'b'];
      for (const key of keys) await store.put(bucket, key, bytesOf(key), { ...HEADERS, sizeBytes: key.length });
      await store.put(other, 'a/1', bytesOf('x'), { ...HEADERS, sizeBytes: 1 });
      const modifiedOf = async (key: string) => (await store.head(bucket, key))?.modifiedAt ?? new Date(0);
      // HTTP writes a date by the second, a listing may know it better.
      const isUpTo = (at: Date | undefined, modifiedAt: Date): boolean =>
        at !== undefined && Math.floor(at.getTime() / 1_000) <= Math.floor(modifiedAt.getTime() / 1_000);
      const [long, soon] = [new Date(0), new Date((await modifiedOf('b')).getTime() + 3_600_000)];
      const young = await store.findOld(bucket, { prefix: '', before: long }, 10);
      assert.deepEqual([young.objects, young.through, young.hasMore], [0, undefined, false]);
      assert.ok(isUpTo(young.nextAt, await modifiedOf('b')));
      const first = await store.findOld(bucket, { prefix: 'a/', before: soon }, 2);
      assert.deepEqual(first, { objects: 2, bytes: 6, names: ['a/1', 'a/2'], through: 'a/2', hasMore: true });
      const rest = await store.findOld(bucket, { prefix: 'a/', after: 'a/2', before: soon }, 2);
      assert.deepEqual(rest, { objects: 1, bytes: 3, names: ['a/3'], through: 'a/3', hasMore: false });
      await store.deleteOld(bucket, { prefix: 'a/', before: long, through: 'a/3' });
      await store.deleteOld(bucket, { prefix: 'a/', after: 'a/1', before: soon, through: 'a/2' });
      const left = async (of: string) => (await store.list(of, { limit: 10 })).objects.map(({ key }) => key);
      assert.deepEqual(await left(bucket), ['a/1', 'a/3', 'ab', 'b']);
      await store.deleteOld(bucket, { prefix: '', before: soon, through: 'ab' });
      assert.deepEqual([await left(bucket), await left(other)], [['b'], ['a/1']]);
    },
  },
];
