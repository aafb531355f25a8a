import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { StoreCase } from './object-store.contract.js';
import { type ByteSource, type ObjectChecksum, type ObjectStore, MIN_PART_BYTES } from './object-store.js';

const HEADERS = {
  contentType: 'text/plain; charset=utf-8',
  userMetadata: { color: 'blue', city: 'Grüße aus 東京', word: '=?UTF-8?B?bm8=?=' },
  contentHeaders: {
    'cache-control': 'max-age=60, private',
    'content-disposition': 'attachment; filename="a b.txt"',
    'content-encoding': 'gzip',
    'content-language': 'de-DE',
    expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
  },
};
const once = async function* (data: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield data;
};
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('base64');
const fullOf = (data: Uint8Array): ObjectChecksum => ({
  algorithm: 'sha256',
  value: sha256(data),
  type: 'full-object',
});
const aboutOf = async (store: ObjectStore, bucket: string, key: string) => {
  const { contentType, userMetadata, contentHeaders, checksum } = (await store.head(bucket, key)) ?? {};
  return { contentType, userMetadata, contentHeaders, checksum };
};

/** What every adapter of ObjectStore promises about the headers and checksums that come with an object. */
export const keptHeadersContract: readonly StoreCase[] = [
  {
    behavior: 'keeps headers of any characters and a checksum with an object and its copies, until it is replaced',
    async check(store, bucket, other) {
      const data = Buffer.from('payload');
      const put = (more: object) =>
        store.put(bucket, 'k', once(data), { ...HEADERS, sizeBytes: data.byteLength, ...more });
      await put({ checksum: () => fullOf(data) });
      assert.deepEqual(await aboutOf(store, bucket, 'k'), { ...HEADERS, checksum: fullOf(data) });
      assert.deepEqual((await store.get(bucket, 'k'))?.info.checksum, fullOf(data));
      await store.copy({ bucket, key: 'k' }, { bucket: other, key: 'as-it-is' });
      assert.deepEqual(await aboutOf(store, other, 'as-it-is'), { ...HEADERS, checksum: fullOf(data) });
      const replaced = { contentType: 'image/png', userMetadata: {}, contentHeaders: { 'content-language': 'fr' } };
      await store.copy({ bucket, key: 'k' }, { bucket: other, key: 'new' }, replaced);
      assert.deepEqual((await store.head(other, 'new'))?.contentHeaders, replaced.contentHeaders);
      await store.movePrefix({ fromBucket: other, fromPrefix: 'as-', toBucket: bucket, toPrefix: 'moved-' });
      assert.deepEqual(await aboutOf(store, bucket, 'moved-it-is'), { ...HEADERS, checksum: fullOf(data) });
      await put({ contentHeaders: {} });
      const { contentHeaders = {}, checksum } = await aboutOf(store, bucket, 'k');
      assert.deepEqual(contentHeaders, {});
      // A service may compute one of its own.
      assert.notEqual(checksum?.algorithm, 'sha256');
    },
  },
  {
    behavior: 'keeps headers of an upload in parts, and checksums of its parts where it says that it does',
    async check(store, bucket) {
      const [one, two] = [Buffer.alloc(MIN_PART_BYTES, 'a'), Buffer.from('end')];
      const wanted = { algorithm: 'sha256', type: 'composite' as const };
      const uploadId = await store.createUpload(bucket, 'k', { ...HEADERS, checksum: wanted });
      const upload = { bucket, key: 'k', uploadId };
      const putPart = (number: number, source: ByteSource, data: Buffer) =>
        store.putPart(upload, number, source, data.byteLength, () => ({ algorithm: 'sha256', value: sha256(data) }));
      const parts = [
        { partNumber: 1, etag: (await putPart(1, once(one), one)).etag },
        { partNumber: 2, etag: (await putPart(2, once(two), two)).etag },
      ];
      const kept = (await store.listParts(upload)).map(({ checksum }) => checksum?.value);
      const composite: ObjectChecksum = { ...wanted, value: 'c-2', parts: [sha256(one), sha256(two)] };
      await store.completeUpload(upload, parts, { checksum: composite });
      const { checksum, ...headers } = await aboutOf(store, bucket, 'k');
      assert.deepEqual(headers, HEADERS);
      if (store.keepsPartChecksums) {
        assert.deepEqual(kept, composite.parts);
        assert.deepEqual(checksum, composite);
        assert.deepEqual((await store.head(bucket, 'k'))?.partSizes, [one.byteLength, two.byteLength]);
      } else {
        assert.deepEqual(kept, [undefined, undefined]);
        assert.notEqual(checksum?.algorithm, 'sha256');
      }
    },
  },
];
