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

/**
 * Writes rows of objects of one file each: those that come at about the same time in one statement, which is one flush of the index for all of them.
 * Bucket by bucket: a row may have to wait for another transaction, one that deletes its bucket, say, and nobody else's rows wait with it.
 */
export class GatheredRows {
  /** Of buckets that have rows on their way. */
  readonly #puts = new Map<string, { readonly rows: Gathered<Manifest, void>; waiting: number }>();

  constructor(private readonly index: Sql) {}

  /** @throws StoreRefusal NoSuchBucket */
  async put(row: Manifest): Promise<void> {
    const { bucket } = row;
    const puts = this.#puts.get(bucket) ?? { rows: this.#ofBucket(), waiting: 0 };
    this.#puts.set(bucket, puts);
    puts.waiting += 1;
    try {
      await puts.rows.ask(row);
    } catch (error) {
      throw noBucket(error, bucket);
    } finally {
      puts.waiting -= 1;
      if (puts.waiting === 0) this.#puts.delete(bucket);
    }
  }

  #ofBucket(): Gathered<Manifest, void> {
    return new Gathered<Manifest, void>(
      async (rows) => {
        const column = <T>(of: (row: Manifest) => T): T[] => rows.map(of);
        await rowsOf(this.index, PUT_ROWS, [
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
        nameOf: ({ key }) => key,
        // A row that may be there must not be written again: it may have been replaced since, and its file be garbage.
        isRepeatable: hasChangedNothing,
      },
    );
  }
}
