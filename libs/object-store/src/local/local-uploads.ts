import { randomUUID } from 'node:crypto';
import { compositeEtag } from '../port/etag.js';
import { assertKeyFits } from '../port/keys.js';
import {
  type ByteSource,
  type CompletionOptions,
  type PartChecksum,
  type PartInfo,
  type PartRef,
  type Place,
  type Sql,
  type UploadHeaders,
  type UploadInfo,
  type Written,
  StoreRefusal,
} from '../port/object-store.js';
import { chooseParts } from '../port/parts.js';
import { storedExtras, uploadExtrasOf } from './extras.js';
import type { ObjectFiles } from './object-files.js';
import { INDEX_KEY_BYTES, isForeignKeyViolation, noBucket, sizeOf } from './object-rows.js';
import { partOf, rowsOf, textOf, textRecord, uploadOf } from './rows.js';
import type { IndexDatabase } from './store-folder.js';
import type { StoredObjects } from './stored-objects.js';

/** An upload in parts that was begun. */
export type Upload = Place & { readonly uploadId: string };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Uploads in parts: each part a file with a row, until they are put together as one object. */
export class LocalUploads {
  constructor(
    private readonly index: IndexDatabase,
    private readonly files: ObjectFiles,
    private readonly objects: StoredObjects,
    private readonly now: () => number,
  ) {}

  async create(bucket: string, key: string, headers: UploadHeaders): Promise<string> {
    assertKeyFits(key, INDEX_KEY_BYTES);
    const uploadId = randomUUID();
    await this.index
      .query(
        `INSERT INTO multipart_upload VALUES ($1, $2, $3, $4, $5, date_trunc('milliseconds', clock_timestamp()), $6)`,
        [uploadId, bucket, key, headers.contentType, JSON.stringify(headers.userMetadata), storedExtras(headers)],
      )
      .catch((error: unknown) => {
        throw noBucket(error, bucket);
      });
    return uploadId;
  }

  async #upload(sql: Sql, { bucket, key, uploadId }: Upload, lock: '' | 'FOR UPDATE' = '') {
    const [row] = UUID.test(uploadId)
      ? await rowsOf(sql, `SELECT * FROM multipart_upload WHERE upload_id = $1 AND bucket = $2 AND key = $3 ${lock}`, [
          uploadId,
          bucket,
          key,
        ])
      : [];
    if (!row)
      throw new StoreRefusal('NoSuchUpload', 'the upload does not exist: it was completed or aborted, or never begun');
    return row;
  }

  async find(upload: Upload): Promise<UploadInfo> {
    return uploadOf(await this.#upload(this.index, upload));
  }

  async putPart(
    upload: Upload,
    partNumber: number,
    source: ByteSource,
    sizeBytes: number,
    checksum: () => PartChecksum | undefined = () => undefined,
  ): Promise<Written> {
    await this.#upload(this.index, upload);
    const file = await this.files.write(source, sizeBytes);
    await this.objects.keepFiles([file], () =>
      this.index
        .query(
          `INSERT INTO multipart_part VALUES ($1, $2, $3, $4, $5, date_trunc('milliseconds', clock_timestamp()), $6)
        ON CONFLICT (upload_id, part_number) DO UPDATE
        SET file_id = excluded.file_id, size = excluded.size, etag = excluded.etag, modified_at = excluded.modified_at,
          extras = excluded.extras`,
          [upload.uploadId, partNumber, file.fileId, file.sizeBytes, file.md5, storedExtras({ checksum: checksum() })],
        )
        .catch((error: unknown) => {
          throw isForeignKeyViolation(error)
            ? new StoreRefusal('NoSuchUpload', 'the upload ended meanwhile', { cause: error })
            : error;
        }),
    );
    return { etag: file.md5, sizeBytes };
  }

  complete(
    upload: Upload,
    wanted: readonly PartRef[],
    { precondition, checksum }: CompletionOptions = {},
  ): Promise<Written> {
    return this.index.transaction(async (tx) => {
      // First its bucket, then the upload, as a deletion of the bucket does: neither waits for the other for ever.
      await tx.query('SELECT FROM object_bucket WHERE name = $1 FOR KEY SHARE', [upload.bucket]);
      const row = await this.#upload(tx, upload, 'FOR UPDATE');
      const uploaded = await rowsOf(tx, 'SELECT * FROM multipart_part WHERE upload_id = $1', [upload.uploadId]);
      const pieces = chooseParts(uploaded.map(partOf), wanted);
      await this.objects.whole(upload, this.files.check(pieces));
      const etag = compositeEtag(pieces.map((part) => part.etag));
      const { contentHeaders = {} } = uploadExtrasOf(row['extras']);
      const [contentType, userMetadata] = [textOf(row, 'content_type'), textRecord(row['metadata'])];
      const headers = { contentType, userMetadata, contentHeaders, ...(checksum ? { checksum } : {}) };
      await tx.query('DELETE FROM multipart_upload WHERE upload_id = $1', [upload.uploadId]);
      // The parts' rows went with the upload and made all their files garbage; those of the object are not.
      await tx.query('DELETE FROM object_garbage WHERE file_id = ANY ($1::uuid[])', [
        pieces.map((part) => part.fileId),
      ]);
      const { bucket, key } = upload;
      const joined = pieces.map(({ fileId, sizeBytes }) => ({ fileId, sizeBytes }));
      const modifiedAt = new Date(this.now());
      await this.objects.putSeveral(tx, { bucket, key, ...headers, etag, pieces: joined, modifiedAt }, precondition);
      return { etag, sizeBytes: sizeOf(pieces) };
    });
  }

  async abort(upload: Upload): Promise<void> {
    await this.index.transaction(async (tx) => {
      await this.#upload(tx, upload, 'FOR UPDATE');
      await tx.query('DELETE FROM multipart_upload WHERE upload_id = $1', [upload.uploadId]);
    });
  }

  async listParts(upload: Upload): Promise<readonly PartInfo[]> {
    await this.#upload(this.index, upload);
    const rows = await rowsOf(this.index, 'SELECT * FROM multipart_part WHERE upload_id = $1 ORDER BY part_number', [
      upload.uploadId,
    ]);
    return rows.map(partOf);
  }

  async list(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    const rows = await rowsOf(
      this.index,
      'SELECT * FROM multipart_upload WHERE bucket = $1 AND starts_with(key, $2) ORDER BY key, started_at',
      [bucket, prefix],
    );
    return rows.map(uploadOf);
  }
}
