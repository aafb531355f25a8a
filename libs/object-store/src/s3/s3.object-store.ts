import { Readable } from 'node:stream';
import { Client } from 'minio';
import { assertKeyFits, compareKeys, splitPlace } from '../port/keys.js';
import { listPage } from '../port/listing.js';
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
  type UploadInfo,
  type Usage,
  type Written,
  MAX_KEY_BYTES,
  StoreRefusal,
} from '../port/object-store.js';
import { META, conditionOf, entryOf, isMissing, refused, unquoted, wireHeaders } from './answers.js';
import { wholeAnswer } from './whole-answer.js';
import { heldBack } from './held-back.js';
import { fromWire, wireKey, wirePrefix } from './wire-keys.js';

type Upload = Place & { readonly uploadId: string };

export interface S3StoreOptions {
  /** Base address of the service, e.g. `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** The one bucket of the service that holds everything. */
  readonly bucket: string;
}

/** Keys of the service beyond every bucket of ours: one empty object says that a bucket of ours exists. */
const MARKERS = '.buckets';
const USAGE_AGE_MS = 10_000;
/** Most keys that S3 lists or deletes at once. */
const PAGE = 1_000;
const GREATEST = '\u{10ffff}';

/** Reaches what the client keeps to its subclasses. */
class S3Client extends Client {
  partsOf(bucket: string, key: string, uploadId: string) {
    return this.listParts(bucket, key, uploadId);
  }
}

/**
 * Objects on any S3 service, through the `minio` client, as `<bucket>/<key>` in one bucket of the service: bucket names are global there and
 * few are allowed to an account, while ours are made by users at will. Keys are spelled as wire-keys.ts says, and that spelling, with the
 * bucket's name, has room for 1,024 bytes.
 * Moves are copies and deletions, a key at a time: not atomic, but safe to repeat. A copy of an object that was uploaded in parts may get another ETag.
 */
export class S3ObjectStore implements ObjectStore {
  readonly joinsTransactions = false;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #region: string;
  readonly #usage = new Map<string, { readonly at: number; readonly usage: Promise<Usage> }>();

