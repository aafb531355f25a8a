import {
  appendFile,
  cp,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import { DataSource } from 'typeorm';
import { MIN_PART_BYTES } from '../port/object-store.js';
import { LOCAL_EXTRAS_DOWN, LOCAL_EXTRAS_UP } from './extras-tables.js';
import { LOCAL_INDEX_DOWN, LOCAL_INDEX_UP } from './index-tables.js';
import { LOCAL_MANIFESTS_DOWN, LOCAL_MANIFESTS_UP } from './manifest-tables.js';
import { LOCAL_MARK_ORDER_DOWN, LOCAL_MARK_ORDER_UP } from './mark-order-tables.js';
import { LocalObjectStore } from './local.object-store.js';

const HEADERS = { contentType: 'text/plain', userMetadata: { color: 'blue' } };
const STRANGE = 'a//b/../\u{1f600} "\\é';

let folder: string;
let database: TestDatabase;
let db: DataSource;
let store: LocalObjectStore;
let at = 1_800_000_000_000;

/** The clock of the stored objects: later with every look. */
const now = (): number => (at += 1000);
const open = async (): Promise<LocalObjectStore> =>
  (store = await LocalObjectStore.open({
    folder,
    index: db,
    isDurable: false,
    garbageGraceMs: 3_600_000,
    now,
  }));
const whole = async function* (data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
};
const put = (key: string, data: string | Buffer, bucket = 'b') =>
  store.put(bucket, key, whole(Buffer.from(data)), { ...HEADERS, sizeBytes: Buffer.byteLength(data) });
const textOf = async (key: string, bucket = 'b'): Promise<string | undefined> => {
  const reader = await store.get(bucket, key);
  if (!reader) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of await reader.read()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
};
/** All that the index says, without what belongs to a run of the program. */
const index = (): Promise<unknown> =>
  db.query(
    'SELECT bucket, key, size, etag, content_type, metadata, part_sizes, modified_at, extras FROM object ORDER BY 1, 2',
  );
const filesOf = async (key: string): Promise<readonly string[]> => {
  const [row] = await db.query<{ readonly ids: string[] }[]>(
    'SELECT file_ids::text[] AS ids FROM object WHERE key = $1',
    [key],
  );
  return (row?.ids ?? []).map((id) => join(folder, id.slice(0, 2), id));
};
/** As if every file had been written an hour ago: younger ones may belong to a put in progress. */
const age = async (): Promise<void> => {
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), hourAgo, hourAgo);
};
const migrate = async (): Promise<void> => {
  for (const statement of [...LOCAL_INDEX_UP, ...LOCAL_MANIFESTS_UP, ...LOCAL_MARK_ORDER_UP, ...LOCAL_EXTRAS_UP])
    await db.query(statement);
};
const loseIndex = async (): Promise<void> => {
  await store.close();
  for (const statement of [
    ...LOCAL_EXTRAS_DOWN,
    ...LOCAL_MARK_ORDER_DOWN,
    ...LOCAL_MANIFESTS_DOWN,
    ...LOCAL_INDEX_DOWN,
  ])
    await db.query(statement);
  await migrate();
};

beforeAll(async () => {
  database = await createTestDatabase();
  db = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  await migrate();
}, 120_000);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-reindex-'));
  await db.query('TRUNCATE object_bucket, object_mark, object_garbage, object_usage CASCADE');
  await open();
  await store.createBuckets(['b', 'other']);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

