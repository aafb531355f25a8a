import { assertKeyFits } from '../port/keys.js';
import {
  type ByteRange,
  type ByteSource,
  type Copied,
  type ObjectHeaders,
  type ObjectInfo,
  type ObjectReader,
  type Place,
  type Precondition,
  type PutOptions,
  type Sql,
  type Written,
  StoreRefusal,
} from '../port/object-store.js';
import { GatheredRows } from './gathered-rows.js';
import type { Manifest } from './manifest.js';
import type { FilePiece, ObjectFiles } from './object-files.js';
import { INDEX_KEY_BYTES, putRow } from './object-rows.js';
import { ObjectLookup } from './object-lookup.js';
import { asObjectDamaged, openContent, openThoroughly } from './open-content.js';
import { ProvenObjects } from './proven-objects.js';
import { objectInfoOf, piecesOfRow } from './rows.js';

/** What a write is told to. */
interface WriteNotes {
  /** The clock of objects' times. */
  now(): number;
  /** Something was stored. */
  wrote(): void;
}

/** Content of objects as files, each with the row that makes it an object: written, read and copied. */
export class StoredObjects {
  private readonly lookup: ObjectLookup;
  private readonly rows: GatheredRows;
  readonly proven: ProvenObjects;

  constructor(
    private readonly index: Sql,
    readonly files: ObjectFiles,
    private readonly notes: WriteNotes,
  ) {
    this.lookup = new ObjectLookup(index);
    this.rows = new GatheredRows(index);
    this.proven = new ProvenObjects(files);
  }

  async head(bucket: string, key: string): Promise<ObjectInfo | undefined> {
    const row = await this.lookup.at({ bucket, key });
    return row && objectInfoOf(row);
  }

  async put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written> {
    assertKeyFits(key, INDEX_KEY_BYTES);
    const { contentType, userMetadata, contentHeaders = {} } = options;
    let row: Manifest | undefined;
    const file = await this.files.write(source, options.sizeBytes, ({ fileId, sizeBytes, md5 }) => {
      const modifiedAt = new Date(this.notes.now());
      const pieces = [{ fileId, sizeBytes }];
      const checksum = options.checksum?.();
      const about = { contentType, userMetadata, contentHeaders, ...(checksum ? { checksum } : {}) };
      return (row = { fileId, bucket, key, etag: md5, ...about, modifiedAt, pieces });
    });
    const { precondition } = options;
    await this.keepFiles(
      [file],
      async () => row && (await (precondition ? putRow(this.index, row, precondition) : this.rows.put(row))),
    );
    this.notes.wrote();
    return { etag: file.md5, sizeBytes: file.sizeBytes };
  }

  /** The row of an object whose manifest needs a file of its own; the file is gone again when the row is refused. */
  async putSeveral(sql: Sql, object: Omit<Manifest, 'fileId'>, precondition?: Precondition): Promise<void> {
    const fileId = await this.files.writeManifest((id) => ({ ...object, fileId: id }));
    await this.keepFiles([{ fileId, sizeBytes: 0 }], () => putRow(sql, { ...object, fileId }, precondition));
    this.notes.wrote();
  }

  /** Files whose row was refused are gone at once; when the outcome is unknown (no connection), the sweep decides. */
  async keepFiles<T>(pieces: readonly FilePiece[], commit: () => Promise<T>): Promise<T> {
    try {
      return await commit();
    } catch (error) {
      if (error instanceof StoreRefusal) await this.files.remove(pieces.map((piece) => piece.fileId));
      throw error;
    }
  }

  /** @param options `isThorough`: the whole is compared with its ETag, whatever is known of its blocks */
  async get(
    bucket: string,
    key: string,
    { isThorough = false }: { readonly isThorough?: boolean } = {},
  ): Promise<ObjectReader | undefined> {
    const row = await this.lookup.at({ bucket, key });
    if (!row) return undefined;
    const info = objectInfoOf(row);
    const pieces = piecesOfRow(row);
    const place = { bucket, key };
    const whole: ByteRange = { start: 0, end: info.sizeBytes - 1 };
    return {
      info,
      check: () => this.whole(place, this.files.check(pieces)),
      read: async (range = whole) =>
        isThorough
          ? openThoroughly(this.files, place, { info, pieces })
          : openContent(this, place, { pieces, range, etag: info.etag }),
    };
  }

  /** Gives what is wrong with a file the name of its object. @throws ObjectDamaged */
  async whole<T>(place: Place, work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      throw asObjectDamaged(error, place);
    });
  }

  async copy(
    from: Place & { readonly etag?: string },
    to: Place,
    headers?: ObjectHeaders,
    precondition?: Precondition,
  ): Promise<Copied> {
    assertKeyFits(to.key, INDEX_KEY_BYTES);
    const row = await this.lookup.at(from);
    if (!row) throw new StoreRefusal('NoSuchKey', `there is no object ${from.key}`);
    const { etag, contentType, userMetadata, contentHeaders = {}, checksum } = objectInfoOf(row);
    if (from.etag !== undefined && from.etag !== etag)
      throw new StoreRefusal('SourceChanged', `the object ${from.key} is another one by now`);
    await this.whole(from, this.files.check(piecesOfRow(row)));
    const pieces: FilePiece[] = [];
    const modifiedAt = new Date(this.notes.now());
    const copied = {
      ...to,
      etag,
      pieces,
      modifiedAt,
      ...(headers ?? { contentType, userMetadata, contentHeaders }),
      ...(checksum ? { checksum } : {}),
    };
    await this.keepFiles(pieces, async () => {
      for (const piece of piecesOfRow(row))
        pieces.push({ ...piece, fileId: await this.whole(from, this.files.duplicate(piece.fileId)) });
      await this.putSeveral(this.index, copied, precondition);
    });
    return { etag, modifiedAt };
  }
}
