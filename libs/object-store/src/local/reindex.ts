import type { ObjectsReindex } from '@fornax/contracts';
import type { Sql } from '../port/object-store.js';
import type { Deletions } from './deletions.js';
import { storedExtras } from './extras.js';
import type { FoundFile, ObjectFiles } from './object-files.js';
import { countOf, rowsOf, textOf } from './rows.js';

/** How far a reindex has come; 256 folders in all. */
export interface ReindexProgress {
  readonly folders: number;
  readonly files: number;
}

export interface ReindexOptions {
  /** Takes objects out of the index whose files are missing or short. */
  readonly forgetMissing?: boolean;
  readonly onProgress?: (progress: ReindexProgress) => void;
  /** What has to be done with what came back before the index counts as whole. When it fails, or the process dies, a reindex is due once more. */
  readonly settle?: () => Promise<void>;
}

const EXAMPLES = 10;
const TABLES = [
  // One at a time, whichever process: the second one finds everything known.
  `SELECT pg_advisory_xact_lock(hashtextextended('fornax object reindex ' || current_schema(), 0))`,
  'CREATE TEMP TABLE file_found (file_id uuid PRIMARY KEY, size bigint NOT NULL, is_old boolean NOT NULL) ON COMMIT DROP',
  `CREATE TEMP TABLE object_found (manifest_id uuid PRIMARY KEY, bucket text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL,
    size bigint NOT NULL, etag text NOT NULL, content_type text NOT NULL, metadata jsonb NOT NULL, file_ids uuid[] NOT NULL,
    part_sizes bigint[] NOT NULL, modified_at timestamptz NOT NULL, extras jsonb) ON COMMIT DROP`,
  'CREATE TEMP TABLE file_deleted (file_id uuid PRIMARY KEY) ON COMMIT DROP',
];
/** Every file that a row of the index stands for. */
const NAMED = `(SELECT unnest(file_ids) FROM object UNION ALL SELECT manifest_id FROM object WHERE manifest_id IS NOT NULL
  UNION ALL SELECT file_id FROM multipart_part UNION ALL SELECT file_id FROM object_garbage)`;
/** Objects of a table whose files are not all there, in full. */
const broken = (table: string): string => `SELECT DISTINCT o.bucket, o.key FROM ${table} AS o
  CROSS JOIN LATERAL unnest(o.file_ids, o.part_sizes) AS piece (file_id, size)
  LEFT JOIN file_found AS f ON f.file_id = piece.file_id WHERE f.size IS NULL OR f.size < piece.size`;

const keep = async (tx: Sql, batch: readonly FoundFile[], olderThan: Date): Promise<void> => {
  await tx.query('INSERT INTO file_found SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::boolean[])', [
    batch.map(({ fileId }) => fileId),
    batch.map(({ sizeBytes }) => sizeBytes),
    batch.map(({ modifiedAt }) => modifiedAt < olderThan),
  ]);
  const objects = batch.flatMap(({ manifest }) => (manifest ? [manifest] : []));
  await tx.query(
    `INSERT INTO object_found SELECT * FROM jsonb_to_recordset($1::jsonb) AS found (manifest_id uuid, bucket text, key text, size bigint,
      etag text, content_type text, metadata jsonb, file_ids uuid[], part_sizes bigint[], modified_at timestamptz, extras jsonb)`,
    [
      JSON.stringify(
        objects.map(({ fileId, bucket, key, etag, contentType, userMetadata, modifiedAt, pieces, ...extras }) => ({
          manifest_id: fileId,
          bucket,
          key,
          size: pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
          etag,
          content_type: contentType,
          metadata: userMetadata,
          file_ids: pieces.map((piece) => piece.fileId),
          part_sizes: pieces.map((piece) => piece.sizeBytes),
          modified_at: modifiedAt.toISOString(),
          extras: storedExtras(extras),
        })),
      ),
    ],
  );
};

const keepDeletions = async (tx: Sql, deletions: Pick<Deletions, 'all'>): Promise<void> => {
  for await (const fileIds of deletions.all())
    await tx.query('INSERT INTO file_deleted SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING', [[...fileIds]]);
};

/**
 * What was deleted stays deleted, with the versions that it had replaced; its files go as they would have gone. An older copy of the index may
 * still have it as an object. Whatever manifest names a deleted file at its beginning is of that object, also one of a place that it was moved from.
 */
const settleDeletions = async (tx: Sql): Promise<void> => {
  await tx.query('DELETE FROM object WHERE file_ids[1] IN (SELECT file_id FROM file_deleted)');
  await tx.query(`CREATE TEMP TABLE object_deleted ON COMMIT DROP AS SELECT * FROM object_found
    WHERE manifest_id IN (SELECT file_id FROM file_deleted) OR file_ids[1] IN (SELECT file_id FROM file_deleted)`);
  await tx.query(`INSERT INTO object_garbage (file_id)
    SELECT unnest(file_ids || manifest_id) FROM object_deleted EXCEPT SELECT named FROM ${NAMED} AS all_named (named)`);
  await tx.query(
    `DELETE FROM object_found AS o USING object_deleted AS d
      WHERE o.bucket = d.bucket AND o.key = d.key AND o.modified_at <= d.modified_at`,
  );
};

const count = async (tx: Sql, dataModifying: string): Promise<number> => {
  const [row] = await rowsOf(tx, `WITH changed AS (${dataModifying} RETURNING 1) SELECT count(*) AS n FROM changed`);
  return countOf(row, 'n');
};