describe('an index that was lost', () => {
  it('is whole only when what came back was seen to, also by a later process', async () => {
    await put('k', 'one');
    await loseIndex();
    await open();
    await store.createBuckets(['b']);
    await expect(store.reindex({ settle: () => Promise.reject(new Error('the log is away')) })).rejects.toThrow('away');
    expect([await textOf('k'), store.needsReindex()]).toEqual(['one', true]);
    await store.close();
    await open();
    expect(store.needsReindex()).toBe(true);
    let seen: string | undefined;
    await store.reindex({ settle: async () => void (seen = await textOf('k')) });
    expect([seen, store.needsReindex(), store.trouble()]).toEqual(['one', false, undefined]);
  });

  it('is made again from the files, with everything that it said', async () => {
    await put('plain', 'one');
    await put('plain', 'two');
    await store.put('b', STRANGE, whole(Buffer.from('')), {
      contentType: 'text/plain',
      userMetadata: Object.fromEntries([['__proto__', 'x']]),
      contentHeaders: { 'cache-control': 'no-store' },
      checksum: () => ({ algorithm: 'crc32', type: 'full-object', value: 'AAAAAA==' }),
      sizeBytes: 0,
    });
    await put('gone', 'x');
    await put('from/moved', 'moved');
    await store.copy(
      { bucket: 'b', key: 'plain' },
      { bucket: 'other', key: 'copy' },
      { contentType: 'x/y', userMetadata: {} },
    );
    const upload = { bucket: 'b', key: 'big', uploadId: await store.createUpload('b', 'big', HEADERS) };
    const parts = [randomBytes(MIN_PART_BYTES), Buffer.from('end')];
    const refs: { readonly partNumber: number; readonly etag: string }[] = [];
    for (const [n, part] of parts.entries())
      refs.push({ partNumber: n + 1, etag: (await store.putPart(upload, n + 1, whole(part), part.byteLength)).etag });
    await store.completeUpload(upload, refs);
    await store.movePrefix({ fromBucket: 'b', fromPrefix: 'from/', toBucket: 'other', toPrefix: 'to/' });
    await store.collect(); // writes the manifest of what was moved
    const before = await index();
    const usage = await store.usages(['b', 'other']);

    await loseIndex();
    await open();
    expect(store.needsReindex()).toBe(true);
    expect(store.trouble()).toContain('does not know the files');
    await store.createBuckets(['b', 'other']);
    const steps: number[] = [];
    const report = await store.reindex({ onProgress: ({ folders }) => steps.push(folders) });
    // 'gone' was never deleted here: it comes back like the others.
    expect(report).toMatchObject({ restored: 6, damaged: 0, withoutBucket: 0, missing: 0 });
    expect(await index()).toEqual(before);
    expect(await store.usages(['b', 'other'])).toEqual(usage);
    expect([await textOf('plain'), await textOf('to/moved', 'other'), await textOf('copy', 'other')]).toEqual([
      'two',
      'moved',
      'two',
    ]);
    expect(await textOf('big')).toBe(Buffer.concat(parts).toString('latin1'));
    expect([steps.at(0), steps.at(-1)]).toEqual([1, 256]);
    expect(store.trouble()).toBeUndefined();
    expect(await store.reindex()).toMatchObject({ restored: 0, known: 6, missing: 0 });
    expect(await index()).toEqual(before);
  });

  it('removes no file on the word of an index that knows less, and sets aside what belongs to no object', async () => {
    await put('k', 'kept');
    await put('k2', 'of a bucket that is gone', 'other');
    const upload = { bucket: 'b', key: 'u', uploadId: await store.createUpload('b', 'u', HEADERS) };
    await store.putPart(upload, 1, whole(Buffer.from('part')), 4);
    await age();
    await loseIndex();
    await open();
    await store.collect();
    await store.createBuckets(['b']);
    expect(await store.reindex()).toMatchObject({ files: 3, restored: 1, withoutBucket: 1, setAside: 2 });
    expect(await textOf('k')).toBe('kept');
    expect(await readdir(join(folder, 'set-aside'))).toHaveLength(2);
  });

  it('takes no word of what a client wrote for a manifest', async () => {
    await put('victim', 'mine');
    const [file = ''] = await filesOf('victim');
    const forged = await readFile(file); // the whole file with its tail, as the content of another object's part
    const upload = { bucket: 'other', key: 'u', uploadId: await store.createUpload('other', 'u', HEADERS) };
    await store.putPart(upload, 1, whole(forged), forged.byteLength);
    await store.deleteMany('b', ['victim']);
    await unlink(file);
    await age();
    await loseIndex();
    await open();
    await store.createBuckets(['b', 'other']);
    expect(await store.reindex()).toMatchObject({ restored: 0, setAside: 1 });
  });

  it('does not restore what is damaged, and says which', async () => {
    for (const key of ['cut', 'scratched', 'half']) await put(key, 'x'.repeat(5000));
    await store.copy({ bucket: 'b', key: 'half' }, { bucket: 'b', key: 'copied' });
    const [cut = ''] = await filesOf('cut');
    const [scratched = ''] = await filesOf('scratched');
    const [copied = ''] = await filesOf('copied');
    await truncate(cut, 4000);
    await appendFile(scratched, 'one more byte');
    await unlink(copied);
    await loseIndex();
    await open();
    await store.createBuckets(['b']);
    expect(await store.reindex()).toMatchObject({ restored: 1, damaged: 1, examples: ['b/copied'] });
    expect(await textOf('half')).toBe('x'.repeat(5000));
  });
});

