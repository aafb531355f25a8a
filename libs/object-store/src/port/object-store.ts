import type { Readable, Writable } from 'node:stream';
import type { ByteRange } from '@fornax/s3';

export type { ByteRange };

/** Headers about the content that are kept as they came and given back. */
export const CONTENT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
] as const;

/** How the checksum of an upload in parts comes about: over all bytes, or over the checksums of the parts. */
export type ChecksumType = 'full-object' | 'composite';

/** A checksum that was verified when the bytes came. */
export interface PartChecksum {
  /** As behind `x-amz-checksum-`, e.g. `crc32`. */
  readonly algorithm: string;
  /** Base64; a composite one has `-<parts>` behind it. */
  readonly value: string;
}

export interface ObjectChecksum extends PartChecksum {
  readonly type: ChecksumType;
  /** Of an upload in parts: those of the parts, in order. */
  readonly parts?: readonly string[];
}

/** Which checksum an upload in parts is to have. */
export type WantedChecksum = Pick<ObjectChecksum, 'algorithm' | 'type'>;

/** What is known about an object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** Without quotes: MD5 of the content in hex, or `<md5 of the parts' md5s>-<parts>` for one that was uploaded in parts. */
  readonly etag: string;
  readonly contentType: string;
  /** Names in lower case, without the `x-amz-meta-` of the wire. */
  readonly userMetadata: Readonly<Record<string, string>>;
  /** Values of CONTENT_HEADERS that came with it. */
  readonly contentHeaders?: Readonly<Record<string, string>>;
  readonly checksum?: ObjectChecksum;
  /** Of an object that was uploaded in parts, where the store knows them. */
  readonly partSizes?: readonly number[];
  readonly modifiedAt: Date;
}

/** Content as a stream. */
export interface ObjectBytes extends Readable {
  /**
   * Sends all of it and ends the other stream, at less cost than reading it where the store can; use it or read, not both. Rejects with the code of a
   * pipeline that was cut off (`ERR_STREAM_PREMATURE_CLOSE`) when the other end is gone.
   * @throws ObjectDamaged
   */
  sendTo?(to: Writable): Promise<void>;
}

/** One version of an object: what `info` says and what `read` gives belong together, whatever is written meanwhile. */
export interface ObjectReader {
  readonly info: ObjectInfo;
  /**
   * Looks whether the whole content is there, without reading it.
   * @throws ObjectDamaged
   */
  check(): Promise<void>;
  /**
   * Opens the content. What is known to be damaged throws before the first byte; what turns out to be breaks the stream off.
   * @throws ObjectDamaged
   */
  read(range?: ByteRange): Promise<ObjectBytes>;
}

/** Payload on its way in. It must yield `sizeBytes` bytes; if it throws (a wrong hash, a broken connection), nothing is stored. */
export type ByteSource = AsyncIterable<Uint8Array>;

export interface ObjectHeaders {
  readonly contentType: string;
  readonly userMetadata: Readonly<Record<string, string>>;
  /** Values of CONTENT_HEADERS. */
  readonly contentHeaders?: Readonly<Record<string, string>>;
}

export interface UploadHeaders extends ObjectHeaders {
  readonly checksum?: WantedChecksum;
}

/** What must be true of the place at the moment at which the object gets there: nothing is there, one with such an etag (`*`: any), or none with such an etag. */
export type Precondition =
  'absent' | { readonly etags: readonly string[] | '*' } | { readonly otherEtags: readonly string[] };

/** What must be true of an object when it is deleted; what is absent does not matter. */
export interface DeletionCondition {
  /** `*`: any. */
  readonly etags?: readonly string[] | '*';
  readonly sizeBytes?: number;
  /** Compared by the second, as HTTP writes dates. */
  readonly modifiedAt?: Date;
}

export interface PutOptions extends ObjectHeaders {
  readonly sizeBytes: number;
  /** Decided together with the write, so that of several writers one succeeds. @throws StoreRefusal PreconditionFailed */
  readonly precondition?: Precondition;
  /**
   * The checksum to keep with the object, verified by the source. Asked when the source has ended: it may stand behind the content. A store that
   * must know it before keeps only one that is given then.
   */
  readonly checksum?: () => ObjectChecksum | undefined;
}

/** What is decided and kept with a completion. */
export interface CompletionOptions {
  /** As for `put`; the upload is kept when it does not hold. */
  readonly precondition?: Precondition;
  /** To keep with the object. */
  readonly checksum?: ObjectChecksum;
}

