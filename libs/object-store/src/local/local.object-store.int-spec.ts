import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase, eventually } from '@fornax/testing';
import { DataSource } from 'typeorm';
import { objectStoreContract } from '../port/object-store.contract.js';
import { type Precondition, StoreRefusal } from '../port/object-store.js';
import { LOCAL_EXTRAS_DOWN, LOCAL_EXTRAS_UP } from './extras-tables.js';
import { LOCAL_INDEX_DOWN, LOCAL_INDEX_UP } from './index-tables.js';
import { LOCAL_MANIFESTS_DOWN, LOCAL_MANIFESTS_UP } from './manifest-tables.js';
import { LOCAL_MARK_ORDER_DOWN, LOCAL_MARK_ORDER_UP } from './mark-order-tables.js';
import { LocalObjectStore } from './local.object-store.js';

let folder: string;
let database: TestDatabase;
let db: DataSource;
let store: LocalObjectStore;

const filesOnDisk = async (): Promise<number> => {
  const folders = (await readdir(join(folder, 'objects'))).filter((name) => name.length === 2);
  const files = await Promise.all(folders.map((name) => readdir(join(folder, 'objects', name))));
  return files.flat().length;
};
const source = async function* (text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
};
const put = (bucket: string, key: string, text: string) =>
  store.put(bucket, key, source(text), {
    contentType: 'text/plain',
    userMetadata: {},
    sizeBytes: Buffer.byteLength(text),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-objects-'));
  database = await createTestDatabase();
  db = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  for (const statement of [...LOCAL_INDEX_UP, ...LOCAL_MANIFESTS_UP, ...LOCAL_MARK_ORDER_UP, ...LOCAL_EXTRAS_UP])
    await db.query(statement);
  store = await open({});
}, 120_000);

const open = (options: { readonly orphanAgeMs?: number }): Promise<LocalObjectStore> =>
  LocalObjectStore.open({
    folder: join(folder, 'objects'),
    index: db,
    isDurable: false,
    garbageGraceMs: 0,
    ...options,
  });

/** Removes whatever no row names, however young: so only while nothing is being put, which a sweep of the store itself would not wait for. */
const tidy = async (): Promise<void> => {
  const tidying = await open({ orphanAgeMs: -1000 });
  await tidying.collect();
  await tidying.close();
};

