import {
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rename,
  rm,
  rmdir,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { randomBytes, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import { DataSource } from 'typeorm';
import { MIN_PART_BYTES, ObjectDamaged, type ObjectReader, type Place } from '../port/object-store.js';
import { sendBytes } from '../port/send-bytes.js';
import { LOCAL_EXTRAS_UP } from './extras-tables.js';
import { LOCAL_INDEX_UP } from './index-tables.js';
import { LOCAL_MANIFESTS_UP } from './manifest-tables.js';
import { LOCAL_MARK_ORDER_UP } from './mark-order-tables.js';
import { LocalObjectStore } from './local.object-store.js';
import { scrub } from './scrub.js';

const LIMIT_BYTES = 256 * 1024;
const LIMITED_STORE = fileURLToPath(new URL('../../test/limited-store.mjs', import.meta.url));
const HEADERS = { contentType: 'text/plain', userMetadata: {} };

let folder: string;
let database: TestDatabase;
let db: DataSource;
let store: LocalObjectStore;

const paths = async (): Promise<readonly string[]> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && entry.name !== 'mark')
    .map((entry) => join(entry.parentPath, entry.name));
};
const inChunks = async function* (data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.byteLength; at += size) yield data.subarray(at, at + size);
};
const put = (key: string, data: Uint8Array) =>
  store.put('b', key, inChunks(data, 64 * 1024), { ...HEADERS, sizeBytes: data.byteLength });
