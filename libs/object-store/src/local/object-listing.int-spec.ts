import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type TestDatabase, createTestDatabase } from '@fornax/testing';
import fc from 'fast-check';
import { DataSource } from 'typeorm';
import { compareKeys, rolledUp } from '../port/keys.js';
import type { Listing, ListOptions, Sql } from '../port/object-store.js';
import { LOCAL_INDEX_UP } from './index-tables.js';
import { LOCAL_MANIFESTS_UP } from './manifest-tables.js';
import { listObjects } from './object-listing.js';

let database: TestDatabase;
let db: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  db = await new DataSource({ type: 'postgres', url: database.url }).initialize();
  for (const statement of [...LOCAL_INDEX_UP, ...LOCAL_MANIFESTS_UP]) await db.query(statement);
}, 120_000);
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const store = async (sql: Sql, bucket: string, keys: readonly string[]): Promise<void> => {
  await sql.query('INSERT INTO object_bucket VALUES ($1)', [bucket]);
  await sql.query(
    `INSERT INTO object (bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at)
      SELECT $1, key, 0, '', '', '{}', '{}', '{}', now() FROM unnest($2::text[]) AS key`,
    [bucket, [...keys]],
  );
};

/** What a listing shows, told without an index. */
const expected = (keys: readonly string[], { prefix = '', delimiter = '', after = '', limit }: ListOptions) => {
  const isWhole = after.startsWith(prefix) && rolledUp(after, prefix, delimiter) === after;
  const entries = new Set(
    keys
      .filter((key) => key.startsWith(prefix) && compareKeys(key, after) > 0 && !(isWhole && key.startsWith(after)))
      .sort(compareKeys)
      .map((key) => rolledUp(key, prefix, delimiter) ?? key),
  );
  const shown = [...entries].slice(0, limit);
  return { shown, next: entries.size > shown.length ? shown.at(-1) : undefined };
};

const shownBy = ({ objects, prefixes, next }: Listing) => ({
  shown: [...objects.map(({ key }) => key), ...prefixes].sort(compareKeys),
  next,
});

/** Rows of `object` and of its index that this transaction has read so far. */
const rowsRead = async (sql: Sql): Promise<number> => {
  const [row] = (await sql.query(
    `SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::int AS n
      FROM pg_class WHERE oid IN ('object'::regclass, 'object_pkey'::regclass)`,
  )) as readonly { readonly n: number }[];
  return row?.n ?? Number.NaN;
};

describe('a listing from the index', () => {
  it('shows what a look through all keys shows, whatever the prefix, the delimiter and the marker', async () => {
    const part = fc.constantFrom(
      'a',
      'b',
      '/',
      '//',
      '0',
      '.',
      '%',
      '_',
      '\\',
      'é',
      '\u{ffff}',
      '\u{1f600}',
      '\u{10ffff}',
    );
    const text = (maxLength: number) => fc.array(part, { maxLength }).map((parts) => parts.join(''));
    let buckets = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          text(6).filter((key) => key !== ''),
          { maxLength: 40 },
        ),
        fc.array(
          fc.record({ prefix: text(2), delimiter: text(2), after: text(4), limit: fc.integer({ min: 1, max: 9 }) }),
          { minLength: 5, maxLength: 10 },
        ),
        async (keys, pages) => {
          const bucket = `b${(buckets += 1)}`;
          await store(db, bucket, keys);
          for (const options of pages)
            expect(shownBy(await listObjects(db, bucket, options))).toEqual(expected(keys, options));
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  it('reads a few rows for each entry of a page, however many keys lie below its prefixes', async () => {
    const keys = Array.from({ length: 60 }, (_, folder) =>
      Array.from({ length: 200 }, (_entry, file) => `in/${String(folder).padStart(3, '0')}/${file}`),
    ).flat();
    await store(db, 'deep', [...keys, 'in/zzz', 'out']);
    await db.transaction(async (tx) => {
      const before = await rowsRead(tx);
      const { prefixes, objects, next } = await listObjects(tx, 'deep', { prefix: 'in/', delimiter: '/', limit: 1000 });
      expect([prefixes.length, objects.map(({ key }) => key), next]).toEqual([60, ['in/zzz'], undefined]);
      expect((await rowsRead(tx)) - before).toBeLessThan(10 * 61);
    });
  }, 120_000);
});