afterAll(async () => {
  await store.close();
  for (const statement of [
    ...LOCAL_EXTRAS_DOWN,
    ...LOCAL_MARK_ORDER_DOWN,
    ...LOCAL_MANIFESTS_DOWN,
    ...LOCAL_INDEX_DOWN,
  ])
    await db.query(statement);
  await db.destroy();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('LocalObjectStore', () => {
  for (const { behavior, check } of objectStoreContract) {
    it(behavior, async () => {
      const [bucket, other] = [`b-${randomUUID()}`, `o-${randomUUID()}`];
      await store.createBuckets([bucket, other]);
      await check(store, bucket, other);
      await store.deleteBuckets([bucket, other]);
    });
  }

  it('stores what comes together, the last of each place, and refuses alone what has no bucket', async () => {
    const bucket = `b-${randomUUID()}`;
    await store.createBuckets([bucket]);
    const statements: string[] = [];
    const counted: typeof db.query = (text: string, parameters?: unknown[]) => {
      statements.push(text);
      return db.query(text, parameters);
    };
    const index = { query: counted, transaction: db.transaction.bind(db) };
    const other = await LocalObjectStore.open({ folder: join(folder, 'objects'), index, isDurable: true });
    try {
      const options = { contentType: 'a/b', userMetadata: { of: 'é' }, sizeBytes: 1 };
      const puts = Array.from({ length: 40 }, (_, at) =>
        other.put(at === 17 ? 'no-bucket' : bucket, `k${at % 20}`, source(String(at % 10)), options),
      );
      const refused = (await Promise.allSettled(puts)).filter(({ status }) => status === 'rejected');
      expect(refused).toEqual([{ status: 'rejected', reason: expect.objectContaining({ problem: 'NoSuchBucket' }) }]);
      const { objects } = await other.list(bucket, { limit: 100 });
      expect(objects).toHaveLength(20);
      expect(await other.usage(bucket)).toEqual({ objects: 20, bytes: 20 });
      const heads = await Promise.all(objects.map(({ key }) => other.head(bucket, key)));
      expect(heads.map((info) => [info?.key, info?.userMetadata])).toEqual(
        objects.map(({ key }) => [key, { of: 'é' }]),
      );
      // Neither the puts nor the looks were a statement each.
      expect(statements.filter((text) => text.includes('INSERT INTO object (')).length).toBeLessThan(40);
      expect(statements.filter((text) => text.includes('SELECT object.*')).length).toBeLessThan(20);
    } finally {
      await other.deleteBuckets([bucket]);
      await other.close();
    }
  });

  it('tells what every file on disk is for: the sums are what lies there', async () => {
    await tidy();
    const bucket = `b-${randomUUID()}`;
    await store.createBuckets([bucket]);
    await put(bucket, 'kept', 'x'.repeat(10_000));
    await put(bucket, 'lost', '12345');
    const uploadId = await store.createUpload(bucket, 'parts', { contentType: 'a/b', userMetadata: {} });
    await store.putPart({ bucket, key: 'parts', uploadId }, 1, source('part'), 4);
    const [lost] = await db.query<{ id: string }[]>(`SELECT file_ids[1] AS id FROM object WHERE key = 'lost'`);
    await rm(join(folder, 'objects', (lost?.id ?? '').slice(0, 2), lost?.id ?? ''));
    const write = async (text: string): Promise<readonly [id: string, file: string]> => {
      const id = randomUUID();
      const file = join(folder, 'objects', id.slice(0, 2), id);
      await writeFile(file, text);
      return [id, file];
    };
    await write('stray');
    const [, old] = await write('old');
    await utimes(old, new Date(0), new Date(0));
    const [deleted] = await write('deleted');
    await db.query(`INSERT INTO object_garbage VALUES ($1, now() + interval '1 hour')`, [deleted]);
    const found = await store.diskUsage();
    const of = (wanted: string) => found.find(({ kind, bucket: of }) => kind === wanted && (of ?? bucket) === bucket);
    expect(of('objects')).toMatchObject({ files: 1 });
    expect(of('objects')?.bytes).toBeGreaterThan(10_000);
    expect(of('uploads')).toMatchObject({ files: 1 });
    expect(of('garbage')).toMatchObject({ files: 1, bytes: 7 });
    expect(of('orphans')).toMatchObject({ files: 1, bytes: 3 });
    expect(of('fresh')).toMatchObject({ files: 1, bytes: 5 });
    expect(of('missing')).toEqual({ kind: 'missing', files: 1, bytes: 5 });
    const there = found.filter(({ kind }) => kind !== 'missing').reduce((sum, { bytes }) => sum + bytes, 0);
    const entries = await readdir(join(folder, 'objects'), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    expect(there).toBe(sizes.reduce((sum, size) => sum + size, 0));
    await store.deleteBuckets([bucket]);
    await db.query('DELETE FROM object_garbage WHERE file_id = $1', [deleted]);
    await tidy();
  });

  it('lets nobody wait for a row of another bucket', async () => {
    const [held, free] = [`b-${randomUUID()}`, `o-${randomUUID()}`];
    await store.createBuckets([held, free]);
    const waiting = await db.transaction(async (tx) => {
      // As a deletion of a bucket with very many objects does, until it is committed.
      await tx.query('SELECT FROM object_bucket WHERE name = $1 FOR UPDATE', [held]);
      const putting = put(held, 'one', 'x');
      await eventually(async () => {
        const blocked: unknown[] = await db.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return blocked.length > 0;
      });
      await put(free, 'one', 'x');
      return { putting };
    });
    await waiting.putting;
    expect(await store.usages([held, free])).toEqual([1, 1].map((one) => ({ objects: one, bytes: one })));
    await store.deleteBuckets([held, free]);
  });

  it('lets one of several writers win who expect the same', async () => {
    const bucket = `b-${randomUUID()}`;
    await store.createBuckets([bucket]);
    const winnersOf = async (precondition: Precondition): Promise<number> => {
      const tries = Array.from({ length: 12 }, () => {
        // Never a text that is there already: over its own etag a second writer wins rightly.
        const text = `writer ${randomUUID()}`;
        const options = { contentType: 'text/plain', userMetadata: {}, sizeBytes: text.length, precondition };
        return store.put(bucket, 'one', source(text), options);
      });
      const ends = await Promise.allSettled(tries);
      const refusals = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      for (const refusal of refusals) expect(refusal).toMatchObject({ problem: 'PreconditionFailed' });
      return ends.length - refusals.length;
    };
    expect(await winnersOf('absent')).toBe(1);
    const { etag = '' } = (await store.head(bucket, 'one')) ?? {};
    expect(await winnersOf({ etags: [etag] })).toBe(1);
    const upload = {
      bucket,
      key: 'one',
      uploadId: await store.createUpload(bucket, 'one', { contentType: 'text/plain', userMetadata: {} }),
    };
    const part = await store.putPart(upload, 1, source('joined'), 6);
    const parts = [{ partNumber: 1, etag: part.etag }];
    await expect(store.completeUpload(upload, parts, { precondition: 'absent' })).rejects.toMatchObject({
      problem: 'PreconditionFailed',
    });
    expect(await store.listParts(upload)).toHaveLength(1);
    await store.completeUpload(upload, parts, { precondition: { etags: '*' } });
    await store.deleteBuckets([bucket]);
  });

  it('refuses a bucket that was not created, and leaves no file', async () => {
    await tidy();
    const before = await filesOnDisk();
    await expect(put('never-made', 'k', 'v')).rejects.toThrow(StoreRefusal);
    expect(await filesOnDisk()).toBe(before);
  });

  it('leaves no file behind what was deleted, replaced, aborted, or never got a row', async () => {
    await store.createBuckets(['tidy']);
    await put('tidy', 'kept', 'kept');
    await put('tidy', 'replaced', 'one');
    await put('tidy', 'replaced', 'two');
    await put('tidy', 'deleted', 'x');
    await store.deleteMany('tidy', ['deleted']);
    const upload = {
      bucket: 'tidy',
      key: 'u',
      uploadId: await store.createUpload('tidy', 'u', { contentType: 'x', userMetadata: {} }),
    };
    await store.putPart(upload, 1, source('part'), 4);
    await store.putPart(upload, 1, source('other'), 5);
    await store.abortUpload(upload);
    await writeFile(join(folder, 'objects', 'ab', `ab${randomUUID().slice(2)}`), 'an orphan of a crash');
    await tidy();
    expect(await filesOnDisk()).toBe(2);
    await store.deleteBuckets(['tidy']);
    await tidy();
    expect(await filesOnDisk()).toBe(0);
  });

  it('moves inside a transaction of the caller, or not at all', async () => {
    await store.createBuckets(['from', 'to']);
    await put('from', 'p/k', 'v');
    const move = { fromBucket: 'from', fromPrefix: 'p/', toBucket: 'to', toPrefix: '' };
    await expect(
      db.transaction(async (tx) => {
        await store.movePrefix(move, tx);
        throw new Error('the batch fails');
      }),
    ).rejects.toThrow('the batch fails');
    expect(await store.head('to', 'k')).toBeUndefined();
    await db.transaction((tx) => store.movePrefix(move, tx));
    expect(await store.head('to', 'k')).toBeDefined();
  });

  it('counts right under writers of one bucket, and still after the counts were folded', async () => {
    await store.createBuckets(['busy']);
    await Promise.all(Array.from({ length: 200 }, (_, n) => put('busy', `k${n % 20}`, 'x'.repeat(n))));
    const listed = await store.list('busy', { limit: 1000 });
    const usage = { objects: 20, bytes: listed.objects.reduce((sum, object) => sum + object.sizeBytes, 0) };
    expect(await store.usage('busy')).toEqual(usage);
    await store.collect();
    expect(await store.usage('busy')).toEqual(usage);
  });
});