  constructor(options: S3StoreOptions) {
    const { hostname, port, protocol } = new URL(options.endpoint);
    this.#bucket = options.bucket;
    this.#region = options.region ?? 'us-east-1';
    this.#client = new S3Client({
      endPoint: hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      useSSL: protocol === 'https:',
      accessKey: options.accessKey,
      secretKey: options.secretKey,
      region: this.#region,
      pathStyle: true,
      retryOptions: { disableRetry: true }, // a payload is read once; callers repeat
    });
    // The hash of a stream is not known when its request is signed.
    this.#client.enableSHA256 = false;
  }

  /** Makes the bucket when it is missing. */
  static async open(options: S3StoreOptions): Promise<S3ObjectStore> {
    const store = new S3ObjectStore(options);
    if (!(await store.#client.bucketExists(options.bucket)))
      await store.#client.makeBucket(options.bucket, store.#region);
    return store;
  }

  #key({ bucket, key }: Place): string {
    const physical = `${bucket}/${wireKey(key)}`;
    assertKeyFits(physical, MAX_KEY_BYTES);
    return physical;
  }

  async #send(
    method: string,
    objectName: string,
    query: string,
    headers: Record<string, string>,
    source: ByteSource,
    sizeBytes: number,
  ) {
    const body = Readable.from(heldBack(source, sizeBytes), { objectMode: false });
    const response = await this.#client
      .makeRequestStreamAsync(
        {
          method,
          bucketName: this.#bucket,
          objectName,
          query,
          headers: { ...headers, 'content-length': String(sizeBytes) },
        },
        body,
        '',
        [200],
        this.#region,
      )
      .catch((error: unknown) => {
        throw body.errored ?? refused(error);
      });
    response.resume();
    return { etag: unquoted(response.headers.etag), sizeBytes };
  }

  async createBuckets(buckets: readonly string[]): Promise<void> {
    for (const bucket of buckets)
      await this.#client.putObject(this.#bucket, `${MARKERS}/${bucket}`, Buffer.alloc(0), 0);
  }

  async #exists(bucket: string): Promise<boolean> {
    return (await this.#headers(`${MARKERS}/${bucket}`)) !== undefined;
  }

  async deleteBuckets(buckets: readonly string[]): Promise<void> {
    for (const bucket of buckets) {
      await this.deletePrefixes(bucket, ['']);
      await this.#client.removeObject(this.#bucket, `${MARKERS}/${bucket}`);
    }
  }

  /** Up to ten seconds old: S3 keeps no such count, so it is added up from listings. */
  usage(bucket: string): Promise<Usage> {
    const known = this.#usage.get(bucket);
    if (known && performance.now() - known.at < USAGE_AGE_MS) return known.usage;
    const usage = this.#count(bucket);
    this.#usage.set(bucket, { at: performance.now(), usage });
    usage.catch(() => this.#usage.delete(bucket));
    return usage;
  }

  usages(buckets: readonly string[]): Promise<readonly Usage[]> {
    return Promise.all(buckets.map((bucket) => this.usage(bucket)));
  }

  async #count(bucket: string): Promise<Usage> {
    let objects = 0;
    let bytes = 0;
    for await (const page of this.#pages(bucket, '')) {
      objects += page.length;
      bytes += page.reduce((sum, object) => sum + object.sizeBytes, 0);
    }
    return { objects, bytes };
  }

  async put(bucket: string, key: string, source: ByteSource, options: PutOptions): Promise<Written> {
    const written = await this.#send(
      'PUT',
      this.#key({ bucket, key }),
      '',
      { ...wireHeaders(options), ...conditionOf(options.precondition) },
      source,
      options.sizeBytes,
    );
    this.#usage.delete(bucket);
    return written;
  }

  /** The answer to a HEAD; undefined when there is no such object. */
  async #headers(objectName: string) {
    const response = await this.#client
      .makeRequestAsync({ method: 'HEAD', bucketName: this.#bucket, objectName }, '', [200], this.#region)
      .catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
    response?.resume();
    return response;
  }

  async head(bucket: string, key: string): Promise<ObjectInfo | undefined> {
    const { headers, statusCode } = (await this.#headers(this.#key({ bucket, key }))) ?? {};
    if (headers === undefined || statusCode !== 200) return undefined;
    // Read from the answer itself: the client mixes headers that servers add into the user's metadata.
    const metadata = Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(META) ? [[name.slice(META.length), String(value)]] : [],
    );
    return {
      key,
      sizeBytes: Number(headers['content-length'] ?? 0),
      etag: unquoted(headers.etag),
      contentType: headers['content-type'] ?? 'binary/octet-stream',
      userMetadata: Object.fromEntries(metadata),
      modifiedAt: new Date(headers['last-modified'] ?? 0),
    };
  }

  async get(bucket: string, key: string): Promise<ObjectReader | undefined> {
    const info = await this.head(bucket, key);
    if (!info) return undefined;
    const read = async (range?: ByteRange): Promise<Readable> => {
      const answer: Readable = await this.#client.makeRequestAsync(
        {
          method: 'GET',
          bucketName: this.#bucket,
          objectName: this.#key({ bucket, key }),
          headers: { 'if-match': `"${info.etag}"`, ...(range ? { range: `bytes=${range.start}-${range.end}` } : {}) },
        },
        '',
        [200, 206],
        this.#region,
      );
      const sizeBytes = range ? range.end - range.start + 1 : info.sizeBytes;
      return Readable.from(wholeAnswer(answer, { bucket, key }, sizeBytes), { objectMode: false });
    };
    // The service answers for what it stores.
    return { info, read, check: async () => undefined };
  }

  async deleteMany(bucket: string, keys: readonly string[]): Promise<void> {
    await this.#remove(keys.map((key) => this.#key({ bucket, key })));
    this.#usage.delete(bucket);
  }

  async #remove(objectNames: readonly string[]): Promise<void> {
    for (let at = 0; at < objectNames.length; at += PAGE) {
      const failed = (await this.#client.removeObjects(this.#bucket, objectNames.slice(at, at + PAGE))).find(
        (entry) => entry?.Error,
      );
      if (failed) throw new Error(`objects could not be removed: ${JSON.stringify(failed)}`);
    }
  }

  async list(bucket: string, options: ListOptions): Promise<Listing> {
    const { prefix = '', delimiter = '', after = '', limit } = options;
    // The spelling of keys keeps no other delimiter where it is.
    if (delimiter !== '' && delimiter !== '/') return this.#rollUp(bucket, options);
    const isPrefix =
      delimiter !== '' && after.endsWith(delimiter) && after.length > prefix.length && after.startsWith(prefix);
    const startAfter = isPrefix ? `${wirePrefix(after)}${GREATEST}` : wireKey(after);
    // One more than wanted: some servers say that there is more whenever a page is full.
    const wanted = Math.min(limit, PAGE - 1);
    const { objects, prefixes, isTruncated } = await this.#page(
      bucket,
      wirePrefix(prefix),
      delimiter,
      after === '' ? '' : startAfter,
      wanted + 1,
    );
    const entries = [...objects.map(({ key }) => key), ...prefixes].sort(compareKeys);
    const kept = entries.slice(0, wanted);
    const last = kept.at(-1);
    const isKept = (key: string): boolean => last !== undefined && compareKeys(key, last) <= 0;
    return {
      objects: objects.filter(({ key }) => isKept(key)),
      prefixes: prefixes.filter(isKept),
      ...(last !== undefined && (isTruncated || entries.length > kept.length) ? { next: last } : {}),
    };
  }

  /** What the service lists, in our keys. */
  async #page(bucket: string, prefix: string, delimiter: string, startAfter: string, maxKeys: number) {
    const from = startAfter === '' ? '' : `${bucket}/${startAfter}`;
    const page = await this.#client.listObjectsV2Query(
      this.#bucket,
      `${bucket}/${prefix}`,
      '',
      delimiter,
      maxKeys,
      from,
    );
    const entries = page.objects
      .map(entryOf)
      .map(({ key, info }) => ({ key: fromWire(key.slice(bucket.length + 1)), info }));
    const objects = entries
      .flatMap(({ key, info }) => (info ? [{ key, ...info }] : []))
      .sort((a, b) => compareKeys(a.key, b.key));
    const prefixes = entries.flatMap(({ key, info }) => (info ? [] : [key])).sort(compareKeys);
    return { objects, prefixes, isTruncated: page.isTruncated };
  }

  #rollUp(bucket: string, options: ListOptions): Promise<Listing> {
    return listPage(async ({ from, isExclusive, to, limit }) => {
      const startAfter = isExclusive ? wireKey(from) : wirePrefix(from);
      const found: ObjectInfo[] = [];
      // Read full pages until there are enough: a short page means the end to the caller.
      for (let at = startAfter; ;) {
        const { objects, isTruncated } = await this.#page(bucket, wirePrefix(options.prefix ?? ''), '', at, PAGE);
        found.push(...objects.filter(({ key }) => to === undefined || compareKeys(key, to) < 0));
        const last = objects.at(-1);
        if (!isTruncated || last === undefined || found.length >= limit) return found.slice(0, limit);
        at = wireKey(last.key);
      }
    }, options);
  }

  async *#pages(bucket: string, prefix: string): AsyncGenerator<readonly ObjectInfo[]> {
    let after: string | undefined;
    do {
      const page: Listing = await this.list(bucket, { prefix, limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield page.objects;
      after = page.next;
    } while (after !== undefined);
  }

  async copy(from: Place, to: Place, headers?: ObjectHeaders): Promise<Written & { readonly modifiedAt: Date }> {
    const source = `${this.#bucket}/${this.#key(from)}`.split('/').map(encodeURIComponent).join('/');
    const directive = headers ? { 'x-amz-metadata-directive': 'REPLACE', ...wireHeaders(headers) } : {};
    const response = await this.#client
      .makeRequestAsync(
        {
          method: 'PUT',
          bucketName: this.#bucket,
          objectName: this.#key(to),
          headers: { 'x-amz-copy-source': source, ...directive },
        },
        '',
        [200],
        this.#region,
      )
      .catch((error: unknown) => {
        throw refused(error);
      });
    for await (const chunk of response) void chunk;
    const info = await this.head(to.bucket, to.key);
    if (!info) throw new StoreRefusal('NoSuchKey', `the copy ${to.key} was deleted meanwhile`);
    return { etag: info.etag, sizeBytes: info.sizeBytes, modifiedAt: info.modifiedAt };
  }

  createUpload(bucket: string, key: string, headers: ObjectHeaders): Promise<string> {
    return this.#client.initiateNewMultipartUpload(this.#bucket, this.#key({ bucket, key }), wireHeaders(headers));
  }

  putPart(upload: Upload, partNumber: number, source: ByteSource, sizeBytes: number): Promise<Written> {
    const query = `partNumber=${partNumber}&uploadId=${encodeURIComponent(upload.uploadId)}`;
    return this.#send('PUT', this.#key(upload), query, {}, source, sizeBytes);
  }

  /** The client sends no condition with a completion: it is judged right before, so writers at the same moment may both succeed. */
  async completeUpload(upload: Upload, parts: readonly PartRef[], precondition?: Precondition): Promise<Written> {
    if (precondition !== undefined) await this.#expect(upload, precondition);
    if (parts.length === 0) throw new StoreRefusal('InvalidPart', 'an upload is completed with at least one part');
    // Not every server looks at the order first, and then the answer differs.
    if (parts.some(({ partNumber }, at) => at > 0 && partNumber <= (parts[at - 1]?.partNumber ?? 0))) {
      throw new StoreRefusal('InvalidPartOrder', 'the parts are not in ascending order');
    }
    const etags = parts.map(({ partNumber, etag }) => ({ part: partNumber, etag }));
    const { etag } = await this.#client
      .completeMultipartUpload(this.#bucket, this.#key(upload), upload.uploadId, etags)
      .catch((error: unknown) => {
        throw refused(error);
      });
    const info = await this.head(upload.bucket, upload.key);
    this.#usage.delete(upload.bucket);
    return { etag: unquoted(etag), sizeBytes: info?.sizeBytes ?? 0 };
  }

  async #expect({ bucket, key }: Place, precondition: Precondition): Promise<void> {
    const info = await this.head(bucket, key);
    const holds =
      precondition === 'absent'
        ? info === undefined
        : info !== undefined && (precondition.etags === '*' || precondition.etags.includes(info.etag));
    if (!holds) throw new StoreRefusal('PreconditionFailed', 'the object is not what the writer expects it to be');
  }

  async abortUpload(upload: Upload): Promise<void> {
    await this.#client
      .abortMultipartUpload(this.#bucket, this.#key(upload), upload.uploadId)
      .catch((error: unknown) => {
        throw refused(error);
      });
  }

  async listParts(upload: Upload): Promise<readonly PartInfo[]> {
    const parts = await this.#client
      .partsOf(this.#bucket, this.#key(upload), upload.uploadId)
      .catch((error: unknown) => {
        throw refused(error);
      });
    return parts.map(({ part, etag, size, lastModified }) => ({
      partNumber: part,
      etag: unquoted(etag),
      sizeBytes: size,
      modifiedAt: lastModified ?? new Date(0),
    }));
  }

  async listUploads(bucket: string, prefix = ''): Promise<readonly UploadInfo[]> {
    const found: UploadInfo[] = [];
    let keyMarker = '';
    let uploadIdMarker = '';
    for (;;) {
      const page = await this.#client.listIncompleteUploadsQuery(
        this.#bucket,
        `${bucket}/${wirePrefix(prefix)}`,
        keyMarker,
        uploadIdMarker,
        '',
      );
      for (const { key, uploadId, initiated } of page.uploads) {
        found.push({
          uploadId: String(uploadId),
          key: fromWire(key.slice(bucket.length + 1)),
          startedAt: new Date(initiated),
        });
      }
      if (!page.isTruncated) return found;
      keyMarker = page.nextKeyMarker;
      uploadIdMarker = page.nextUploadIdMarker;
    }
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

  /** Copies each object to its target, then deletes the originals: a move that is repeated after a crash copies again what is still there. */
  async #move(
    bucket: string,
    prefix: string,
    target: (rest: string) => Promise<Place | undefined>,
  ): Promise<readonly Moved[]> {
    const moved: Moved[] = [];
    for await (const page of this.#pages(bucket, prefix)) {
      for (const { key, sizeBytes } of page) {
        const to = await target(key.slice(prefix.length));
        if (to === undefined) continue;
        await this.copy({ bucket, key }, to);
        this.#usage.delete(to.bucket);
        moved.push({ from: { bucket, key }, to, sizeBytes });
      }
      await this.deleteMany(
        bucket,
        page.map(({ key }) => key),
      );
    }
    return moved;
  }

  async deletePrefixes(bucket: string, prefixes: readonly string[]): Promise<void> {
    for (const prefix of prefixes) {
      for await (const page of this.#pages(bucket, prefix))
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