export interface Written {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** What a copy is. */
export interface Copied {
  readonly etag: string;
  readonly modifiedAt: Date;
}

export interface ListOptions {
  readonly prefix?: string;
  /** Keys that hold it after the prefix are rolled up into `prefixes`. */
  readonly delimiter?: string;
  /** Exclusive; a rolled-up prefix skips everything below it. */
  readonly after?: string;
  /** Most keys and prefixes together; at least 1. */
  readonly limit: number;
}

export interface Listing {
  /** In the binary order of their keys' UTF-8. `contentType` and `userMetadata` may be empty: a listing shows neither. */
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  /** Present when there is more: the `after` of the next page. */
  readonly next?: string;
}

export interface UploadInfo {
  readonly uploadId: string;
  readonly key: string;
  readonly startedAt: Date;
  readonly checksum?: WantedChecksum;
}

export interface PartInfo {
  readonly partNumber: number;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly checksum?: PartChecksum;
}

export interface PartRef {
  readonly partNumber: number;
  readonly etag: string;
}

export interface Place {
  readonly bucket: string;
  readonly key: string;
}

export interface PrefixMove {
  readonly fromBucket: string;
  readonly fromPrefix: string;
  readonly toBucket: string;
  /** Takes the place of `fromPrefix`. */
  readonly toPrefix: string;
}

export interface Moved {
  readonly from: Place;
  readonly to: Place;
  readonly sizeBytes: number;
}

export interface Usage {
  readonly objects: number;
  readonly bytes: number;
}

/** Of uploads that were not completed: as objects and bytes those of their parts. */
export interface UploadUsage extends Usage {
  readonly uploads: number;
}

/** What lies below a common beginning of keys. */
export interface FolderUsage extends Usage {
  /** The first parts of the keys, joined by `/`. */
  readonly folder: string;
}

/** Keys of which a part is one of some values. */
export interface KeyPart {
  /** Which one of the parts that `/` separates; the first is 1. */
  readonly part: number;
  readonly values: readonly string[];
}

/** Objects below a prefix and behind a key that were stored at an instant or before. */
export interface OldObjects {
  readonly prefix: string;
  /** Exclusive. */
  readonly after?: string;
  readonly before: Date;
}

export interface FoundOld extends Usage {
  /** The last key of them; undefined when there is none. */
  readonly through?: string;
  /** The first of their keys. */
  readonly names: readonly string[];
  /** When the oldest was stored of those that are younger; undefined when there are none, or when there may be more old ones behind `through`. */
  readonly nextAt?: Date;
  readonly hasMore: boolean;
}

/** A transaction of the caller. The local adapter does its index work in it; an adapter without an index in Postgres ignores it. */
export interface Sql {
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
}

export type StoreProblem =
  | 'BucketNotEmpty'
  | 'NoSuchBucket'
  | 'NoSuchKey'
  | 'NoSuchUpload'
  | 'InvalidPart'
  | 'InvalidPartOrder'
  | 'EntityTooSmall'
  | 'IncompleteBody'
  | 'InsufficientStorage'
  | 'KeyTooLong'
  | 'PreconditionFailed'
  | 'SourceChanged';

/** What the store refuses; `problem` is the S3 error code that says so. */
export class StoreRefusal extends Error {
  constructor(
    readonly problem: StoreProblem,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'StoreRefusal';
  }
}

/** The service that keeps the objects said no where nothing is wrong with the request: it is read-only, say, or fails. The same may succeed later. */
export class ServiceFailed extends Error {
  override readonly name = 'ServiceFailed';

  /** @param answer the service's error code, or its status */
  constructor(answer: string, options?: ErrorOptions) {
    super(`The service that keeps the objects answers ${answer}.`, options);
  }
}

/** An object's bytes cannot be had, or not all of them. Nobody's mistake who asks. */
export abstract class ObjectUnreadable extends Error {}

/** A remote store ended its answer before all bytes had come. Reading again may help; somebody should look at that service. */
export class ReadBrokeOff extends ObjectUnreadable {
  override readonly name = 'ReadBrokeOff';

  constructor({ bucket, key }: Place, got: number, wanted: number, options?: ErrorOptions) {
    const object = `object ${JSON.stringify(key)} of bucket ${JSON.stringify(bucket)}`;
    super(`${object} broke off: the object service sent ${got} of ${wanted} bytes`, options);
  }
}

/** What the store has on record of an object is not what lies on its disk. Nobody's mistake who asks; somebody should look at the disk. */
export class ObjectDamaged extends ObjectUnreadable {
  override readonly name = 'ObjectDamaged';

  constructor(
    readonly bucket: string,
    readonly key: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`object ${JSON.stringify(key)} of bucket ${JSON.stringify(bucket)} is damaged: ${reason}`, options);
  }
}

/** Smallest part but the last, of Amazon S3. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;
/** Largest key in UTF-8 bytes, of Amazon S3. */
export const MAX_KEY_BYTES = 1024;

/**
 * Objects in buckets: the meaning is that of S3, without owners and rights, which are the caller's. Payloads are streamed in both directions and
 * never held whole. An object is there completely or not at all; replacing one is atomic; a put that was acknowledged survives a power cut.
 *
 * Keys are any text without NUL, compared by the bytes of their UTF-8. Buckets are made by `createBuckets`; using another one is refused
 * (`NoSuchBucket`) by the local adapter, while the S3 adapter leaves that check to its caller.
 */
export interface ObjectStore {
  /** Whether buckets and prefixes are made, moved and deleted within the caller's transaction (`sql`), and with it. */
  readonly joinsTransactions: boolean;
  /** Whether checksums of parts are kept, and with them those of objects that are made of parts. */
  readonly keepsPartChecksums: boolean;

