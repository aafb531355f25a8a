import { Gathered } from '@fornax/base';
import type { Sql } from '../port/object-store.js';
import { storedExtras } from './extras.js';
import type { Manifest } from './manifest.js';
import { REPLACE_ROW, noBucket, sizeOf } from './object-rows.js';
import { rowsOf } from './rows.js';

/** In one order, so that two processes that write the same objects do not wait for each other. */
const PUT_ROWS = `WITH put AS (INSERT INTO object (bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at, manifest_id, extras)
  SELECT bucket, key, size, etag, content_type, metadata::jsonb, ARRAY[file_id], ARRAY[size], modified_at, manifest_id, extras::jsonb
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[], $9::uuid[], $10::text[])
      AS given (bucket, key, size, etag, content_type, metadata, file_id, modified_at, manifest_id, extras)
    ORDER BY bucket COLLATE "C", key COLLATE "C"
  ${REPLACE_ROW} RETURNING 1) SELECT 1 FROM put`;

/** SQLSTATE classes of statements that certainly changed nothing: bad data, a broken constraint, a rollback. */
const CHANGED_NOTHING = /^(22|23|40)/;
const hasChangedNothing = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && CHANGED_NOTHING.test(String(error.code));

const jsonOf = (extras: object | null): string | null => extras && JSON.stringify(extras);

/** Writes rows of objects of one file each: those that come at about the same time in one statement, which is one flush of the index for all of them. */
export class GatheredRows {
  readonly #puts: Gathered<Manifest, void>;

  constructor(index: Sql) {
    this.#puts = new Gathered<Manifest, void>(
      async (rows) => {
        const column = <T>(of: (row: Manifest) => T): T[] => rows.map(of);
        await rowsOf(index, PUT_ROWS, [
          column(({ bucket }) => bucket),
          column(({ key }) => key),
          column(({ pieces }) => sizeOf(pieces)),
          column(({ etag }) => etag),
          column(({ contentType }) => contentType),
          column(({ userMetadata }) => JSON.stringify(userMetadata)),
          column(({ pieces }) => pieces[0]?.fileId),
          column(({ modifiedAt }) => modifiedAt),
          column(({ fileId }) => fileId),
          column((row) => jsonOf(storedExtras(row))),
        ]);
        return rows.map(() => undefined);
      },
      {
        nameOf: ({ bucket, key }) => `${bucket}/${key}`,
        // A row that may be there must not be written again: it may have been replaced since, and its file be garbage.
        isRepeatable: hasChangedNothing,
      },
    );
  }

  /** @throws StoreRefusal NoSuchBucket */
  put(row: Manifest): Promise<void> {
    return this.#puts.ask(row).catch((error: unknown) => {
      throw noBucket(error, row.bucket);
    });
  }
}
