import { afterPrefix } from '../port/keys.js';
import { type Moved, type PrefixMove, type Sql, StoreRefusal } from '../port/object-store.js';
import { movedOf, rowsOf } from './rows.js';
import type { IndexDatabase } from './store-folder.js';

/** Keys below any of the prefixes, joined through `span (prefix, past, place)`. */
const spansOf = (prefixes: readonly string[]): readonly unknown[] => [
  [...prefixes],
  prefixes.map((prefix) => afterPrefix(prefix) ?? null),
];
const BELOW = `o.key >= span.prefix AND (span.past IS NULL OR o.key < span.past) AND starts_with(o.key, span.prefix)`;
const SPAN = (first: number): string => `unnest($${first}::text[], $${first + 1}::text[]) WITH ORDINALITY
  AS given (prefix, past, place)`;
const SPANS = (first: number): string =>
  `(SELECT prefix COLLATE "C" AS prefix, past COLLATE "C" AS past, place FROM ${SPAN(first)}) AS span`;

/** Where objects go, as SQL: columns of `staged` and parameters from the fourth on. */
interface Target {
  readonly columns: string;
  readonly parameters: readonly unknown[];
}

const moveAll = (
  index: IndexDatabase,
  from: { readonly bucket: string; readonly prefixes: readonly string[]; readonly at: Date },
  target: Target,
  sql?: Sql,
): Promise<readonly Moved[]> => {
  const run = async (tx: Sql): Promise<readonly Moved[]> => {
    const all = [from.bucket, ...spansOf(from.prefixes), ...target.parameters];
    const winners = `staged AS (
          SELECT o.bucket AS from_bucket, o.key AS from_key, o.size, span.place, substr(o.key, length(span.prefix) + 1) AS rest
          FROM ${SPANS(2)} JOIN object AS o ON o.bucket = $1 AND ${BELOW}),
        targeted AS (SELECT from_bucket, from_key, size, place, ${target.columns} FROM staged),
        winner AS (
          SELECT DISTINCT ON (to_bucket, to_key) targeted.* FROM targeted
          JOIN object_bucket ON object_bucket.name = targeted.to_bucket COLLATE "C"
          WHERE to_key <> '' ORDER BY to_bucket, to_key, place DESC)`;
    // Losers and what stands in the way go first, in a statement of their own: a statement does not see its own deletions.
    await rowsOf(
      tx,
      `WITH ${winners},
        gone AS (DELETE FROM object AS o USING targeted AS t
          WHERE o.bucket = t.from_bucket AND o.key = t.from_key
            AND NOT EXISTS (SELECT FROM winner AS w WHERE w.from_bucket = t.from_bucket AND w.from_key = t.from_key)),
        replaced AS (DELETE FROM object AS o USING winner AS w
          WHERE o.bucket = w.to_bucket COLLATE "C" AND o.key = w.to_key COLLATE "C"
            AND (w.from_bucket, w.from_key) IS DISTINCT FROM (o.bucket, o.key)
            AND NOT EXISTS (SELECT FROM winner AS v WHERE v.from_bucket = o.bucket AND v.from_key = o.key))
        SELECT 1`,
      all,
    );
    // What the manifest says of the place is wrong from here on: another one is written in the background. For whoever finds it there the object is new:
    // an expiry rule must not count the time that it waited elsewhere.
    const rows = await rowsOf(
      tx,
      `WITH ${winners},
        moved AS (UPDATE object AS o SET bucket = w.to_bucket, key = w.to_key, manifest_id = NULL, modified_at = $${all.length + 1}
          FROM winner AS w
          WHERE o.bucket = w.from_bucket AND o.key = w.from_key
          RETURNING w.from_bucket, w.from_key, w.to_bucket, w.to_key, w.size)
        SELECT * FROM moved ORDER BY to_bucket COLLATE "C", to_key COLLATE "C"`,
      [...all, from.at],
    );
    return rows.map(movedOf);
  };
  return sql ? run(sql) : index.transaction(run);
};

/** Moves every object below a prefix, in the caller's transaction if there is one. @param at their time from then on @throws StoreRefusal NoSuchBucket */
export const movePrefix = async (
  index: IndexDatabase,
  move: PrefixMove,
  at: Date,
  sql?: Sql,
): Promise<readonly Moved[]> => {
  const [bucket] = await rowsOf(sql ?? index, 'SELECT FROM object_bucket WHERE name = $1', [move.toBucket]);
  if (!bucket) throw new StoreRefusal('NoSuchBucket', `there is no bucket ${move.toBucket}`);
  return moveAll(
    index,
    { bucket: move.fromBucket, prefixes: [move.fromPrefix], at },
    { columns: `$4::text AS to_bucket, $5::text || rest AS to_key`, parameters: [move.toBucket, move.toPrefix] },
    sql,
  );
};

/** Moves every object `<prefix><bucket>/<key>` to its bucket, in the caller's transaction if there is one. @param at their time from then on */
export const scatterPrefixes = async (
  index: IndexDatabase,
  fromBucket: string,
  prefixes: readonly string[],
  at: Date,
  sql?: Sql,
): Promise<readonly Moved[]> => {
  if (prefixes.length === 0) return [];
  return moveAll(
    index,
    { bucket: fromBucket, prefixes, at },
    { columns: `split_part(rest, '/', 1) AS to_bucket, substr(rest, strpos(rest, '/') + 1) AS to_key`, parameters: [] },
    sql,
  );
};

/** Deletes all objects and unfinished uploads below prefixes. */
export const deletePrefixes = async (sql: Sql, bucket: string, prefixes: readonly string[]): Promise<void> => {
  if (prefixes.length === 0) return;
  const all = [bucket, ...spansOf(prefixes)];
  await sql.query(`DELETE FROM object AS o USING ${SPANS(2)} WHERE o.bucket = $1 AND ${BELOW}`, all);
  await sql.query(`DELETE FROM multipart_upload AS o USING ${SPANS(2)} WHERE o.bucket = $1 AND ${BELOW}`, all);
};
