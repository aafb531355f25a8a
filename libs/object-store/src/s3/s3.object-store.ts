import { eachLimited } from '@fornax/base';
import { assertEmpty } from '../port/assert-empty.js';
import { splitPlace } from '../port/keys.js';
import {
  type ByteRange,
  type ByteSource,
  type CompletionOptions,
  type Copied,
  type FolderUsage,
  type KeyPart,
  type FoundOld,
  type DeletionCondition,
  type ListOptions,
  type Listing,
  type Moved,
  type ObjectBytes,
  type ObjectHeaders,
  type ObjectInfo,
  type ObjectReader,
  type ObjectStore,
  type OldObjects,
  type PartInfo,
  type PartRef,
  type Place,
  type Precondition,
  type PrefixMove,
  type PutOptions,
  type UploadInfo,
  type UploadUsage,
  type Usage,
  type Written,
  StoreRefusal,
} from '../port/object-store.js';
import {
  checksumHeaders,
  conditionOf,
  holds,
  infoOfHeaders,
  isExpected,
  type WireCondition,
  wireHeaders,
} from './answers.js';
import { S3Copies } from './s3-copies.js';
import { S3Listing } from './s3-listing.js';
import { FolderCount } from './folder-count.js';
import { deleteOldIn, findOldIn } from './s3-old-objects.js';
import { S3Service, type S3StoreOptions } from './s3-service.js';
import { S3Uploads, type Upload } from './s3-uploads.js';
import { UsageCounts } from './usage-counts.js';
import { bytesOfAnswer } from './whole-answer.js';

/** Parts of an upload that has ended since it was listed. @throws the error of any other one */
const noneOfEnded = (error: unknown): readonly PartInfo[] => {
  if (error instanceof StoreRefusal && error.problem === 'NoSuchUpload') return [];
  throw error;
};

/** Keys of the service beyond every bucket of ours: one empty object says that a bucket of ours exists. */
const MARKERS = '.buckets';
const PARALLEL_COPIES = 16;

/**
 * Objects on any S3 service, through the `minio` client, as `<bucket>/<key>` in one bucket of the service: bucket names are global there and
 * few are allowed to an account, while ours are made by users at will. Keys are spelled as wire-keys.ts says, and that spelling, with the
 * bucket's name, has room for 1,024 bytes.
 * Moves are copies and deletions, a key at a time: not atomic, but safe to repeat. A copy of an object that was uploaded in parts may get another ETag.
 */
export class S3ObjectStore implements ObjectStore {
  readonly joinsTransactions = false;
  readonly keepsPartChecksums = false;
  readonly #service: S3Service;
  readonly #listing: S3Listing;
  readonly #uploads: S3Uploads;
  readonly #copies: S3Copies;
  readonly #usage = new UsageCounts((bucket) => this.#count(bucket));

  constructor(options: S3StoreOptions) {
    this.#service = new S3Service(options);
    this.#listing = new S3Listing(this.#service);
    this.#uploads = new S3Uploads(this.#service, (bucket, key) => this.head(bucket, key));
    this.#copies = new S3Copies(this.#service, this.#uploads, options.mostCopyBytes);
  }

  /** Makes the bucket when it is missing. */
  static async open(options: S3StoreOptions): Promise<S3ObjectStore> {
    const store = new S3ObjectStore(options);
    await store.#service.makeBucket();
    return store;
  }

  async createBuckets(buckets: readonly string[]): Promise<void> {
    for (const bucket of buckets)
      await this.#service.client.putObject(this.#service.bucket, `${MARKERS}/${bucket}`, Buffer.alloc(0), 0);
  }

  async #exists(bucket: string): Promise<boolean> {
    return (await this.#service.headers(`${MARKERS}/${bucket}`)) !== undefined;
  }

  async deleteBuckets(buckets: readonly string[]): Promise<void> {
    for (const bucket of buckets) {
      await this.deletePrefixes(bucket, ['']);
      await this.#service.client.removeObject(this.#service.bucket, `${MARKERS}/${bucket}`);
    }
  }

  async deleteEmpty<T>(bucket: string, decide: () => Promise<T>): Promise<T> {
    await assertEmpty(bucket, (options) => this.list(bucket, options));
    return decide();
  }

  usage(bucket: string): Promise<Usage> {
    return this.#usage.of(bucket);
  }

  usages(buckets: readonly string[]): Promise<readonly Usage[]> {
    return Promise.all(buckets.map((bucket) => this.usage(bucket)));
  }

