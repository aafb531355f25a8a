import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { compareKeys } from './keys.js';
import { conditionsContract } from './conditions.contract.js';
import { keptHeadersContract } from './kept-headers.contract.js';
import { usageContract } from './usage.contract.js';
import { type ByteSource, type ObjectStore, type Precondition, MIN_PART_BYTES, StoreRefusal } from './object-store.js';

/** One promise of the port. `bucket` and `other` are new and empty. */
export interface StoreCase {
  readonly behavior: string;
  check(store: ObjectStore, bucket: string, other: string): Promise<void>;
}

const HEADERS = { contentType: 'text/plain', userMetadata: { color: 'blue' } };
const md5 = (data: Uint8Array): string => createHash('md5').update(data).digest('hex');
const inChunks = async function* (data: Uint8Array, size = 64 * 1024): ByteSourceGenerator {
  for (let at = 0; at < data.byteLength; at += size) yield data.subarray(at, at + size);
};
type ByteSourceGenerator = AsyncGenerator<Uint8Array, void, undefined>;

const put = (store: ObjectStore, bucket: string, key: string, text: string) => {
  const data = Buffer.from(text);
  return store.put(bucket, key, inChunks(data), { ...HEADERS, sizeBytes: data.byteLength });
};
const textOf = async (
  store: ObjectStore,
  bucket: string,
  key: string,
  range?: { start: number; end: number },
): Promise<string | undefined> => {
  const reader = await store.get(bucket, key);
  if (!reader) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of await reader.read(range)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
};
const keysOf = async (store: ObjectStore, bucket: string): Promise<readonly string[]> =>
  (await store.list(bucket, { limit: 1000 })).objects.map(({ key }) => key);
const isRefusal = (problem: string) => (error: unknown) => error instanceof StoreRefusal && error.problem === problem;
const failing = async function* (data: Uint8Array): ByteSource & ByteSourceGenerator {
  yield data;
  throw new Error('the hash is wrong');
};

