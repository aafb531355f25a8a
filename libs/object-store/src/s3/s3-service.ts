import { Readable } from 'node:stream';
import { Client } from 'minio';
import { assertKeyFits } from '../port/keys.js';
import { type ByteSource, type Place, MAX_KEY_BYTES } from '../port/object-store.js';
import { isMissing, refused, unquoted } from './answers.js';
import { heldBack, wholeOf } from './held-back.js';
import { signingTransport } from './signing-transport.js';
import { wireKey } from './wire-keys.js';

export interface S3StoreOptions {
  /** Base address of the service, e.g. `http://127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** The one bucket of the service that holds everything. */
  readonly bucket: string;
  /** Most bytes that the service copies in one request; default 5 GiB, which is S3's. */
  readonly mostCopyBytes?: number;
}

/** Most keys that S3 lists or deletes at once. */
export const PAGE = 1_000;
/** Up to so many bytes of content go with the head of their request, in one write. */
const SENT_AT_ONCE_BYTES = 64 * 1024;

/** Reaches what the client keeps to its subclasses. */
class S3Client extends Client {
  partsOf(bucket: string, key: string, uploadId: string) {
    return this.listParts(bucket, key, uploadId);
  }
}

/** The S3 service, and the one bucket of it that holds everything of ours. */
export class S3Service {
  readonly client: S3Client;
  readonly bucket: string;
  readonly region: string;

  constructor(options: S3StoreOptions) {
    const { hostname, port, protocol } = new URL(options.endpoint);
    this.bucket = options.bucket;
    this.region = options.region ?? 'us-east-1';
    this.client = new S3Client({
      endPoint: hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      useSSL: protocol === 'https:',
      // It has no keys: what it sends is signed on its way.
      transport: signingTransport(protocol, options, this.region),
      region: this.region,
      pathStyle: true,
      retryOptions: { disableRetry: true }, // a payload is read once; callers repeat
    });
  }

  /** Makes the bucket when it is missing. */
  async makeBucket(): Promise<void> {
    if (!(await this.client.bucketExists(this.bucket))) await this.client.makeBucket(this.bucket, this.region);
  }

  /** How an object of ours is named there. @throws StoreRefusal KeyTooLong */
  key({ bucket, key }: Place): string {
    const physical = `${bucket}/${wireKey(key)}`;
    assertKeyFits(physical, MAX_KEY_BYTES);
    return physical;
  }

  /** Sends content. */
  async send(
    method: string,
    objectName: string,
    query: string,
    headers: Record<string, string>,
    source: ByteSource,
    sizeBytes: number,
  ) {
    const body =
      sizeBytes <= SENT_AT_ONCE_BYTES
        ? await wholeOf(source, sizeBytes)
        : Readable.from(heldBack(source, sizeBytes), { objectMode: false });
    const response = await this.client
      .makeRequestStreamAsync(
        {
          method,
          bucketName: this.bucket,
          objectName,
          query,
          headers: { ...headers, 'content-length': String(sizeBytes) },
        },
        body,
        '',
        [200],
        this.region,
      )
      .catch((error: unknown) => {
        throw (body instanceof Readable ? body.errored : null) ?? refused(error);
      });
    response.resume();
    return { etag: unquoted(response.headers.etag), sizeBytes };
  }

  /** The answer to a HEAD; undefined when there is no such object. */
  async headers(objectName: string) {
    const response = await this.#found('HEAD', objectName);
    response?.resume();
    return response;
  }

  /** The answer to a GET of all of an object, to be read or destroyed; undefined when there is none. */
  async open(objectName: string) {
    const response = await this.#found('GET', objectName);
    // Nobody reads where there is nothing to read.
    if (response?.headers['content-length'] === '0') response.resume();
    return response;
  }

  #found(method: 'GET' | 'HEAD', objectName: string) {
    return this.client
      .makeRequestAsync(
        { method, bucketName: this.bucket, objectName, headers: { 'x-amz-checksum-mode': 'ENABLED' } },
        '',
        [200],
        this.region,
      )
      .catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw refused(error);
      });
  }

  /** The answer to a GET, to be read or destroyed. */
  read(objectName: string, headers: Record<string, string>) {
    return this.client.makeRequestAsync(
      { method: 'GET', bucketName: this.bucket, objectName, headers },
      '',
      [200, 206],
      this.region,
    );
  }

  /** @throws StoreRefusal PreconditionFailed the service has another object there now */
  async removeOne(objectName: string, etag: string): Promise<void> {
    const response = await this.client
      .makeRequestAsync(
        { method: 'DELETE', bucketName: this.bucket, objectName, headers: { 'if-match': `"${etag}"` } },
        '',
        [200, 204],
        this.region,
      )
      .catch((error: unknown) => {
        throw refused(error);
      });
    response.resume();
  }

  async remove(objectNames: readonly string[]): Promise<void> {
    for (let at = 0; at < objectNames.length; at += PAGE) {
      const failed = (await this.client.removeObjects(this.bucket, objectNames.slice(at, at + PAGE))).find(
        (entry) => entry?.Error,
      );
      if (failed) throw new Error(`objects could not be removed: ${JSON.stringify(failed)}`);
    }
  }
}