describe('what was deleted', () => {
  const lists = async (): Promise<readonly string[]> => readdir(join(folder, 'deleted')).catch(() => []);
  /** As after a crash: nothing is closed, and the index knows nothing. */
  const loseAll = async (): Promise<void> => {
    await loseIndex();
    await open();
    await store.createBuckets(['b', 'other']);
  };

  it('stays deleted when the index is lost before its files have gone, also the versions that it had replaced', async () => {
    await put('kept', 'kept');
    await put('gone', 'first');
    await put('gone', 'second');
    await put('again', 'first');
    for (const key of ['many-1', 'many-2']) await put(key, key);
    await store.copy({ bucket: 'b', key: 'kept' }, { bucket: 'other', key: 'copied' });
    await put('from/moved', 'moved');
    await store.movePrefix({ fromBucket: 'b', fromPrefix: 'from/', toBucket: 'other', toPrefix: 'to/' });
    await store.collect();
    await store.deleteMany('b', ['gone', 'again', 'never-there']);
    await store.deleteMany('b', ['many-1', 'many-2']);
    await store.deleteMany('other', ['copied', 'to/moved']);
    await put('again', 'second');
    await loseAll();
    expect(await store.reindex()).toMatchObject({ restored: 2, damaged: 0, missing: 0 });
    expect([await textOf('kept'), await textOf('again'), await textOf('gone')]).toEqual(['kept', 'second', undefined]);
    expect(await index()).toHaveLength(2);
    // The files go as they would have gone; until then they are known.
    await loseAll();
    expect(await store.reindex()).toMatchObject({ restored: 2 });
  });

  it('stays deleted when it was moved before, in several parts, and its place was not written down yet', async () => {
    const place = { bucket: 'b', key: 'from/parts' };
    const uploadId = await store.createUpload('b', 'from/parts', HEADERS);
    const etags: string[] = [];
    for (const [index, data] of [Buffer.alloc(MIN_PART_BYTES, 'a'), Buffer.from('end')].entries())
      etags.push((await store.putPart({ ...place, uploadId }, index + 1, whole(data), data.byteLength)).etag);
    await store.completeUpload(
      { ...place, uploadId },
      etags.map((etag, index) => ({ partNumber: index + 1, etag })),
    );
    await store.movePrefix({ fromBucket: 'b', fromPrefix: 'from/', toBucket: 'other', toPrefix: 'to/' });
    await store.deleteMany('other', ['to/parts']);
    await loseAll();
    expect(await store.reindex()).toMatchObject({ restored: 0, damaged: 0, missing: 0 });
    expect(await index()).toEqual([]);
  });

  it('stays deleted under an older copy of the index', async () => {
    await put('gone', 'v');
    await put('kept', 'v');
    await db.query('CREATE TABLE saved AS SELECT * FROM object');
    await store.deleteMany('b', ['gone']);
    await loseAll();
    await db.query('INSERT INTO object SELECT * FROM saved');
    await db.query('DROP TABLE saved');
    expect(await store.reindex()).toMatchObject({ restored: 0 });
    expect([await textOf('gone'), await textOf('kept')]).toEqual([undefined, 'v']);
  });

  it('is named until its files have gone, and no longer; a line that was cut off means nothing', async () => {
    await put('gone', 'v');
    const [file = ''] = await filesOf('gone');
    await store.deleteMany('b', ['gone']);
    expect(await lists()).toHaveLength(1);
    await appendFile(join(folder, 'deleted', (await lists())[0] ?? ''), randomUUID().slice(0, 20));
    await age();
    await store.collect();
    expect(await lists()).toHaveLength(1);
    await unlink(file);
    await store.collect();
    expect(await lists()).toEqual([]);
    await put('later', 'v');
    await store.deleteMany('b', ['later']);
    expect(await lists()).toHaveLength(1);
  });

  it('is deleted all the same where that cannot be noted', async () => {
    await put('gone', 'v');
    await writeFile(join(folder, 'deleted'), 'a file in the way');
    await store.deleteMany('b', ['gone']);
    expect(await textOf('gone')).toBeUndefined();
    await rm(join(folder, 'deleted'));
    await put('next', 'v');
    await store.deleteMany('b', ['next']);
    expect(await lists()).toHaveLength(1);
  });
});

