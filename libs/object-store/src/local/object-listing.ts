import { listPage, type ReadKeys, type RollUp } from '../port/listing.js';
import type { Listing, ListOptions, Sql } from '../port/object-store.js';
import { objectInfoOf, rowsOf } from './rows.js';

const COLUMNS = 'key, size, etag, modified_at';

/** $1 bucket, $2 from, $3 to, $4 limit. */
const READ = (compare: '>' | '>='): string => `SELECT ${COLUMNS}, '' AS content_type FROM object
  WHERE bucket = $1 AND key ${compare} $2 AND ($3::text IS NULL OR key < $3::text COLLATE "C")
  ORDER BY key LIMIT $4`;

/** Where the key behind all that are rolled up with this one begins, or null: $5 prefix, $6 delimiter, $7 past the delimiter. */
const BEYOND = `CASE WHEN strpos(substr(key, length($5::text) + 1), $6::text) > 0
  THEN left(key, length($5::text) + strpos(substr(key, length($5::text) + 1), $6::text) - 1) || $7::text END`;

/** The first row of a span: the index is descended once for it. */
const FIRST = (span: string): string => `SELECT ${COLUMNS}, ${BEYOND} COLLATE "C" AS beyond FROM object
  WHERE bucket = $1 AND ${span} AND ($3::text IS NULL OR key < $3::text COLLATE "C") ORDER BY key LIMIT 1`;

/**
 * A loose scan of the index: each row is found behind all that are rolled up with the one before, or right behind that one. So a page costs as many
 * descents of the index as it has entries, whatever lies below its prefixes.
 */
const READ_ROLLED_UP = (compare: '>' | '>='): string => `WITH RECURSIVE step AS (
    SELECT first.*, 1 AS n FROM (${FIRST(`key ${compare} $2`)}) AS first
  UNION ALL
    SELECT following.*, step.n + 1 FROM step CROSS JOIN LATERAL (
      SELECT * FROM (${FIRST('step.beyond IS NOT NULL AND key >= step.beyond')}) AS jumped
      UNION ALL
      SELECT * FROM (${FIRST('step.beyond IS NULL AND key > step.key')}) AS stepped
    ) AS following WHERE step.n < $4)
  SELECT ${COLUMNS}, '' AS content_type FROM step ORDER BY n`;

const rollUpParameters = ({ prefix, delimiter, pastDelimiter }: RollUp): readonly string[] => [
  prefix,
  delimiter,
  pastDelimiter,
];

/** Lists objects of a bucket from the index. */
export const listObjects = (sql: Sql, bucket: string, options: ListOptions): Promise<Listing> => {
  const read: ReadKeys = async ({ from, isExclusive, to, limit, rollUp }) => {
    const statement = (rollUp ? READ_ROLLED_UP : READ)(isExclusive ? '>' : '>=');
    const rows = await rowsOf(sql, statement, [
      bucket,
      from,
      to ?? null,
      limit,
      ...(rollUp ? rollUpParameters(rollUp) : []),
    ]);
    return rows.map(objectInfoOf);
  };
  return listPage(read, options);
};