  /** Makes what is missing. */
  createBuckets(buckets: readonly string[], sql?: Sql): Promise<void>;
  /** Removes buckets with everything in them; missing ones are no error. */
  deleteBuckets(buckets: readonly string[], sql?: Sql): Promise<void>;
  /**
   * Asks for the decision to delete an empty bucket; `deleteBuckets` follows. The local adapter deletes it with the decision, which excludes writes; with
   * the S3 adapter what is written at that moment goes with it. @throws StoreRefusal BucketNotEmpty
   */
  deleteEmpty<T>(bucket: string, decide: () => Promise<T>): Promise<T>;
  usage(bucket: string): Promise<Usage>;
  /** Of many at once, in their order. */
  usages(buckets: readonly string[]): Promise<readonly Usage[]>;
  /** Of the objects of a bucket, by the first `depth` parts of their keys; 0: all together. */
  usageByFolder(bucket: string, depth: number, only?: KeyPart): Promise<readonly FolderUsage[]>;
  /** Uploads that were not completed, and their parts; of many buckets at once, in their order. */
  uploadUsages(buckets: readonly string[]): Promise<readonly UploadUsage[]>;
  /** The same of one bucket, by the first `depth` parts of the keys of the uploads. */
  uploadUsageByFolder(bucket: string, depth: number, only?: KeyPart): Promise<readonly (FolderUsage & UploadUsage)[]>;

  put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written>;
  head(bucket: string, key: string): Promise<ObjectInfo | undefined>;
  /** @param options `isReadWhole`: `read` of all of it is sure to follow where it has any bytes, so that a store elsewhere may begin at once */
  get(bucket: string, key: string, options?: { readonly isReadWhole?: boolean }): Promise<ObjectReader | undefined>;
  /** Missing keys are no error. */
  deleteMany(bucket: string, keys: readonly string[]): Promise<void>;
  /**
   * Deletes an object that is as expected. A missing one is no error.
   * @throws StoreRefusal PreconditionFailed
   */
  deleteIf(bucket: string, key: string, condition: DeletionCondition): Promise<void>;
  list(bucket: string, options: ListOptions): Promise<Listing>;
  /**
   * @param headers replace those of the source; the source's are kept when absent
   * @param precondition of the target, as for `put`
   * @throws StoreRefusal SourceChanged the source has another ETag than the one that is named
   */
  copy(
    from: Place & { readonly etag?: string },
    to: Place,
    headers?: ObjectHeaders,
    precondition?: Precondition,
  ): Promise<Copied>;

  /** Looks for old objects, in the order of their keys, `limit` of them at most. */
  findOld(bucket: string, old: OldObjects, limit: number): Promise<FoundOld>;
  /** Deletes old objects up to a key; one that was stored anew since stays. Repeating it is safe. */
  deleteOld(bucket: string, old: OldObjects & { readonly through: string }, sql?: Sql): Promise<void>;

  createUpload(bucket: string, key: string, headers: UploadHeaders): Promise<string>;
  /** @throws StoreRefusal NoSuchUpload, by a store that keeps checksums of parts */
  findUpload(upload: Place & { readonly uploadId: string }): Promise<Pick<UploadInfo, 'checksum'>>;
  putPart(
    upload: Place & { readonly uploadId: string },
    partNumber: number,
    source: ByteSource,
    sizeBytes: number,
    checksum?: () => PartChecksum | undefined,
  ): Promise<Written>;
  /**
   * Parts in the order wanted; others that were uploaded are dropped. The upload is over then: repeating it is refused (`NoSuchUpload`), or answered
   * as before where the object is still that one.
   * @throws StoreRefusal InvalidPart, InvalidPartOrder, EntityTooSmall
   */
  completeUpload(
    upload: Place & { readonly uploadId: string },
    parts: readonly PartRef[],
    options?: CompletionOptions,
  ): Promise<Written>;
  abortUpload(upload: Place & { readonly uploadId: string }): Promise<void>;
  listParts(upload: Place & { readonly uploadId: string }): Promise<readonly PartInfo[]>;
  /** By key, then by start. */
  listUploads(bucket: string, prefix?: string): Promise<readonly UploadInfo[]>;

  /** Moves every object below a prefix, replacing what is at its new place; it is as new as the move there. Repeating it is safe. */
  movePrefix(move: PrefixMove, sql?: Sql): Promise<readonly Moved[]>;
  /**
   * Moves every object `<prefix><bucket>/<key>` below the prefixes to `<key>` in `<bucket>`; where two meet, the one of the later prefix stays.
   * It is as new as the move there. Objects for a bucket that does not exist are dropped. Repeating it is safe.
   */
  scatterPrefixes(fromBucket: string, prefixes: readonly string[], sql?: Sql): Promise<readonly Moved[]>;
  /** Drops all objects and unfinished uploads below the prefixes. */
  deletePrefixes(bucket: string, prefixes: readonly string[], sql?: Sql): Promise<void>;

  /** Ends background work. */
  close(): Promise<void>;
}
