import { type IncomingMessage, type Server, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { S3ObjectStore, type S3StoreOptions } from '@fornax/object-store';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest } from '../storage.fixture.js';

const MIB = 1024 * 1024;

/** An S3 service, seen through a door that counts requests and may answer them itself. */
let storage: StorageUnderTest;
let door: Server;
let access: S3StoreOptions;
let store: S3ObjectStore;
let asked: string[] = [];
let answers: ((what: string) => string | undefined) | undefined;
const whatOf = ({ method = '', headers }: IncomingMessage): string =>
  headers['x-amz-copy-source'] === undefined ? method : 'COPY';

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  const ada = await storage.user('ada@example.org');
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'physical' }));
  door = createServer((message, response) => {
    const what = whatOf(message);
    asked.push(what);
    const own = answers?.(what);
    if (own !== undefined) {
      message.resume();
      response.writeHead(200, { 'content-type': 'application/xml' }).end(own);
      return;
    }
    const { method, url: path, headers } = message;
    const on = request({ host: '127.0.0.1', port: storage.port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    on.on('error', () => response.destroy());
    message.pipe(on);
  });
  await new Promise<void>((listening) => {
    door.listen(0, '127.0.0.1', listening);
  });
  const endpoint = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  access = { accessKey: ada.email, secretKey: ada.token, bucket: 'physical', endpoint };
  store = new S3ObjectStore(access);
}, 180_000);
afterEach(() => {
  answers = undefined;
});
afterAll(async () => {
  await store.close();
  door.closeAllConnections();
  await new Promise((closed) => door.close(closed));
  await storage.stop();
});

const put = (bucket: string, key: string, bytes: Buffer, userMetadata: Readonly<Record<string, string>> = {}) =>
  store.put(bucket, key, Readable.from([bytes]), { contentType: 'a/b', userMetadata, sizeBytes: bytes.byteLength });
const keysOf = async (bucket: string): Promise<readonly string[]> =>
  (await store.list(bucket, { limit: 1_000 })).objects.map(({ key }) => key);
const buckets = async (): Promise<readonly [string, string]> => {
  const both = [`from-${randomUUID()}`, `to-${randomUUID()}`] as const;
  await store.createBuckets(both);
  return both;
};

describe('moves of the S3 adapter', () => {
  it('make a copy of one object in one request, which says what it is', async () => {
    const [from, to] = await buckets();
    const { etag } = await put(from, 'k', Buffer.from('content'));
    asked = [];
    const copy = await store.copy({ bucket: from, key: 'k', etag }, { bucket: to, key: 'copy' });
    expect(asked).toEqual(['COPY']);
    const there = await store.head(to, 'copy');
    expect(copy.etag).toBe(there?.etag);
    // A header tells whole seconds.
    expect(Math.abs(copy.modifiedAt.getTime() - (there?.modifiedAt.getTime() ?? 0))).toBeLessThanOrEqual(1_000);
  });

  it('cost one request for each object, and one for all deletions', async () => {
    const [from, to] = await buckets();
    const names = Array.from({ length: 30 }, (_, n) => `k${String(n).padStart(2, '0')}`);
    await Promise.all(names.map((name) => put(from, `l/${name}`, Buffer.from(name))));
    asked = [];
    const moved = await store.movePrefix({ fromBucket: from, fromPrefix: 'l/', toBucket: to, toPrefix: '' });
    expect(moved.map(({ to: { key } }) => key)).toEqual(names);
    expect(Object.groupBy(asked, (what) => what)['COPY']?.length).toBe(30);
    // The bucket, the listing and the deletions.
    expect(asked.length).toBeLessThanOrEqual(33);
    expect([await keysOf(from), await keysOf(to)]).toEqual([[], names]);
  });

  it.each([
    [
      'an error',
      '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>no</Message></Error>',
      /InternalError/,
    ],
    ['nothing', '', /incomplete answer/],
  ])('delete nothing when the service begins a good answer and then says %s', async (_what, answer, says) => {
    const [from, to] = await buckets();
    for (const key of ['l/a', 'l/b']) await put(from, key, Buffer.from(key));
    const move = { fromBucket: from, fromPrefix: 'l/', toBucket: to, toPrefix: '' };
    let copies = 0;
    answers = (what) => (what === 'COPY' && (copies += 1) === 2 ? answer : undefined);
    await expect(store.movePrefix(move)).rejects.toThrow(says);
    expect(await keysOf(from)).toEqual(['l/a', 'l/b']);
    await store.movePrefix(move);
    expect([await keysOf(from), await keysOf(to)]).toEqual([[], ['a', 'b']]);
  });

  it('take objects in parts that are larger than the service copies at once, with all that is said of them', async () => {
    const small = new S3ObjectStore({ ...access, mostCopyBytes: 5 * MIB });
    const [from, to] = await buckets();
    const content = Buffer.concat([Buffer.alloc(5 * MIB, 'a'), Buffer.alloc(5 * MIB, 'b'), Buffer.from('end')]);
    await put(from, 'large', content, { mode: '100755' });
    asked = [];
    const move = { fromBucket: from, fromPrefix: '', toBucket: to, toPrefix: '' };
    expect(await small.movePrefix(move)).toMatchObject([{ sizeBytes: content.byteLength }]);
    expect(Object.groupBy(asked, (what) => what)['COPY']?.length).toBe(3);
    const reader = await store.get(to, 'large');
    expect(reader?.info).toMatchObject({ contentType: 'a/b', userMetadata: { mode: '100755' } });
    const read = await reader?.read();
    expect((await buffer(read ?? Readable.from([]))).equals(content)).toBe(true);
    // One that fails leaves no parts.
    await put(from, 'again', content);
    let copies = 0;
    answers = (what) => (what === 'COPY' && (copies += 1) === 2 ? '' : undefined);
    await expect(small.movePrefix(move)).rejects.toThrow(/incomplete/);
    expect([await keysOf(from), await store.listUploads(to)]).toEqual([['again'], []]);
    await small.close();
  });
});
