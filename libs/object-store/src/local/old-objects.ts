import { afterPrefix } from '../port/keys.js';
import type { FoundOld, OldObjects, Sql } from '../port/object-store.js';
import { countOf, rowsOf, textOf } from './rows.js';

const NAMES = 10;

/** Keys below a prefix and behind a key, as SQL over $1 (bucket) to $4. */
const RANGE = `bucket = $1 AND key >= $2 AND ($3::text IS NULL OR key < $3) AND key > $4 AND starts_with(key, $2)`;
const rangeOf = (bucket: string, { prefix, after = '' }: OldObjects): readonly unknown[] => [
  bucket,
  prefix,
  afterPrefix(prefix) ?? null,
  after,
];

export const findOldIn = async (index: Sql, bucket: string, old: OldObjects, limit: number): Promise<FoundOld> => {
  const range = rangeOf(bucket, old);
  const [row] = await rowsOf(
    index,
    `WITH old AS (SELECT key, size FROM object WHERE ${RANGE} AND modified_at <= $5 ORDER BY key LIMIT $6)
      SELECT count(*) AS objects, coalesce(sum(size), 0) AS bytes, max(key) AS through,
        coalesce((SELECT jsonb_agg(key) FROM (SELECT key FROM old ORDER BY key LIMIT ${NAMES}) AS first), '[]') AS names FROM old`,
    [...range, old.before, limit],
  );
  const [objects, bytes] = [countOf(row, 'objects'), countOf(row, 'bytes')];
  const names = (row?.['names'] as readonly string[] | undefined) ?? [];
  const hasMore = objects === limit;
  const [young] = hasMore
    ? []
    : await rowsOf(index, `SELECT min(modified_at) AS at FROM object WHERE ${RANGE} AND modified_at > $5`, [
        ...range,
        old.before,
      ]);
  const at = young?.['at'];
  return {
    objects,
    bytes,
    names,
    hasMore,
    ...(row && objects > 0 ? { through: textOf(row, 'through') } : {}),
    ...(at instanceof Date ? { nextAt: at } : {}),
  };
};

export const deleteOldIn = async (
  sql: Sql,
  bucket: string,
  old: OldObjects & { readonly through: string },
): Promise<void> => {
  await sql.query(`DELETE FROM object WHERE ${RANGE} AND key <= $5 AND modified_at <= $6`, [
    ...rangeOf(bucket, old),
    old.through,
    old.before,
  ]);
};