const readerOf = async (key: string): Promise<ObjectReader> => {
  const reader = await store.get('b', key);
  if (!reader) throw new Error(`there is no ${key}`);
  return reader;
};
const bytesOf = async (key: string): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of await (await readerOf(key)).read()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
};
const pathOf = async (key: string): Promise<string> => {
  const [row] = await db.query<{ readonly id: string }[]>('SELECT file_ids[1] AS id FROM object WHERE key = $1', [key]);
  return join(folder, row?.id.slice(0, 2) ?? '', row?.id ?? '');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-damage-'));
  database = await createTestDatabase();
  db = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  for (const statement of [...LOCAL_INDEX_UP, ...LOCAL_MANIFESTS_UP, ...LOCAL_MARK_ORDER_UP, ...LOCAL_EXTRAS_UP])
    await db.query(statement);
  store = await LocalObjectStore.open({ folder, index: db, isDurable: false, garbageGraceMs: 0, orphanAgeMs: -1000 });
}, 120_000);
beforeEach(async () => {
  await store.deleteBuckets(['b']);
  await store.collect();
  await store.createBuckets(['b']);
});
afterAll(async () => {
  await store.close();
  await db.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/**
 * What becomes of the steps in a process whose files may not grow beyond LIMIT_BYTES: the kernel cuts the write that crosses the limit short and
 * refuses the next one (EFBIG), exactly as on a disk that fills up (ENOSPC). Needs no rights; without `prlimit` (util-linux) it fails.
 */
const underLimit = async (steps: readonly object[]): Promise<unknown> => {
  const order = JSON.stringify({ url: database.url, folder, steps });
  const { stdout } = await promisify(execFile)('prlimit', [
    `--fsize=${LIMIT_BYTES}:${LIMIT_BYTES}`,
    process.execPath,
    LIMITED_STORE,
    order,
  ]);
  return JSON.parse(stdout);
};

describe('a disk that fills up', () => {
  it('refuses what does not fit, in its last chunk or long before, and keeps the old object and no file', async () => {
    await put('old', Buffer.from('old'));
    const before = await paths();
    const steps = [
      // One chunk that ends behind the limit: the kernel takes a part of it, and only the number that it answers says so.
      { kind: 'put', key: 'last-chunk', sizeBytes: LIMIT_BYTES + 1000, chunkBytes: LIMIT_BYTES + 1000 },
      { kind: 'put', key: 'long-before', sizeBytes: 4 * LIMIT_BYTES, chunkBytes: 1000 },
      { kind: 'put', key: 'old', sizeBytes: LIMIT_BYTES + 1, chunkBytes: 64 * 1024 },
    ];
    expect(await underLimit(steps)).toEqual(Array(3).fill('InsufficientStorage'));
    expect((await store.list('b', { limit: 10 })).objects.map(({ key }) => key)).toEqual(['old']);
    expect((await bytesOf('old')).toString()).toBe('old');
    expect(await paths()).toEqual(before);
  });

  it('refuses a part that does not fit, and the upload goes on when there is room again', async () => {
    const upload = { bucket: 'b', key: 'parts', uploadId: await store.createUpload('b', 'parts', HEADERS) };
    const data = randomBytes(LIMIT_BYTES + 1);
    const step = { kind: 'part', ...upload, sizeBytes: data.byteLength, chunkBytes: data.byteLength };
    expect(await underLimit([step])).toEqual(['InsufficientStorage']);
    expect(await store.listParts(upload)).toEqual([]);
    const { etag } = await store.putPart(upload, 1, inChunks(data, data.byteLength), data.byteLength);
    await store.completeUpload(upload, [{ partNumber: 1, etag }]);
    expect((await bytesOf('parts')).equals(data)).toBe(true);
  });
});

describe('files that are damaged', () => {
  const damages = [
    ['gone', (path: string) => unlink(path), 'missing'],
    ['short', (path: string) => truncate(path, 3), '3 bytes where 10 were stored'],
  ] as const;

  it.each(damages)('are told before the first byte: %s', async (_name, damage, reason) => {
    await put('k', Buffer.from('0123456789'));
    await damage(await pathOf('k'));
    const reader = await readerOf('k');
    const attempts = [
      () => reader.read(),
      () => reader.read({ start: 0, end: 1 }),
      () => reader.check(),
      () => store.copy({ bucket: 'b', key: 'k' }, { bucket: 'b', key: 'copy' }),
    ];
    for (const attempt of attempts) {
      const error = await attempt().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ObjectDamaged);
      expect(error).toMatchObject({ bucket: 'b', key: 'k', reason: expect.stringContaining(reason) });
    }
    expect(await store.head('b', 'copy')).toBeUndefined();
  });

  it('break a read off that has begun', async () => {
    await put('k', randomBytes(4 * 1024 * 1024));
    const stream = await (await readerOf('k')).read();
    await truncate(await pathOf('k'), 1024 * 1024);
    const all = (async () => {
      for await (const chunk of stream) void chunk;
    })();
    await expect(all).rejects.toThrow(ObjectDamaged);
  });

  const flipABit = async (path: string): Promise<void> => {
    const bytes = await readFile(path);
    bytes[5] = (bytes[5] ?? 0) ^ 1;
    await writeFile(path, bytes);
  };

  it('are never read to the end when a bit is another one, in one chunk or in many', async () => {
    for (const size of [10, 1024 * 1024]) {
      await put('k', randomBytes(size));
      await flipABit(await pathOf('k'));
      let read = 0;
      const all = async (): Promise<void> => {
        for await (const chunk of await (await readerOf('k')).read()) read += (chunk as Uint8Array).byteLength;
      };
      await expect(all()).rejects.toMatchObject({ key: 'k', reason: expect.stringContaining('other bytes') });
      expect(read).toBeLessThan(size);
    }
  });

  it('are told before the first byte where a bit of a small one is another', async () => {
    await put('k', Buffer.from('0123456789'));
    await flipABit(await pathOf('k'));
    const reader = await readerOf('k');
    const other = { key: 'k', reason: expect.stringContaining('other bytes') };
    await expect(reader.read()).rejects.toMatchObject(other);
    await expect(reader.read({ start: 0, end: 1 })).rejects.toMatchObject(other);
  });

  describe('of which a part is read', () => {
    const SIZE = 3 * 256 * 1024 + 1000;
    const part = async (start: number, end: number, key = 'k'): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of await (await readerOf(key)).read({ start, end })) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    };
    const change = async (at: number): Promise<void> => {
      const file = await open(await pathOf('k'), 'r+');
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 4]), 0, 1, at);
      await file.close();
    };
    let data: Buffer;
    beforeEach(async () => {
      data = randomBytes(SIZE);
      await store.put('b', 'k', inChunks(data, 100_000), { ...HEADERS, sizeBytes: SIZE });
    });

    it('give every part, within a block and across several', async () => {
      for (const [start, end] of [
        [0, 0],
        [5, 9],
        [1, SIZE - 1],
        [262_143, 262_144],
        [0, 786_431],
        [SIZE - 1, SIZE - 1],
      ] as const)
        expect((await part(start, end)).equals(data.subarray(start, end + 1))).toBe(true);
    });

    it('give no byte of a block that was changed, and all of the others', async () => {
      await change(300_000);
      const other = { key: 'k', reason: expect.stringContaining('other bytes') };
      await expect(part(262_144, 262_145)).rejects.toMatchObject(other);
      await expect(part(10, 600_000)).rejects.toMatchObject(other);
      expect((await part(10, 262_143)).equals(data.subarray(10, 262_144))).toBe(true);
      expect((await part(524_288, SIZE - 1)).equals(data.subarray(524_288))).toBe(true);
    });

    it('are whole where only what is said of them was changed, and where nothing is said, as by an earlier version', async () => {
      await change(SIZE + 20);
      expect((await part(262_144, 600_000)).equals(data.subarray(262_144, 600_001))).toBe(true);
      await truncate(await pathOf('k'), SIZE);
      expect((await part(262_144, 300_001)).equals(data.subarray(262_144, 300_002))).toBe(true);
    });

    it.each([
      ['zeroed', async (path: string) => writeFile(path, Buffer.alloc((await readFile(path)).byteLength))],
      ['cut off behind its bytes, of which one is another', (path: string) => truncate(path, SIZE)],
      [
        'another file, behind a link',
        async (path: string) => {
          await writeFile(`${path}.other`, randomBytes(SIZE + 10_000));
          await rm(path);
          await symlink(`${path}.other`, path);
        },
      ],
    ])('give no byte of a file that says nothing of its blocks and is %s', async (_name, damage) => {
      await change(300_000);
      await damage(await pathOf('k'));
      const other = { key: 'k', reason: expect.stringContaining('other bytes') };
      for (let time = 0; time < 2; time += 1) await expect(part(10, 20)).rejects.toMatchObject(other);
      // What was put back is another file of the same name.
      await writeFile(await pathOf('k'), data);
      await utimes(await pathOf('k'), new Date(), new Date(0));
      expect((await part(10, 20)).equals(data.subarray(10, 21))).toBe(true);
    });

    it('are compared once, however many parts are read of what says nothing of its blocks', async () => {
      await truncate(await pathOf('k'), SIZE);
      const path = await pathOf('k');
      const at = new Date();
      await utimes(path, at, at);
      expect((await part(10, 20)).equals(data.subarray(10, 21))).toBe(true);
      // Bytes that change without a trace in the file's own facts: only another comparison would see them.
      await change(500_000);
      await utimes(path, at, at);
      expect((await part(10, 20)).equals(data.subarray(10, 21))).toBe(true);
    });

    it('are compared with the ETag when all is read and what is said of the blocks was changed, too, or is not there', async () => {
      const other = { key: 'k', reason: expect.stringContaining('other bytes') };
      await change(SIZE + 20);
      expect((await bytesOf('k')).equals(data)).toBe(true);
      await change(300_000);
      await expect(bytesOf('k')).rejects.toMatchObject(other);
      await truncate(await pathOf('k'), SIZE);
      await expect(bytesOf('k')).rejects.toMatchObject(other);
    });

    it('are sent on as they are read, and no further than a reader takes them', async () => {
      const taken: Buffer[] = [];
      const slow = new Writable({
        highWaterMark: 1,
        write: (chunk: Buffer, _encoding, done) => {
          taken.push(Buffer.from(chunk));
          setImmediate(done);
        },
      });
      await sendBytes(await (await readerOf('k')).read(), slow);
      expect(Buffer.concat(taken).equals(data)).toBe(true);
      const gone = new Writable({ write: () => gone.destroy() });
      const error: unknown = await sendBytes(await (await readerOf('k')).read(), gone).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    });

    it('are compared in copies and in objects of several parts, too', async () => {
      const upload = { bucket: 'b', key: 'joined', uploadId: await store.createUpload('b', 'joined', HEADERS) };
      const refs: { partNumber: number; etag: string }[] = [];
      const all = [randomBytes(MIN_PART_BYTES), randomBytes(1000)];
      for (const [index, bytes] of all.entries()) {
        const { etag } = await store.putPart(upload, index + 1, inChunks(bytes, 64_000), bytes.byteLength);
        refs.push({ partNumber: index + 1, etag });
      }
      await store.completeUpload(upload, refs);
      await store.copy({ bucket: 'b', key: 'joined' }, { bucket: 'b', key: 'copy' });
      const wanted = Buffer.concat(all).subarray(MIN_PART_BYTES - 10, MIN_PART_BYTES + 11);
      for (const key of ['joined', 'copy'])
        expect((await part(MIN_PART_BYTES - 10, MIN_PART_BYTES + 10, key)).equals(wanted)).toBe(true);
      await flipABit(await pathOf('joined'));
      for (const key of ['joined', 'copy']) await expect(part(100, 200, key)).rejects.toThrow(ObjectDamaged);
    });
  });

  it('are told of each part of an object in parts, of which a copy is read to its end', async () => {
    const upload = { bucket: 'b', key: 'in-parts', uploadId: await store.createUpload('b', 'in-parts', HEADERS) };
    const parts: { partNumber: number; etag: string }[] = [];
    const written: Buffer[] = [];
    for (const [index, size] of [MIN_PART_BYTES, MIN_PART_BYTES + 1, 10].entries()) {
      const data = randomBytes(size);
      written.push(data);
      const { etag } = await store.putPart(upload, index + 1, inChunks(data, size), size);
      parts.push({ partNumber: index + 1, etag });
    }
    await store.completeUpload(upload, parts);
    await store.copy({ bucket: 'b', key: 'in-parts' }, { bucket: 'b', key: 'copy' });
    for (const key of ['in-parts', 'copy']) expect((await bytesOf(key)).equals(Buffer.concat(written))).toBe(true);
    const [row] = await db.query<{ readonly id: string }[]>(
      "SELECT file_ids[2] AS id FROM object WHERE key = 'in-parts'",
    );
    await flipABit(join(folder, row?.id.slice(0, 2) ?? '', row?.id ?? ''));
    await expect(bytesOf('in-parts')).rejects.toThrow(ObjectDamaged);
  });

  it('are found by a scrub, part by part, each object once and no other', async () => {
    const sizes: Readonly<Record<string, number>> = { a: 10, b: 600_000, c: 0, d: 600_000, 'd/e': 5, e: 9, f: 7 };
    for (const [key, size] of Object.entries(sizes)) await put(key, randomBytes(size));
    await flipABit(await pathOf('b'));
    await truncate(await pathOf('d/e'), 4);
    await unlink(await pathOf('f'));
    // Reading it fails in the system, as on a bad sector.
    const unreadable = await pathOf('e');
    await unlink(unreadable);
    await mkdir(unreadable);
    await writeFile(join(folder, 'ab', randomUUID().replace(/^../, 'ab')), 'of an upload that was cut off');
    let [objects, parts] = [0, 0];
    const findings: unknown[] = [];
    for (let next: string | null | undefined; next !== null;) {
      const part = await store.scrub({
        maxMs: 0,
        bytesPerSecond: 1e12,
        ...(next === undefined ? {} : { after: next }),
      });
      parts += 1;
      objects += part.objects;
      findings.push(...part.findings);
      expect(part.orphans).toBe(part.next === null ? 1 : null);
      next = part.next;
    }
    expect([objects, parts]).toEqual([7, 7]);
    const etag = expect.stringMatching(/^[0-9a-f]{32}$/);
    expect(findings).toEqual([
      { bucket: 'b', key: 'b', etag, reason: 'a file of it holds other bytes than were stored' },
      { bucket: 'b', key: 'd/e', etag, reason: 'a file of it has 4 bytes where 5 were stored' },
      { bucket: 'b', key: 'e', etag, reason: 'a file of it cannot be read (EISDIR)' },
      { bucket: 'b', key: 'f', etag, reason: 'a file of it is missing' },
    ]);
    await rmdir(unreadable);
  });

  it('are found by a scrub where a file is whole, but of another object, or the index says something else of it', async () => {
    for (const key of ['etag', 'one', 'other', 'right', 'size']) await put(key, Buffer.alloc(5_000, key));
    const [one, other] = [await pathOf('one'), await pathOf('other')];
    await rename(one, `${one}.moved`);
    await rename(other, one);
    await rename(`${one}.moved`, other);
    await db.query(`UPDATE object SET size = size + 50 WHERE key = 'size'`);
    await db.query(`UPDATE object SET etag = md5('x') WHERE key = 'etag'`);
    const { findings } = await store.scrub({ maxMs: 1e9, bytesPerSecond: 1e12 });
    expect(findings.map(({ key, reason }) => [key, reason])).toEqual([
      ['etag', 'a file of it holds other bytes than were stored'],
      ['one', 'a file of it holds other bytes than were stored'],
      ['other', 'a file of it holds other bytes than were stored'],
      ['size', 'its files have 5000 bytes where 5050 were stored'],
    ]);
  });

  it('are looked for at a bounded rate', async () => {
    await put('large', randomBytes(3 * 1024 * 1024));
    let slept = 0;
    const sleep = async (ms: number): Promise<void> => void (slept += ms);
    const get = ({ bucket, key }: Place) => store.get(bucket, key);
    const { bytes } = await scrub(
      { index: db, get, now: () => slept, sleep },
      { maxMs: 1e9, bytesPerSecond: 1024 * 1024 },
    );
    expect([bytes, slept]).toEqual([3 * 1024 * 1024, 3000]);
  });

  it('are not joined to an object, and the upload stays', async () => {
    const upload = { bucket: 'b', key: 'joined', uploadId: await store.createUpload('b', 'joined', HEADERS) };
    const sizes = [MIN_PART_BYTES, 10];
    const parts: { partNumber: number; etag: string }[] = [];
    for (const [index, size] of sizes.entries()) {
      const data = randomBytes(size);
      const { etag } = await store.putPart(upload, index + 1, inChunks(data, size), size);
      parts.push({ partNumber: index + 1, etag });
    }
    const [row] = await db.query<{ readonly id: string }[]>('SELECT file_id AS id FROM multipart_part WHERE size = 10');
    await truncate(join(folder, row?.id.slice(0, 2) ?? '', row?.id ?? ''), 9);
    await expect(store.completeUpload(upload, parts)).rejects.toThrow(ObjectDamaged);
    expect(await store.head('b', 'joined')).toBeUndefined();
    expect(await store.listParts(upload)).toHaveLength(2);
  });
});