/** What every adapter of ObjectStore promises; a spec runs each case on a store of its own or a shared one. */
export const objectStoreContract: readonly StoreCase[] = [
  ...keptHeadersContract,
  ...usageContract,
  ...conditionsContract,
  {
    behavior: 'asks for the decision to delete a bucket only while it is empty, and keeps the bucket without one',
    async check(store, bucket) {
      let asked = 0;
      const decide = (): Promise<number> => Promise.resolve((asked += 1));
      await put(store, bucket, 'k', 'kept');
      await assert.rejects(store.deleteEmpty(bucket, decide), isRefusal('BucketNotEmpty'));
      assert.deepEqual([asked, await textOf(store, bucket, 'k')], [0, 'kept']);
      await store.deleteMany(bucket, ['k']);
      await assert.rejects(
        store.deleteEmpty(bucket, () => Promise.reject(new Error('not yours'))),
        /not yours/,
      );
      await put(store, bucket, 'k', 'again');
      await store.deleteMany(bucket, ['k']);
      assert.deepEqual([await store.deleteEmpty(bucket, decide), asked], [1, 1]);
      await store.deleteBuckets([bucket]);
    },
  },
  {
    behavior: 'gives all of an object to whoever says at once that all of it will be read',
    async check(store, bucket) {
      const data = randomBytes(300_000);
      await store.put(bucket, 'whole', inChunks(data), { ...HEADERS, sizeBytes: data.byteLength });
      await store.put(bucket, 'empty', inChunks(Buffer.alloc(0)), { ...HEADERS, sizeBytes: 0 });
      const [reader, told] = [
        await store.get(bucket, 'whole', { isReadWhole: true }),
        await store.get(bucket, 'whole'),
      ];
      assert.ok(reader);
      assert.deepEqual(reader.info, told?.info);
      assert.equal(md5(Buffer.concat(await Array.fromAsync<Uint8Array>(await reader.read()))), md5(data));
      assert.equal((await store.get(bucket, 'empty', { isReadWhole: true }))?.info.sizeBytes, 0);
      assert.equal(await store.get(bucket, 'none', { isReadWhole: true }), undefined);
    },
  },
  {
    behavior: 'gives back what was put, with its size, MD5, type and metadata',
    async check(store, bucket) {
      const data = randomBytes(300_000);
      const written = await store.put(bucket, 'a/b c', inChunks(data), { ...HEADERS, sizeBytes: data.byteLength });
      assert.deepEqual(written, { etag: md5(data), sizeBytes: data.byteLength });
      const reader = await store.get(bucket, 'a/b c');
      assert.ok(reader);
      const { etag, sizeBytes, contentType, userMetadata } = reader.info;
      assert.deepEqual(
        { etag, sizeBytes, contentType, userMetadata },
        { etag: md5(data), sizeBytes: data.byteLength, ...HEADERS },
      );
      const chunks: Buffer[] = [];
      for await (const chunk of await reader.read()) chunks.push(Buffer.from(chunk));
      assert.ok(Buffer.concat(chunks).equals(data));
      assert.deepEqual((await store.head(bucket, 'a/b c'))?.etag, md5(data));
    },
  },
  {
    behavior: 'puts only where the writer expects what is there',
    async check(store, bucket) {
      const over = (text: string, precondition: Precondition) =>
        store.put(bucket, 'expected', inChunks(Buffer.from(text)), {
          ...HEADERS,
          sizeBytes: text.length,
          precondition,
        });
      await assert.rejects(over('none', { etags: '*' }), StoreRefusal);
      const first = await over('first', 'absent');
      await assert.rejects(over('again', 'absent'), isRefusal('PreconditionFailed'));
      await assert.rejects(over('other', { etags: [md5(Buffer.from('else'))] }), isRefusal('PreconditionFailed'));
      assert.equal(await textOf(store, bucket, 'expected'), 'first');
      await over('second', { etags: [first.etag] });
      assert.equal(await textOf(store, bucket, 'expected'), 'second');
    },
  },
  {
    behavior: 'keeps empty objects',
    async check(store, bucket) {
      await put(store, bucket, 'empty', '');
      assert.equal(await textOf(store, bucket, 'empty'), '');
    },
  },
  {
    behavior: 'says nothing of an object that is not there',
    async check(store, bucket) {
      assert.equal(await store.get(bucket, 'none'), undefined);
      assert.equal(await store.head(bucket, 'none'), undefined);
      await store.deleteMany(bucket, ['none']);
    },
  },
  {
    behavior: 'reads ranges, both ends included',
    async check(store, bucket) {
      await put(store, bucket, 'digits', '0123456789');
      assert.equal(await textOf(store, bucket, 'digits', { start: 2, end: 4 }), '234');
      assert.equal(await textOf(store, bucket, 'digits', { start: 9, end: 9 }), '9');
    },
  },
  {
    behavior: 'stores nothing when the source fails after its last byte',
    async check(store, bucket) {
      const data = Buffer.from('complete but wrong');
      await assert.rejects(store.put(bucket, 'bad', failing(data), { ...HEADERS, sizeBytes: data.byteLength }));
      assert.equal(await store.head(bucket, 'bad'), undefined);
    },
  },
  {
    behavior: 'keeps the old object when its replacement fails',
    async check(store, bucket) {
      await put(store, bucket, 'kept', 'old');
      await assert.rejects(store.put(bucket, 'kept', failing(Buffer.from('new')), { ...HEADERS, sizeBytes: 3 }));
      assert.equal(await textOf(store, bucket, 'kept'), 'old');
    },
  },
  {
    behavior: 'refuses a source of another size than announced',
    async check(store, bucket) {
      for (const sizeBytes of [2, 4]) {
        await assert.rejects(
          store.put(bucket, 'short', inChunks(Buffer.from('abc')), { ...HEADERS, sizeBytes }),
          isRefusal('IncompleteBody'),
        );
      }
      assert.equal(await store.head(bucket, 'short'), undefined);
    },
  },
  {
    behavior: 'replaces an object',
    async check(store, bucket) {
      await put(store, bucket, 'k', 'one');
      await put(store, bucket, 'k', 'three');
      assert.equal(await textOf(store, bucket, 'k'), 'three');
      assert.deepEqual(await store.usage(bucket), { objects: 1, bytes: 5 });
    },
  },
  {
    behavior: 'keeps hostile keys apart, byte for byte',
    async check(store, bucket) {
      const keys = [
        '../x',
        '..',
        '.',
        '/lead',
        'a//b',
        'tr ail/',
        '%2e%2e/x',
        'q?a=b&c',
        'a+b',
        '\u00e9',
        'e\u0301',
        '\u{1f600}',
        '\uffff',
        "'; DROP TABLE object; --",
        '%',
        '_',
        '\\',
        '<&">',
        '\t',
        '#',
      ];
      for (const key of keys) await put(store, bucket, key, `at ${key}`);
      for (const key of keys) assert.equal(await textOf(store, bucket, key), `at ${key}`);
      assert.deepEqual(await keysOf(store, bucket), [...keys].sort(compareKeys));
    },
  },
  {
    behavior: 'lists in binary order, by pages, below a prefix',
    async check(store, bucket) {
      const keys = ['a', 'b/1', 'b/2', 'b/3', 'b0', 'c'];
      for (const key of keys) await put(store, bucket, key, key);
      const first = await store.list(bucket, { prefix: 'b', limit: 2 });
      assert.deepEqual([first.objects.map(({ key }) => key), first.next], [['b/1', 'b/2'], 'b/2']);
      const second = await store.list(bucket, { prefix: 'b', limit: 2, after: 'b/2' });
      assert.deepEqual([second.objects.map(({ key }) => key), second.next], [['b/3', 'b0'], undefined]);
    },
  },
  {
    behavior: 'rolls keys up at a delimiter, by pages',
    async check(store, bucket) {
      for (const key of ['a/1', 'a/2', 'b', 'c/1', 'c/2', 'd']) await put(store, bucket, key, key);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page: Awaited<ReturnType<ObjectStore['list']>> = await store.list(bucket, {
          delimiter: '/',
          limit: 1,
          ...(after === undefined ? {} : { after }),
        });
        seen.push(...page.objects.map(({ key }) => key), ...page.prefixes);
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(seen, ['a/', 'b', 'c/', 'd']);
    },
  },
  {
    behavior: 'rolls keys up at a delimiter of any characters',
    async check(store, bucket) {
      for (const key of ['a.1', 'a.2', 'b', 'c!/1', 'c!/2', '.d']) await put(store, bucket, key, key);
      const pages = async (delimiter: string, prefix = '') => {
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page: Awaited<ReturnType<ObjectStore['list']>> = await store.list(bucket, {
            delimiter,
            prefix,
            limit: 1,
            ...(after === undefined ? {} : { after }),
          });
          seen.push(...page.objects.map(({ key }) => key), ...page.prefixes);
          after = page.next;
        } while (after !== undefined);
        return seen;
      };
      assert.deepEqual(await pages('.'), ['.', 'a.', 'b', 'c!/1', 'c!/2']);
      assert.deepEqual(await pages('!/', 'c'), ['c!/']);
    },
  },
  {
    behavior: 'keeps an object beside a folder of its name, and other buckets out of reach',
    async check(store, bucket, other) {
      for (const key of ['p/a', 'p', 'p/a/b', 'p/', `../${other}/k`]) await put(store, bucket, key, key);
      assert.deepEqual(await keysOf(store, bucket), [`../${other}/k`, 'p', 'p/', 'p/a', 'p/a/b']);
      assert.deepEqual(await keysOf(store, other), []);
      assert.equal(await textOf(store, bucket, 'p'), 'p');
    },
  },
  {
    behavior: 'deletes many at once and counts what stays',
    async check(store, bucket) {
      for (const key of ['a', 'b', 'c']) await put(store, bucket, key, key);
      await store.deleteMany(bucket, ['a', 'c', 'none']);
      assert.deepEqual(await keysOf(store, bucket), ['b']);
      assert.deepEqual(await store.usage(bucket), { objects: 1, bytes: 1 });
    },
  },
  {
    behavior: 'copies with or without new headers, and the copy outlives its source',
    async check(store, bucket, other) {
      await put(store, bucket, 'from', 'payload');
      await store.copy({ bucket, key: 'from' }, { bucket: other, key: 'to' });
      await store.copy(
        { bucket, key: 'from' },
        { bucket: other, key: 'new' },
        { contentType: 'image/png', userMetadata: {} },
      );
      await store.deleteMany(bucket, ['from']);
      assert.equal(await textOf(store, other, 'to'), 'payload');
      const [kept, replaced] = [await store.head(other, 'to'), await store.head(other, 'new')];
      assert.deepEqual([kept?.contentType, kept?.userMetadata], [HEADERS.contentType, HEADERS.userMetadata]);
      assert.deepEqual([replaced?.contentType, replaced?.userMetadata], ['image/png', {}]);
      await assert.rejects(store.copy({ bucket, key: 'from' }, { bucket: other, key: 'x' }), isRefusal('NoSuchKey'));
    },
  },
  {
    behavior: 'joins parts in the order asked, with the classic ETag, and reads across them',
    async check(store, bucket) {
      const [one, two] = [randomBytes(MIN_PART_BYTES), Buffer.from('the end')];
      const upload = { bucket, key: 'big', uploadId: await store.createUpload(bucket, 'big', HEADERS) };
      const second = await store.putPart(upload, 7, inChunks(two), two.byteLength);
      await store.putPart(upload, 2, inChunks(Buffer.from('replaced')), 8);
      const first = await store.putPart(upload, 2, inChunks(one), one.byteLength);
      assert.equal(await store.head(bucket, 'big'), undefined);
      assert.deepEqual(
        (await store.listParts(upload)).map(({ partNumber, etag, sizeBytes }) => [partNumber, etag, sizeBytes]),
        [
          [2, first.etag, one.byteLength],
          [7, second.etag, two.byteLength],
        ],
      );
      assert.deepEqual(
        (await store.listUploads(bucket)).map(({ key, uploadId }) => [key, uploadId]),
        [['big', upload.uploadId]],
      );
      const done = await store.completeUpload(upload, [
        { partNumber: 2, etag: first.etag },
        { partNumber: 7, etag: second.etag },
      ]);
      const expected = createHash('md5')
        .update(createHash('md5').update(one).digest())
        .update(createHash('md5').update(two).digest());
      assert.deepEqual(done, { etag: `${expected.digest('hex')}-2`, sizeBytes: one.byteLength + two.byteLength });
      const start = one.byteLength - 2;
      assert.equal(await textOf(store, bucket, 'big', { start: start + 2, end: start + 4 }), 'the');
      assert.equal((await textOf(store, bucket, 'big', { start, end: start + 3 }))?.endsWith('th'), true);
      assert.deepEqual((await store.head(bucket, 'big'))?.userMetadata, HEADERS.userMetadata);
      assert.deepEqual(await store.listUploads(bucket), []);
    },
  },
  {
    behavior: 'refuses unknown parts, wrong order and small parts, and leaves the upload as it was',
    async check(store, bucket) {
      const upload = { bucket, key: 'k', uploadId: await store.createUpload(bucket, 'k', HEADERS) };
      const small = await store.putPart(upload, 1, inChunks(Buffer.from('small')), 5);
      const last = await store.putPart(upload, 2, inChunks(Buffer.from('last')), 4);
      const [a, b] = [
        { partNumber: 1, etag: small.etag },
        { partNumber: 2, etag: last.etag },
      ];
      await assert.rejects(store.completeUpload(upload, [a, b]), isRefusal('EntityTooSmall'));
      await assert.rejects(store.completeUpload(upload, [b, a]), isRefusal('InvalidPartOrder'));
      await assert.rejects(
        store.completeUpload(upload, [{ partNumber: 3, etag: last.etag }]),
        isRefusal('InvalidPart'),
      );
      await store.completeUpload(upload, [b]);
      assert.equal(await textOf(store, bucket, 'k'), 'last');
      await assert.rejects(store.listParts(upload), isRefusal('NoSuchUpload'));
    },
  },
  {
    behavior: 'forgets an aborted upload',
    async check(store, bucket) {
      const upload = { bucket, key: 'k', uploadId: await store.createUpload(bucket, 'k', HEADERS) };
      await store.putPart(upload, 1, inChunks(Buffer.from('x')), 1);
      await store.abortUpload(upload);
      await assert.rejects(store.putPart(upload, 2, inChunks(Buffer.from('x')), 1), isRefusal('NoSuchUpload'));
      await assert.rejects(store.listParts(upload), isRefusal('NoSuchUpload'));
      await assert.rejects(store.abortUpload(upload), isRefusal('NoSuchUpload'));
    },
  },
  {
    behavior: 'moves a prefix to another bucket, replacing what is there, once',
    async check(store, bucket, other) {
      for (const key of ['p/a', 'p/b/c', 'q', 'p']) await put(store, bucket, key, `new ${key}`);
      await put(store, other, 'out/a', 'old');
      const move = { fromBucket: bucket, fromPrefix: 'p/', toBucket: other, toPrefix: 'out/' };
      const moved = await store.movePrefix(move);
      assert.deepEqual(
        moved.map(({ to }) => to.key),
        ['out/a', 'out/b/c'],
      );
      assert.deepEqual(await store.movePrefix(move), []);
      assert.deepEqual(await keysOf(store, bucket), ['p', 'q']);
      assert.equal(await textOf(store, other, 'out/a'), 'new p/a');
      assert.deepEqual(await store.usage(other), { objects: 2, bytes: 'new p/a'.length + 'new p/b/c'.length });
      await assert.rejects(store.movePrefix({ ...move, toBucket: 'never-made' }), isRefusal('NoSuchBucket'));
    },
  },
  {
    behavior:
      'scatters prefixes to the buckets that their keys name, the later prefix first, and drops what has no bucket',
    async check(store, bucket, other) {
      await put(store, bucket, `l_1/${other}/same`, 'first');
      await put(store, bucket, `l_2/${other}/same`, 'second');
      await put(store, bucket, `l_1/${other}/dir/only`, 'one');
      await put(store, bucket, 'l_1/never-made/x', 'lost');
      await put(store, bucket, `lx1/${other}/not`, 'another prefix');
      await put(store, other, 'same', 'old');
      const moved = await store.scatterPrefixes(bucket, ['l_1/', 'l_2/']);
      assert.deepEqual(moved.map(({ to }) => to.key).sort(), ['dir/only', 'same']);
      assert.equal(await textOf(store, other, 'same'), 'second');
      assert.deepEqual(await keysOf(store, other), ['dir/only', 'same']);
      assert.deepEqual(await keysOf(store, bucket), [`lx1/${other}/not`]);
      assert.deepEqual(await store.scatterPrefixes(bucket, ['l_1/', 'l_2/']), []);
    },
  },
  {
    behavior: 'drops prefixes with their unfinished uploads',
    async check(store, bucket) {
      for (const key of ['p/a', 'p/b', 'q/a', 'r']) await put(store, bucket, key, key);
      const upload = { bucket, key: 'p/u', uploadId: await store.createUpload(bucket, 'p/u', HEADERS) };
      await store.deletePrefixes(bucket, ['p/', 'q/']);
      assert.deepEqual(await keysOf(store, bucket), ['r']);
      await assert.rejects(store.listParts(upload), isRefusal('NoSuchUpload'));
    },
  },
  {
    behavior: 'removes a bucket with all that is in it',
    async check(store, bucket) {
      await put(store, bucket, 'k', 'v');
      await store.deleteBuckets([bucket, 'never-made']);
      await store.createBuckets([bucket, bucket]);
      assert.deepEqual(await keysOf(store, bucket), []);
      assert.deepEqual(await store.usage(bucket), { objects: 0, bytes: 0 });
    },
  },
];