describe('an older copy of the index', () => {
  it('is noticed, gets what is newer, and keeps what it has', async () => {
    await put('old', 'old');
    await put('changed', 'before');
    await db.query('CREATE TABLE saved AS SELECT * FROM object');
    await store.collect();
    await db.query('CREATE TABLE saved_mark AS SELECT * FROM object_mark');
    await put('changed', 'after');
    await put('new', 'new');
    await store.collect();
    await store.close();
    await db.query('DELETE FROM object');
    await db.query('TRUNCATE object_mark, object_garbage');
    await db.query('INSERT INTO object SELECT * FROM saved');
    await db.query('INSERT INTO object_mark SELECT * FROM saved_mark');
    await db.query('DROP TABLE saved, saved_mark');
    await open();
    expect(store.needsReindex()).toBe(true);
    expect(await store.reindex()).toMatchObject({ restored: 2, known: 2 });
    expect([await textOf('old'), await textOf('changed'), await textOf('new')]).toEqual(['old', 'after', 'new']);
  });
});

describe('an older copy of the folder', () => {
  /** What is in the folder now comes back later: everything that was stored since is lost. */
  const keepCopy = async (): Promise<() => Promise<void>> => {
    const copy = `${folder}-${randomUUID()}`;
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });
    return async () => {
      await rm(folder, { recursive: true });
      await rename(copy, folder);
    };
  };
  const older = (): string =>
    `the folder ${folder} is an older copy than the index in Postgres: files of objects that were stored since are missing`;

  it('is noticed at once and at a start, and gone on with when somebody says so; what was deleted stays deleted', async () => {
    for (const key of ['kept', 'changed', 'deleted']) await put(key, 'before');
    await store.collect();
    const putBack = await keepCopy();
    await store.deleteMany('b', ['deleted']);
    await put('changed', 'after');
    await put('new', 'new');
    await store.collect();
    await db.query('TRUNCATE object_garbage'); // as the collector leaves it when the files have gone
    await putBack();
    await age();
    expect([await store.look(), store.needsReindex(), store.folderTrouble()]).toEqual([older(), false, 'older']);
    await store.close();
    await open();
    expect(store.trouble()).toBe(older());
    await store.collect(); // removes nothing
    expect(await store.reindex()).toMatchObject({
      restored: 0,
      known: 1,
      missing: 2,
      examples: ['b/changed', 'b/new'],
    });
    expect(store.trouble()).toBeUndefined();
    expect([await textOf('kept'), await textOf('deleted')]).toEqual(['before', undefined]);
    expect(await store.reindex({ forgetMissing: true })).toMatchObject({ restored: 0, missing: 2, forgotten: true });
    expect(await textOf('changed')).toBeUndefined();
  });

  it('is noticed also when no mark could be left at the first try', async () => {
    await put('k', 'v');
    await store.collect();
    const putBack = await keepCopy();
    await put('l', 'w');
    await db.query('ALTER TABLE object_mark ADD CONSTRAINT never CHECK (false) NOT VALID');
    await expect(store.collect()).rejects.toThrow('never');
    await db.query('ALTER TABLE object_mark DROP CONSTRAINT never');
    await store.collect();
    await putBack();
    expect(await store.look()).toBe(older());
  });

  it('is noticed however old it is, and the newest one is welcome back', async () => {
    await put('k', 'v');
    await store.collect();
    const putBack = await keepCopy();
    await put('l', 'w');
    await store.collect();
    const newest = await keepCopy();
    await putBack();
    await db.query('DELETE FROM object_mark WHERE placed < (SELECT max(placed) FROM object_mark)');
    expect(await store.look()).toBe(older());
    await newest();
    expect([await store.look(), await textOf('l')]).toEqual([undefined, 'w']);
  });

  it.each([
    ['before the new mark lies in the folder', 'before'],
    ['before the index knows that it does', 'after'],
  ] as const)('is not what a crash leaves %s', async (_, moment) => {
    await put('k', 'v');
    await store.collect();
    await store.close();
    const lying = await readFile(join(folder, 'mark'), 'utf8');
    const next = '00000000-ffff-8000-8000-000000000000';
    await db.query(`INSERT INTO object_mark (mark) VALUES ($1)`, [next]);
    if (moment === 'after') await writeFile(join(folder, 'mark'), `${next}\n`);
    await open();
    expect(store.trouble()).toBeUndefined();
    expect(await readFile(join(folder, 'mark'), 'utf8')).not.toBe(lying);
    expect(await textOf('k')).toBe('v');
  });

  it('is not what marks of an earlier version make of it, and several processes beside each other', async () => {
    await put('k', 'v');
    await store.close();
    const [first, second] = [randomUUID(), randomUUID()];
    await db.query('TRUNCATE object_mark');
    await db.query('INSERT INTO object_mark (mark) VALUES ($1), ($2)', [first, second]);
    await writeFile(join(folder, 'mark'), `${first}\n`);
    const others = await Promise.all(
      Array.from({ length: 4 }, () => LocalObjectStore.open({ folder, index: db, isDurable: false })),
    );
    for (const other of others) {
      await other.collect();
      expect(await other.look()).toBeUndefined();
      await other.close();
    }
    await open();
    expect(store.trouble()).toBeUndefined();
  });
});

