import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ObjectsReindex } from '@fornax/contracts';
import { compositeEtag } from '../port/etag.js';
import { afterPrefix, assertKeyFits } from '../port/keys.js';
import {
  type ByteRange,
  type ByteSource,
  type ListOptions,
  type Listing,
  type Moved,
  type ObjectHeaders,
  type ObjectInfo,
  type ObjectReader,
  type ObjectStore,
  type PartInfo,
  type PartRef,
  type Place,
  type Precondition,
  type PrefixMove,
  type PutOptions,
  type Sql,
  type UploadInfo,
  type Usage,
  type Written,
  ObjectDamaged,
  StoreRefusal,
} from '../port/object-store.js';
import { chooseParts } from '../port/parts.js';
import { Collector } from './collector.js';
import { Deletions } from './deletions.js';
import { listPage } from '../port/listing.js';
import type { Manifest } from './manifest.js';
import { ManifestKeeper } from './manifest-keeper.js';
import { FileDamaged, type FilePiece, ObjectFiles } from './object-files.js';
import { type ReindexOptions, type ReindexProgress, reindex } from './reindex.js';
import { type Bond, type IndexDatabase, StoreFolder } from './store-folder.js';
import { countOf, objectInfoOf, movedOf, partOf, piecesOfRow, rowsOf, textOf, textRecord, uploadOf } from './rows.js';
import { wholeBytes } from './whole-bytes.js';

type Upload = Place & { readonly uploadId: string };

export interface LocalStoreOptions {
  /** Folder of the payloads, made when missing; one file system. */
  readonly folder: string;
  /** Connections whose search_path finds the tables of LOCAL_INDEX_UP. */
  readonly index: IndexDatabase;
  /** false only where the data may be lost, as in tests. Default true. */
  readonly isDurable?: boolean;
  /** How long a replaced or deleted file stays for those who still read it. Default one minute. */
  readonly garbageGraceMs?: number;
  /** Age from which a file without a row is an orphan of a crash, not a put in progress. Default ten minutes. */
  readonly orphanAgeMs?: number;
  readonly onError?: (error: unknown) => void;
  /** The clock of objects' times. Default: the system's. */
  readonly now?: () => number;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isForeignKeyViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23503';

const noBucket = (error: unknown, bucket: string): unknown =>
  isForeignKeyViolation(error)
    ? new StoreRefusal('NoSuchBucket', `there is no bucket ${bucket}`, { cause: error })
    : error;

const NEW_ROW = `INSERT INTO object (bucket, key, size, etag, content_type, metadata, file_ids, part_sizes, modified_at, manifest_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7::uuid[], $8::bigint[], $9, $10)`;
const PUT_ROW = `${NEW_ROW} ON CONFLICT (bucket, key) DO UPDATE SET size = excluded.size, etag = excluded.etag, content_type = excluded.content_type,
    metadata = excluded.metadata, file_ids = excluded.file_ids, part_sizes = excluded.part_sizes, modified_at = excluded.modified_at,
    manifest_id = excluded.manifest_id
  RETURNING 1`;
/** Only where nothing is, and only over an object with one of these etags: the row decides, so of several writers one succeeds. */
const PUT_ABSENT = `${NEW_ROW} ON CONFLICT (bucket, key) DO NOTHING RETURNING 1`;
const PUT_OVER = `UPDATE object SET size = $3, etag = $4, content_type = $5, metadata = $6, file_ids = $7::uuid[], part_sizes = $8::bigint[],
    modified_at = $9, manifest_id = $10
  WHERE bucket = $1 AND key = $2 AND ($11::text[] IS NULL OR etag = ANY ($11::text[])) RETURNING 1`;

const statementOf = (precondition: Precondition | undefined): readonly [string, ...unknown[]] => {
  if (precondition === undefined) return [PUT_ROW];
  if (precondition === 'absent') return [PUT_ABSENT];
  return [PUT_OVER, precondition.etags === '*' ? null : [...precondition.etags]];
};

const sizeOf = (pieces: readonly FilePiece[]): number => pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);

const putRow = async (sql: Sql, row: Manifest, precondition?: Precondition): Promise<void> => {
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
    ...more,
  ]).catch((error: unknown) => {
    throw noBucket(error, row.bucket);
  });
  if (put.length === 0)
    throw new StoreRefusal('PreconditionFailed', 'the object is not what the writer expects it to be');
};

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