  async usageByFolder(bucket: string, depth: number, only?: KeyPart): Promise<readonly FolderUsage[]> {
    const count = new FolderCount(depth, only);
    for await (const page of this.#listing.pages(bucket, ''))
      for (const { key, sizeBytes } of page) count.add(key, sizeBytes);
    return count.found();
  }

  async uploadUsageByFolder(
    bucket: string,
    depth: number,
    only?: KeyPart,
  ): Promise<readonly (FolderUsage & UploadUsage)[]> {
    const [count, uploads] = [new FolderCount(depth, only), new FolderCount(depth, only)];
    for (const { key, uploadId } of await this.listUploads(bucket)) {
      uploads.add(key, 0);
      for (const { sizeBytes } of await this.listParts({ bucket, key, uploadId }).catch(noneOfEnded))
        count.add(key, sizeBytes);
    }
    const parts = new Map(count.found().map((found) => [found.folder, found]));
    return uploads.found().map(({ folder, objects }) => ({
      ...(parts.get(folder) ?? { folder, objects: 0, bytes: 0 }),
      uploads: objects,
    }));
  }

  async uploadUsages(buckets: readonly string[]): Promise<readonly UploadUsage[]> {
    const usages: UploadUsage[] = [];
    for (const bucket of buckets) {
      const [{ uploads, objects, bytes } = { uploads: 0, objects: 0, bytes: 0 }] = await this.uploadUsageByFolder(
        bucket,
        0,
      );
      usages.push({ uploads, objects, bytes });
    }
    return usages;
  }

  async #count(bucket: string): Promise<Usage> {
    let objects = 0;
    let bytes = 0;
    for await (const page of this.#listing.pages(bucket, '')) {
      objects += page.length;
      bytes += page.reduce((sum, object) => sum + object.sizeBytes, 0);
    }
    return { objects, bytes };
  }