describe('objects of an earlier version', () => {
  it('get their manifests from the index, in the background', async () => {
    await put('legacy', 'legacy');
    const [file = ''] = await filesOf('legacy');
    await truncate(file, 'legacy'.length);
    await db.query('UPDATE object SET manifest_id = NULL');
    await store.collect();
    const before = await index();
    await loseIndex();
    await open();
    await store.createBuckets(['b']);
    expect(await store.reindex()).toMatchObject({ restored: 1 });
    expect(await index()).toEqual(before);
    expect(await textOf('legacy')).toBe('legacy');
  });
});

describe('a folder that is gone', () => {
  it('is said and refused until it is back', async () => {
    await put('k', 'v');
    const away = `${folder}-${randomUUID()}`;
    await rename(folder, away);
    expect(await store.look()).toBe(`the folder ${folder} is gone`);
    await store.close();
    await open();
    expect(store.trouble()).toBe(`the folder ${folder} is gone`);
    await expect(store.reindex()).rejects.toThrow('is gone');
    await cp(away, folder, { recursive: true });
    await rm(away, { recursive: true });
    expect(await store.look()).toBeUndefined();
    expect(await textOf('k')).toBe('v');
  });

  it('is not made anew by a look that began before it went', async () => {
    let [reached, goOn] = [(): void => undefined, (): void => undefined];
    // The store looks by itself as well: only the look that begins inside is held.
    const held = new AsyncLocalStorage<true>();
    const [isAsking, maySay] = [
      new Promise<void>((resolve) => (reached = resolve)),
      new Promise<void>((resolve) => (goOn = resolve)),
    ];
    await store.close();
    const slow = await LocalObjectStore.open({
      folder,
      index: {
        transaction: (run) => db.transaction(run),
        query: async (sql: string, parameters?: unknown[]) => {
          const rows: unknown = await db.query(sql, parameters);
          if (held.getStore() && sql.includes('has_marks')) {
            reached();
            await maySay;
          }
          return rows;
        },
      },
      isDurable: false,
      garbageGraceMs: 3_600_000,
      now,
    });
    store = slow;
    await put('k', 'v');
    const early = held.run(true, () => slow.look());
    await isAsking;
    const away = `${folder}-${randomUUID()}`;
    await rename(folder, away);
    expect(await slow.look()).toBe(`the folder ${folder} is gone`);
    goOn();
    expect(await early).toBe(`the folder ${folder} is gone`);
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
    await rename(away, folder);
  });

  it('is made anew when its objects are to be forgotten', async () => {
    await put('k', 'v');
    await rm(folder, { recursive: true });
    expect(await store.look()).toContain('is gone');
    expect(await store.reindex({ forgetMissing: true })).toMatchObject({
      missing: 1,
      forgotten: true,
      examples: ['b/k'],
    });
    expect(store.trouble()).toBeUndefined();
    expect(await store.usage('b')).toEqual({ objects: 0, bytes: 0 });
    await put('k', 'again');
    expect(await textOf('k')).toBe('again');
  });
});
