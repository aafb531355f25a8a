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
      const uploadId = await store.createUpload(bucket, 'parts', HEADERS);
      const upload = { bucket, key: 'parts', uploadId };
      await store.putPart(upload, 1, bytesOf('one'), 3);
      await store.putPart(upload, 2, bytesOf('three'), 5);
      const none = { objects: 0, bytes: 0 };
      assert.deepEqual(await store.uploadUsages([other, bucket]), [none, { objects: 2, bytes: 8 }]);
      await store.abortUpload(upload);
      assert.deepEqual(await store.uploadUsages([bucket]), [none]);
    },
  },
];