  async put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written> {
    const condition = await this.#wireCondition({ bucket, key }, options.precondition);
    const written = await this.#service.send(
      'PUT',
      this.#service.key({ bucket, key }),
      '',
      {
        ...wireHeaders(options),
        ...conditionOf(condition),
        // One that comes behind the content is verified by the source, and not kept.
        ...checksumHeaders(options.checksum?.()),
      },
      source,
      options.sizeBytes,
    );
    this.#usage.forget(bucket);
    return written;
  }

  /**
   * Looks whether a precondition holds now, for services that would not look.
   * @returns what a service that does is to be told: that there is still nothing, or still this object
   * @throws StoreRefusal PreconditionFailed
   */
  async #judged({ bucket, key }: Place, precondition: Precondition): Promise<WireCondition> {
    const info = await this.head(bucket, key);
    if (!holds(precondition, info))
      throw new StoreRefusal('PreconditionFailed', 'the object is not what the writer expects it to be');
    return info ? { etags: [info.etag] } : 'absent';
  }

  async #wireCondition(place: Place, precondition: Precondition | undefined): Promise<WireCondition | undefined> {
    if (precondition === undefined || precondition === 'absent' || 'etags' in precondition) return precondition;
    return this.#judged(place, precondition);
  }

  async head(bucket: string, key: string): Promise<ObjectInfo | undefined> {
    const { headers, statusCode } = (await this.#service.headers(this.#service.key({ bucket, key }))) ?? {};
    if (headers === undefined || statusCode !== 200) return undefined;
    return infoOfHeaders(key, headers);
  }

  async get(bucket: string, key: string, { isReadWhole = false } = {}): Promise<ObjectReader | undefined> {
    const place = { bucket, key };
    // One request instead of two.
    const opened = isReadWhole ? await this.#service.open(this.#service.key(place)) : undefined;
    const info = opened ? infoOfHeaders(key, opened.headers) : isReadWhole ? undefined : await this.head(bucket, key);
    if (!info) return undefined;
    const read = async (range?: ByteRange): Promise<ObjectBytes> => {
      if (opened && !range) return bytesOfAnswer(opened, place, info.sizeBytes);
      const sizeBytes = range ? range.end - range.start + 1 : info.sizeBytes;
      const headers = {
        'if-match': `"${info.etag}"`,
        ...(range ? { range: `bytes=${range.start}-${range.end}` } : {}),
      };
      return bytesOfAnswer(await this.#service.read(this.#service.key(place), headers), place, sizeBytes);
    };
    // The service answers for what it stores.
    return { info, read, check: async () => undefined };
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    await this.#service.remove(keys.map((key) => this.#service.key({ bucket, key })));
    this.#usage.forget(bucket);
  }

  /** Looked at right before; a service that takes a condition with a deletion decides with it that this is still the object. */
  async deleteIf(bucket: string, key: string, condition: DeletionCondition): Promise<void> {
    const info = await this.head(bucket, key);
    if (!info) return;
    if (!isExpected(condition, info))
      throw new StoreRefusal('PreconditionFailed', 'the object is not what its deletion expects it to be');
    await this.#service.removeOne(this.#service.key({ bucket, key }), info.etag);
    this.#usage.forget(bucket);
  }

  list(bucket: string, options: ListOptions): Promise<Listing> {
    return this.#listing.list(bucket, options);
  }

  async copy(
    from: Place & { readonly etag?: string },
    to: Place,
    headers?: ObjectHeaders,
    precondition?: Precondition,
  ): Promise<Copied> {
    const condition = precondition && (await this.#judged(to, precondition));
    const isSame = from.etag === undefined ? {} : { 'x-amz-copy-source-if-match': `"${from.etag}"` };
    const directive = headers ? { 'x-amz-metadata-directive': 'REPLACE', ...wireHeaders(headers) } : {};
    const copied = await this.#copies
      .copy(from, to, { ...isSame, ...directive, ...conditionOf(condition) })
      .catch(async (error: unknown) => {
        const isOther = from.etag !== undefined && (await this.head(from.bucket, from.key))?.etag !== from.etag;
        throw isOther ? new StoreRefusal('SourceChanged', 'the source is another object by now') : error;
      });
    this.#usage.forget(to.bucket);
    return copied;
  }

  createUpload(bucket: string, key: string, headers: ObjectHeaders): Promise<string> {
    return this.#uploads.create(bucket, key, headers);
  }

  /** The service's uploads have no checksum: who asks for one for the whole object is to be told so. */
  async findUpload(): Promise<Pick<UploadInfo, 'checksum'>> {
    return {};
  }

  putPart(upload: Upload, partNumber: number, source: ByteSource, sizeBytes: number): Promise<Written> {
    return this.#uploads.putPart(upload, partNumber, source, sizeBytes);
  }

  async completeUpload(
    upload: Upload,
    parts: readonly PartRef[],
    { precondition }: CompletionOptions = {},
  ): Promise<Written> {
    const written = await this.#uploads.complete(upload, parts, precondition);
    this.#usage.forget(upload.bucket);
    return written;
  }

  abortUpload(upload: Upload): Promise<void> {
    return this.#uploads.abort(upload);
  }

  listParts(upload: Upload): Promise<readonly PartInfo[]> {
    return this.#uploads.listParts(upload);
  }

  listUploads(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    return this.#uploads.list(bucket, prefix);
  }

  findOld(bucket: string, old: OldObjects, limit: number): Promise<FoundOld> {
    return findOldIn(this, bucket, old, limit);
  }

  deleteOld(bucket: string, old: OldObjects & { readonly through: string }): Promise<void> {
    return deleteOldIn(this, bucket, old);
  }

  async movePrefix({ fromBucket, fromPrefix, toBucket, toPrefix }: PrefixMove): Promise<readonly Moved[]> {
    if (!(await this.#exists(toBucket))) throw new StoreRefusal('NoSuchBucket', `there is no bucket ${toBucket}`);
    return this.#move(fromBucket, fromPrefix, async (rest) => ({ bucket: toBucket, key: `${toPrefix}${rest}` }));
  }

  async scatterPrefixes(fromBucket: string, prefixes: readonly string[]): Promise<readonly Moved[]> {
    const exists = new Map<string, Promise<boolean>>();
    const moved: Moved[] = [];
    for (const prefix of prefixes) {
      moved.push(
        ...(await this.#move(fromBucket, prefix, async (rest) => {
          const to = splitPlace(rest);
          if (!to) return undefined;
          const known = exists.get(to.bucket) ?? this.#exists(to.bucket);
          exists.set(to.bucket, known);
          return (await known) ? to : undefined;
        })),
      );
    }
    const last = new Map(moved.map((move) => [`${move.to.bucket}/${move.to.key}`, move]));
    return [...last.values()];
  }

  /** Copies each object to its target, some at a time, then deletes the originals: a move that is repeated after a crash copies again what is still there. */
  async #move(
    bucket: string,
    prefix: string,
    target: (rest: string) => Promise<Place | undefined>,
  ): Promise<readonly Moved[]> {
    const moved: Moved[] = [];
    for await (const page of this.#listing.pages(bucket, prefix)) {
      const copied: Moved[] = [];
      await eachLimited([...page.entries()], PARALLEL_COPIES, async ([at, { key, sizeBytes }]) => {
        const from = { bucket, key };
        const to = await target(key.slice(prefix.length));
        if (to === undefined) return;
        await this.#copies.copyAll(from, to, { sizeBytes, headersOf: () => this.head(bucket, key) });
        this.#usage.forget(to.bucket);
        copied[at] = { from, to, sizeBytes };
      });
      // Those without a target leave holes.
      moved.push(...copied.filter(Boolean));
      await this.deleteMany(
        bucket,
        page.map(({ key }) => key),
      );
    }
    return moved;
  }

  async deletePrefixes(bucket: string, prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) {
      for await (const page of this.#listing.pages(bucket, prefix))
        await this.deleteMany(
          bucket,
          page.map(({ key }) => key),
        );
      for (const { key, uploadId } of await this.listUploads(bucket, prefix))
        await this.abortUpload({ bucket, key, uploadId });
    }
  }

  async close(): Promise<void> {
    this.#usage.clear();
  }
}