const namesOf = async (tx: Sql, objects: string): Promise<{ readonly count: number; readonly examples: string[] }> => {
  const rows = await rowsOf(
    tx,
    `SELECT bucket, key, count(*) OVER () AS n FROM (${objects}) AS o ORDER BY 1, 2 LIMIT ${EXAMPLES}`,
  );
  return {
    count: countOf(rows[0], 'n'),
    examples: rows.map((row) => `${textOf(row, 'bucket')}/${textOf(row, 'key')}`),
  };
};

/** A manifest that stands apart from the payloads it names outdates what stands behind them; what rows name is known. */
const settle = async (tx: Sql) => {
  await tx.query('ANALYZE file_found');
  await tx.query('ANALYZE object_found');
  await tx.query(
    `DELETE FROM object_found WHERE manifest_id IN
      (SELECT unnest(file_ids) FROM object_found WHERE NOT manifest_id = ANY (file_ids))`,
  );
  // Two statements: a condition with OR would be tried row by row.
  const byManifest = await count(tx, `DELETE FROM object_found WHERE manifest_id IN ${NAMED}`);
  const byPiece = await count(
    tx,
    'DELETE FROM object_found WHERE file_ids[1] IN (SELECT unnest(file_ids) FROM object)',
  );
  await settleDeletions(tx);
  const damaged = await namesOf(tx, broken('object_found'));
  await tx.query(
    `DELETE FROM object_found AS o USING (${broken('object_found')}) AS gone WHERE o.bucket = gone.bucket AND o.key = gone.key
      AND EXISTS (SELECT FROM unnest(o.file_ids, o.part_sizes) AS piece (file_id, size)
        LEFT JOIN file_found AS f ON f.file_id = piece.file_id WHERE f.size IS NULL OR f.size < piece.size)`,
  );
  const withoutBucket = await count(
    tx,
    'DELETE FROM object_found WHERE bucket NOT IN (SELECT name FROM object_bucket)',
  );
  return { known: byManifest + byPiece, damaged, withoutBucket };
};

/** The newest of each place, unless the index has one as new. */
const restore = (tx: Sql): Promise<number> =>
  count(
    tx,
    `INSERT INTO object (bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at, manifest_id, extras)
      SELECT DISTINCT ON (bucket, key) bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at, manifest_id, extras
      FROM object_found ORDER BY bucket, key, modified_at DESC, manifest_id
    ON CONFLICT (bucket, key) DO UPDATE SET size = excluded.size, etag = excluded.etag, content_type = excluded.content_type,
      metadata = excluded.metadata, file_ids = excluded.file_ids, part_sizes = excluded.part_sizes,
      modified_at = excluded.modified_at, manifest_id = excluded.manifest_id, extras = excluded.extras
      WHERE excluded.modified_at > object.modified_at`,
  );

/**
 * Makes the index know every object that lies whole on disk; safe to repeat, and beside readers. Runs in the caller's transaction.
 * @param startedAt now, by the clock that the objects' times are of
 * @param olderThan files younger than this may belong to a put in progress and are left where they are
 * @param restores whether objects that the index does not know come back
 * @returns the report, and files to set aside after the commit
 */
export const reindex = async (
  tx: Sql,
  files: ObjectFiles,
  deletions: Pick<Deletions, 'all'>,
  {
    startedAt,
    olderThan,
    restores,
  }: { readonly startedAt: Date; readonly olderThan: Date; readonly restores: boolean },
  { forgetMissing = false, onProgress = () => undefined }: ReindexOptions,
): Promise<{ readonly report: ObjectsReindex; readonly unclaimed: readonly string[] }> => {
  for (const statement of TABLES) await tx.query(statement);
  let seen = 0;
  for await (const { folder, batch } of files.walk()) {
    await keep(tx, batch, olderThan);
    seen += batch.length;
    onProgress({ folders: folder + 1, files: seen });
  }
  // After the walk: what is deleted during it must not come back either.
  await keepDeletions(tx, deletions);
  const { known, damaged, withoutBucket } = await settle(tx);
  const restored = restores ? await restore(tx) : 0;
  await tx.query(`CREATE TEMP TABLE object_missing ON COMMIT DROP AS ${broken('object')}`);
  // What another process stored during the walk may lie in a folder that it had left behind.
  await tx.query(
    'DELETE FROM object_missing AS m USING object AS o WHERE o.bucket = m.bucket AND o.key = m.key AND o.modified_at >= $1',
    [startedAt],
  );
  const missing = await namesOf(tx, 'SELECT bucket, key FROM object_missing');
  if (forgetMissing)
    await tx.query('DELETE FROM object AS o USING object_missing AS m WHERE o.bucket = m.bucket AND o.key = m.key');
  const unclaimed = await rowsOf(
    tx,
    `SELECT file_id::text AS file_id FROM file_found WHERE is_old EXCEPT SELECT named::text FROM ${NAMED} AS all_named (named)`,
  );
  return {
    report: {
      files: seen,
      restored,
      known,
      withoutBucket,
      damaged: damaged.count,
      setAside: unclaimed.length,
      missing: missing.count,
      forgotten: forgetMissing && missing.count > 0,
      examples: [...missing.examples, ...damaged.examples].slice(0, EXAMPLES),
    },
    unclaimed: unclaimed.map((row) => textOf(row, 'file_id')),
  };
};