/** Objects as files on the disk of this machine, their index in Postgres: what one machine uses. Several processes may share folder and index. */
export class LocalObjectStore implements ObjectStore {
  readonly joinsTransactions = true;
  readonly #collector: Collector;
  readonly #keeper: ManifestKeeper;
  readonly #files: ObjectFiles;
  readonly #deletions: Deletions;
  readonly #folder: StoreFolder;
  readonly #now: () => number;
  readonly #orphanAgeMs: number;
  #bond: Bond = { kind: 'whole' };
  #progress: ReindexProgress | undefined;
  #hasWritten = false;

  private constructor(
    private readonly index: IndexDatabase,
    options: LocalStoreOptions,
  ) {
    const { folder, isDurable = true, garbageGraceMs = 60_000, orphanAgeMs = 600_000, now = Date.now } = options;
    const { onError = () => undefined } = options;
    this.#now = now;
    this.#orphanAgeMs = orphanAgeMs;
    this.#files = new ObjectFiles(folder, isDurable);
    this.#folder = new StoreFolder(folder, index, isDurable);
    this.#deletions = new Deletions(folder, { onError, hasFile: (fileId) => this.#files.has(fileId) });
    this.#keeper = new ManifestKeeper(index, this.#files);
    this.#collector = new Collector(index, this.#files, {
      garbageGraceMs,
      orphanAgeMs,
      onError,
      isWhole: async () => (await this.look()) === undefined,
      alsoEvery: () => this.#keep(),
    });
  }

  /** Opens the store even where its folder and its index do not belong together: `look` tells. */
  static async open(options: LocalStoreOptions): Promise<LocalObjectStore> {
    const store = new LocalObjectStore(options.index, options);
    if ((await store.look()) === undefined) await store.#adopt();
    store.#collector.start();
    return store;
  }

  async #adopt(): Promise<void> {
    await this.#files.makeFolders();
    await this.#renew();
  }

  async #renew(): Promise<void> {
    // When another process leaves a mark now, this one does so ten seconds later.
    if (!(await this.#folder.renew())) this.#hasWritten = true;
  }

  /** Writes the manifests that are owed, and a new mark when something was stored since the last one. */
  async #keep(): Promise<void> {
    if ((await this.look()) !== undefined) return;
    await this.#deletions.tidy();
    const written = await this.#keeper.writeOwed();
    if (written === 0 && !this.#hasWritten) return;
    this.#hasWritten = false;
    await this.#renew().catch((error: unknown) => {
      this.#hasWritten = true;
      throw error;
    });
  }

  /** What was found last by `look`; nothing may be stored or served while there is something. */
  trouble(): string | undefined {
    if (this.#progress)
      return `the index of objects is rebuilt from the files: folder ${this.#progress.folders} of 256, ${this.#progress.files} files`;
    return this.#bond.kind === 'whole' ? undefined : this.#bond.reason;
  }

  /** Looks whether folder and index belong together. @returns what is wrong, for people */
  async look(): Promise<string | undefined> {
    const bond = await this.#folder.look();
    const wasGone = this.#bond.kind === 'gone';
    this.#bond = bond;
    if (wasGone && bond.kind === 'whole') await this.#files.makeFolders();
    return this.trouble();
  }

  /** Whether only `reindex` leads out of the trouble. */
  needsReindex(): boolean {
    return this.#bond.kind === 'unindexed';
  }

  /** What is wrong with the folder that only a person can mend: it is not there, or there is an older copy in its place. */
  folderTrouble(): 'gone' | 'older' | undefined {
    const { kind } = this.#bond;
    return kind === 'gone' || kind === 'older' ? kind : undefined;
  }

  /**
   * Makes the index know every object that lies whole on disk: idempotent, deletes nothing; files of no object are set aside. With `forgetMissing`
   * a folder that is gone is made anew, and objects whose files are missing leave the index.
   */
  async reindex(options: ReindexOptions = {}): Promise<ObjectsReindex> {
    await this.look();
    if (this.#bond.kind === 'gone' && options.forgetMissing !== true) throw new Error(this.#bond.reason);
    // Everything in an older copy was known to the index once: what it does not know any more was deleted since.
    const restores = this.#bond.kind !== 'older';
    this.#progress = { folders: 0, files: 0 };
    try {
      await this.#files.makeFolders();
      const [startedAt, olderThan] = [new Date(this.#now()), new Date(Date.now() - this.#orphanAgeMs)];
      const onProgress = (progress: ReindexProgress): void => {
        this.#progress = progress;
        options.onProgress?.(progress);
      };
      const { report, unclaimed } = await this.index.transaction((tx) =>
        reindex(tx, this.#files, this.#deletions, { startedAt, olderThan, restores }, { ...options, onProgress }),
      );
      await this.#files.setAside(unclaimed);
      await options.settle?.();
      await this.#folder.renew('in turn');
      return report;
    } finally {
      this.#progress = undefined;
      await this.look();
    }
  }

  /** Removes what crashes and deletions left on disk now, instead of at its time. */
  async collect(): Promise<void> {
    await this.#collector.collect();
    await this.#keep();
    await this.#collector.sweep();
  }

  async createBuckets(buckets: readonly string[], sql: Sql = this.index): Promise<void> {
    await sql.query('INSERT INTO object_bucket (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [
      [...buckets],
    ]);
  }

  async deleteBuckets(buckets: readonly string[], sql: Sql = this.index): Promise<void> {
    await sql.query('DELETE FROM object_bucket WHERE name = ANY ($1::text[])', [[...buckets]]);
    await sql.query('DELETE FROM object_usage WHERE bucket = ANY ($1::text[])', [[...buckets]]);
  }

  async usage(bucket: string): Promise<Usage> {
    const [usage = { objects: 0, bytes: 0 }] = await this.usages([bucket]);
    return usage;
  }

  async usages(buckets: readonly string[]): Promise<readonly Usage[]> {
    if (buckets.length === 0) return [];
    const rows = await rowsOf(
      this.index,
      `SELECT coalesce(sum(objects), 0) AS objects, coalesce(sum(bytes), 0) AS bytes
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place) LEFT JOIN object_usage ON bucket = name COLLATE "C"
        GROUP BY place ORDER BY place`,
      [[...buckets]],
    );
    return rows.map((row) => ({ objects: countOf(row, 'objects'), bytes: countOf(row, 'bytes') }));
  }

  async put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written> {
    assertKeyFits(key, INDEX_KEY_BYTES);
    const { contentType, userMetadata } = options;
    let row: Manifest | undefined;
    const file = await this.#files.write(source, options.sizeBytes, ({ fileId, sizeBytes, md5 }) => {
      const modifiedAt = new Date(this.#now());
      const pieces = [{ fileId, sizeBytes }];
      return (row = { fileId, bucket, key, etag: md5, contentType, userMetadata, modifiedAt, pieces });
    });
    await this.#keepFiles([file], async () => row && (await putRow(this.index, row, options.precondition)));
    this.#hasWritten = true;
    return { etag: file.md5, sizeBytes: file.sizeBytes };
  }

  /** The row of an object whose manifest needs a file of its own; the file is gone again when the row is refused. */
  async #putSeveral(sql: Sql, object: Omit<Manifest, 'fileId'>, precondition?: Precondition): Promise<void> {
    const fileId = await this.#files.writeManifest((id) => ({ ...object, fileId: id }));
    await this.#keepFiles([{ fileId, sizeBytes: 0 }], () => putRow(sql, { ...object, fileId }, precondition));
    this.#hasWritten = true;
  }

  /** Files whose row was refused are gone at once; when the outcome is unknown (no connection), the sweep decides. */
  async #keepFiles<T>(pieces: readonly FilePiece[], commit: () => Promise<T>): Promise<T> {
    try {
      return await commit();
    } catch (error) {
      if (error instanceof StoreRefusal) await this.#files.remove(pieces.map((piece) => piece.fileId));
      throw error;
    }
  }

  async head(bucket: string, key: string): Promise<ObjectInfo | undefined> {
    const [row] = await rowsOf(this.index, 'SELECT * FROM object WHERE bucket = $1 AND key = $2', [bucket, key]);
    return row && objectInfoOf(row);
  }

  async get(bucket: string, key: string): Promise<ObjectReader | undefined> {
    const [row] = await rowsOf(this.index, 'SELECT * FROM object WHERE bucket = $1 AND key = $2', [bucket, key]);
    if (!row) return undefined;
    const info = objectInfoOf(row);
    const pieces = piecesOfRow(row);
    const place = { bucket, key };
    const whole: ByteRange = { start: 0, end: info.sizeBytes - 1 };
    return {
      info,
      check: () => this.#whole(place, this.#files.check(pieces)),
      read: async (range = whole) => {
        await this.#whole(place, this.#files.check(pieces));
        const isWhole = range.start === 0 && range.end === whole.end;
        const bytes = isWhole
          ? wholeBytes(this.#files.read(pieces, range), pieces, info.etag)
          : this.#files.readPart(pieces, range);
        return Readable.from(this.#read(place, bytes), { objectMode: false });
      },
    };
  }

  /** Gives what is wrong with a file the name of its object. @throws ObjectDamaged */
  async #whole<T>({ bucket, key }: Place, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof FileDamaged) throw new ObjectDamaged(bucket, key, error.message, { cause: error });
      throw error;
    }
  }

  async *#read({ bucket, key }: Place, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* bytes;
    } catch (error) {
      if (error instanceof FileDamaged) throw new ObjectDamaged(bucket, key, error.message, { cause: error });
      throw error;
    }
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    const gone = await rowsOf(
      this.index,
      `WITH gone AS (DELETE FROM object WHERE bucket = $1 AND key = ANY ($2::text[]) RETURNING array_remove(file_ids[1:1] || manifest_id, NULL) AS ids)
        SELECT DISTINCT unnest(ids)::text AS file_id FROM gone`,
      [bucket, [...keys]],
    );
    await this.#deletions.note(gone.map((row) => textOf(row, 'file_id')));
  }

  list(bucket: string, options: ListOptions): Promise<Listing> {
    return listPage(async ({ from, isExclusive, to, limit }) => {
      const rows = await rowsOf(
        this.index,
        `SELECT key, size, etag, modified_at, '' AS content_type FROM object
          WHERE bucket = $1 AND key ${isExclusive ? '>' : '>='} $2 AND ($3::text IS NULL OR key < $3::text COLLATE "C")
          ORDER BY key LIMIT $4`,
        [bucket, from, to ?? null, limit],
      );
      return rows.map(objectInfoOf);
    }, options);
  }

  async copy(from: Place, to: Place, headers?: ObjectHeaders): Promise<Written & { readonly modifiedAt: Date }> {
    assertKeyFits(to.key, INDEX_KEY_BYTES);
    const [row] = await rowsOf(this.index, 'SELECT * FROM object WHERE bucket = $1 AND key = $2', [
      from.bucket,
      from.key,
    ]);
    if (!row) throw new StoreRefusal('NoSuchKey', `there is no object ${from.key}`);
    const { etag, contentType, userMetadata, sizeBytes } = objectInfoOf(row);
    await this.#whole(from, this.#files.check(piecesOfRow(row)));
    const pieces: FilePiece[] = [];
    const modifiedAt = new Date(this.#now());
    const copied = { ...to, etag, pieces, modifiedAt, ...(headers ?? { contentType, userMetadata }) };
    await this.#keepFiles(pieces, async () => {
      for (const piece of piecesOfRow(row))
        pieces.push({ ...piece, fileId: await this.#whole(from, this.#files.duplicate(piece.fileId)) });
      await this.#putSeveral(this.index, copied);
    });
    return { etag, sizeBytes, modifiedAt };
  }

  async createUpload(bucket: string, key: string, headers: ObjectHeaders): Promise<string> {
    assertKeyFits(key, INDEX_KEY_BYTES);
    const uploadId = randomUUID();
    await this.index
      .query(
        `INSERT INTO multipart_upload VALUES ($1, $2, $3, $4, $5, date_trunc('milliseconds', clock_timestamp()))`,
        [uploadId, bucket, key, headers.contentType, JSON.stringify(headers.userMetadata)],
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

  async putPart(upload: Upload, partNumber: number, source: ByteSource, sizeBytes: number): Promise<Written> {
    await this.#upload(this.index, upload);
    const file = await this.#files.write(source, sizeBytes);
    await this.#keepFiles([file], () =>
      this.index
        .query(
          `INSERT INTO multipart_part VALUES ($1, $2, $3, $4, $5, date_trunc('milliseconds', clock_timestamp()))
        ON CONFLICT (upload_id, part_number) DO UPDATE
        SET file_id = excluded.file_id, size = excluded.size, etag = excluded.etag, modified_at = excluded.modified_at`,
          [upload.uploadId, partNumber, file.fileId, file.sizeBytes, file.md5],
        )
        .catch((error: unknown) => {
          throw isForeignKeyViolation(error)
            ? new StoreRefusal('NoSuchUpload', 'the upload ended meanwhile', { cause: error })
            : error;
        }),
    );
    return { etag: file.md5, sizeBytes };
  }

  completeUpload(upload: Upload, wanted: readonly PartRef[], precondition?: Precondition): Promise<Written> {
    return this.index.transaction(async (tx) => {
      const row = await this.#upload(tx, upload, 'FOR UPDATE');
      const uploaded = await rowsOf(tx, 'SELECT * FROM multipart_part WHERE upload_id = $1', [upload.uploadId]);
      const pieces = chooseParts(uploaded.map(partOf), wanted);
      await this.#whole(upload, this.#files.check(pieces));
      const etag = compositeEtag(pieces.map((part) => part.etag));
      const headers = { contentType: textOf(row, 'content_type'), userMetadata: textRecord(row['metadata']) };
      await tx.query('DELETE FROM multipart_upload WHERE upload_id = $1', [upload.uploadId]);
      // The parts' rows went with the upload and made all their files garbage; those of the object are not.
      await tx.query('DELETE FROM object_garbage WHERE file_id = ANY ($1::uuid[])', [
        pieces.map((part) => part.fileId),
      ]);
      const { bucket, key } = upload;
      const joined = pieces.map(({ fileId, sizeBytes }) => ({ fileId, sizeBytes }));
      const modifiedAt = new Date(this.#now());
      await this.#putSeveral(tx, { bucket, key, ...headers, etag, pieces: joined, modifiedAt }, precondition);
      return { etag, sizeBytes: sizeOf(pieces) };
    });
  }

  async abortUpload(upload: Upload): Promise<void> {
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

  async listUploads(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    const rows = await rowsOf(
      this.index,
      'SELECT * FROM multipart_upload WHERE bucket = $1 AND starts_with(key, $2) ORDER BY key, started_at',
      [bucket, prefix],
    );
    return rows.map(uploadOf);
  }

  async movePrefix(move: PrefixMove, sql?: Sql): Promise<readonly Moved[]> {
    const [bucket] = await rowsOf(sql ?? this.index, 'SELECT FROM object_bucket WHERE name = $1', [move.toBucket]);
    if (!bucket) throw new StoreRefusal('NoSuchBucket', `there is no bucket ${move.toBucket}`);
    return this.#move(
      move.fromBucket,
      [move.fromPrefix],
      `$4::text AS to_bucket, $5::text || rest AS to_key`,
      [move.toBucket, move.toPrefix],
      sql,
    );
  }

  async scatterPrefixes(fromBucket: string, prefixes: readonly string[], sql?: Sql): Promise<readonly Moved[]> {
    if (prefixes.length === 0) return [];
    return this.#move(
      fromBucket,
      prefixes,
      `split_part(rest, '/', 1) AS to_bucket, substr(rest, strpos(rest, '/') + 1) AS to_key`,
      [],
      sql,
    );
  }

  #move(
    fromBucket: string,
    prefixes: readonly string[],
    target: string,
    parameters: readonly unknown[],
    sql?: Sql,
  ): Promise<readonly Moved[]> {
    const run = async (tx: Sql): Promise<readonly Moved[]> => {
      const all = [fromBucket, ...spansOf(prefixes), ...parameters];
      const winners = `staged AS (
          SELECT o.bucket AS from_bucket, o.key AS from_key, o.size, span.place, substr(o.key, length(span.prefix) + 1) AS rest
          FROM ${SPANS(2)} JOIN object AS o ON o.bucket = $1 AND ${BELOW}),
        targeted AS (SELECT from_bucket, from_key, size, place, ${target} FROM staged),
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
      // What the manifest says of the place is wrong from here on: another one is written in the background.
      const rows = await rowsOf(
        tx,
        `WITH ${winners},
        moved AS (UPDATE object AS o SET bucket = w.to_bucket, key = w.to_key, manifest_id = NULL FROM winner AS w
          WHERE o.bucket = w.from_bucket AND o.key = w.from_key
          RETURNING w.from_bucket, w.from_key, w.to_bucket, w.to_key, w.size)
        SELECT * FROM moved ORDER BY to_bucket COLLATE "C", to_key COLLATE "C"`,
        all,
      );
      return rows.map(movedOf);
    };
    return sql ? run(sql) : this.index.transaction(run);
  }

  async deletePrefixes(bucket: string, prefixes: readonly string[], sql: Sql = this.index): Promise<void> {
    if (prefixes.length === 0) return;
    const all = [bucket, ...spansOf(prefixes)];
    await sql.query(`DELETE FROM object AS o USING ${SPANS(2)} WHERE o.bucket = $1 AND ${BELOW}`, all);
    await sql.query(`DELETE FROM multipart_upload AS o USING ${SPANS(2)} WHERE o.bucket = $1 AND ${BELOW}`, all);
  }

  async close(): Promise<void> {
    await this.#collector.stop();
    await this.#deletions.close();
  }
}

/** Room for a full key behind the prefixes of a caller; a row of a Postgres index holds about 2,700 bytes. */
const INDEX_KEY_BYTES = 2_000;
