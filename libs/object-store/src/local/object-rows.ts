import { type DeletionCondition, type Precondition, type Sql, StoreRefusal } from '../port/object-store.js';
import { storedExtras } from './extras.js';
import type { Manifest } from './manifest.js';
import type { FilePiece } from './object-files.js';
import { rowsOf, textOf } from './rows.js';

/** Room for a full key behind the prefixes of a caller; a row of a Postgres index holds about 2,700 bytes. */
export const INDEX_KEY_BYTES = 2_000;

export const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23503';

/** An error of a row for a bucket that is not there, as the refusal that it is; any other error as it is. */
export const noBucket = (error: unknown, bucket: string): unknown =>
  isForeignKeyViolation(error)
    ? new StoreRefusal('NoSuchBucket', `there is no bucket ${bucket}`, { cause: error })
    : error;

const NEW_ROW = `INSERT INTO object (bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at, manifest_id, extras)
  VALUES ($1, $2, $3, $4, $5, $6, $7::uuid[], $8::bigint[], $9, $10, $11)`;
export const REPLACE_ROW = `ON CONFLICT (bucket, key) DO UPDATE SET size = excluded.size, etag = excluded.etag, content_type = excluded.content_type,
    metadata = excluded.metadata, file_ids = excluded.file_ids, part_sizes = excluded.part_sizes, modified_at = excluded.modified_at,
    manifest_id = excluded.manifest_id, extras = excluded.extras`;
const PUT_ROW = `${NEW_ROW} ${REPLACE_ROW} RETURNING 1`;
/** Only where nothing is, and only over an object with one of these etags: the row decides, so of several writers one succeeds. */
const PUT_ABSENT = `${NEW_ROW} ON CONFLICT (bucket, key) DO NOTHING RETURNING 1`;
const PUT_OVER = `UPDATE object SET size = $3, etag = $4, content_type = $5, metadata = $6, file_ids = $7::uuid[], part_sizes = $8::bigint[],
    modified_at = $9, manifest_id = $10, extras = $11
  WHERE bucket = $1 AND key = $2 AND ($12::text[] IS NULL OR etag = ANY ($12::text[])) RETURNING 1`;

/** Over nothing, or over an object with none of these etags. */
const PUT_OVER_OTHERS = `${NEW_ROW} ${REPLACE_ROW} WHERE object.etag <> ALL ($12::text[]) RETURNING 1`;

const statementOf = (precondition: Precondition | undefined): readonly [string, ...unknown[]] => {
  if (precondition === undefined) return [PUT_ROW];
  if (precondition === 'absent') return [PUT_ABSENT];
  if ('otherEtags' in precondition) return [PUT_OVER_OTHERS, [...precondition.otherEtags]];
  return [PUT_OVER, precondition.etags === '*' ? null : [...precondition.etags]];
};

export const sizeOf = (pieces: readonly FilePiece[]): number => pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);

/**
 * Writes the row of an object, and so makes the object what its manifest says.
 * @throws StoreRefusal NoSuchBucket, PreconditionFailed
 */
export const putRow = async (sql: Sql, row: Manifest, precondition?: Precondition): Promise<void> => {
  const [statement, ...more] = statementOf(precondition);
  const put = await rowsOf(sql, `WITH put AS (${statement}) SELECT 1 FROM put`, [
    row.bucket,
    row.key,
    sizeOf(row.pieces),
    row.etag,
    row.contentType,
    JSON.stringify(row.userMetadata),
    row.pieces.map((piece) => piece.fileId),
    row.pieces.map((piece) => piece.sizeBytes),
    row.modifiedAt,
    row.fileId,
    storedExtras(row),
    ...more,
  ]).catch((error: unknown) => {
    throw noBucket(error, row.bucket);
  });
  if (put.length === 0)
    throw new StoreRefusal('PreconditionFailed', 'the object is not what the writer expects it to be');
};

/** The row decides, like for a write. */
const DELETE_ROWS = `WITH gone AS (DELETE FROM object WHERE bucket = $1 AND key = ANY ($2::text[])
    AND ($3::text[] IS NULL OR etag = ANY ($3::text[])) AND ($4::bigint IS NULL OR size = $4::bigint)
    AND ($5::timestamptz IS NULL OR date_trunc('second', modified_at) = date_trunc('second', $5::timestamptz))
    RETURNING array_remove(file_ids[1:1] || manifest_id, NULL) AS ids)
  SELECT DISTINCT unnest(ids)::text AS file_id FROM gone`;

/** Deletes rows that are as expected. @returns the files by which a reindex would know their objects */
export const deleteRows = async (
  sql: Sql,
  bucket: string,
  keys: readonly string[],
  { etags = '*', sizeBytes, modifiedAt }: DeletionCondition = {},
): Promise<readonly string[]> => {
  const given = [etags === '*' ? null : [...etags], sizeBytes ?? null, modifiedAt ?? null];
  const gone = await rowsOf(sql, DELETE_ROWS, [bucket, [...keys], ...given]);
  return gone.map((row) => textOf(row, 'file_id'));
};
