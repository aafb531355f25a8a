import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { buffer, text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeRfc3986, sha256Hex, signRequest, UNSIGNED_PAYLOAD, type S3Keys } from './sigv4.js';
import { S3Error } from './s3-error.js';
import { elements, textOf } from './xml.js';

export interface S3ClientOptions extends S3Keys {
  /** Base URL of the S3 service; buckets are addressed by path. */
  readonly endpoint: string;
  readonly region?: string;
}

export interface S3Object {
  readonly key: string;
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: string;
}

/** A stream and its exact length: needed, because S3 wants the length first. */
export interface StreamBody {
  readonly stream: Readable;
  readonly sizeBytes: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

interface Call extends CallOptions {
  readonly method: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | StreamBody | undefined;
}

const isStreamBody = (body: Uint8Array | StreamBody): body is StreamBody => 'stream' in body;

/**
 * A small S3 client: what the platform's own programs need. Bodies are streamed. Errors of the service are S3Error; those of the
 * network are Node's. Nothing is retried here.
 */
export class S3Client {
  private readonly base: URL;
  private readonly transport: typeof http | typeof https;
  private readonly agent: http.Agent;

  constructor(private readonly options: S3ClientOptions) {
    this.base = new URL(options.endpoint);
    this.transport = this.base.protocol === 'https:' ? https : http;
    this.agent = new this.transport.Agent({ keepAlive: true });
  }

  /** Safe to repeat for the owner of the bucket. */
  async createBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.discard({ method: 'PUT', bucket, ...options });
  }

  async deleteBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.discard({ method: 'DELETE', bucket, ...options });
  }

  async listBuckets(options: CallOptions = {}): Promise<readonly string[]> {
    const xml = await text(await this.send({ method: 'GET', ...options }));
    return elements(xml, 'Bucket').flatMap((bucket) => textOf(bucket, 'Name') ?? []);
  }

  /** @returns the ETag, without quotes */
  async putObject(
    bucket: string,
    key: string,
    body: string | Uint8Array | StreamBody,
    options: CallOptions & { readonly contentType?: string } = {},
  ): Promise<string> {
    const response = await this.send({
      method: 'PUT',
      bucket,
      key,
      body: typeof body === 'string' ? Buffer.from(body, 'utf8') : body,
      headers: { 'content-type': options.contentType ?? 'application/octet-stream' },
      signal: options.signal,
    });
    await text(response);
    return unquoted(response.headers.etag ?? '');
  }

  /** Uploads a file as it is now. @returns its size in bytes and the ETag */
  async putFile(
    bucket: string,
    key: string,
    path: string,
    options: CallOptions = {},
  ): Promise<{ readonly sizeBytes: number; readonly etag: string }> {
    const { size } = await stat(path);
    // A file that grows meanwhile is uploaded as long as it was.
    const body = size === 0 ? new Uint8Array() : { stream: createReadStream(path, { end: size - 1 }), sizeBytes: size };
    return { sizeBytes: size, etag: await this.putObject(bucket, key, body, options) };
  }

  /** The object as a stream: read it to the end or destroy it. @throws S3Error NoSuchKey */
  async getObject(bucket: string, key: string, options: CallOptions = {}): Promise<Readable> {
    return this.send({ method: 'GET', bucket, key, ...options });
  }

  async getBytes(bucket: string, key: string, options: CallOptions = {}): Promise<Buffer> {
    return buffer(await this.getObject(bucket, key, options));
  }

  /** Writes the object to a stream, e.g. a file's. */
  async download(bucket: string, key: string, to: NodeJS.WritableStream, options: CallOptions = {}): Promise<void> {
    await pipeline(await this.getObject(bucket, key, options), to);
  }

  /** Size and ETag; undefined when there is no such object. */
  async headObject(
    bucket: string,
    key: string,
    options: CallOptions = {},
  ): Promise<{ readonly sizeBytes: number; readonly etag: string } | undefined> {
    try {
      const response = await this.send({ method: 'HEAD', bucket, key, ...options });
      response.resume();
      return {
        sizeBytes: Number(response.headers['content-length'] ?? 0),
        etag: unquoted(response.headers.etag ?? ''),
      };
    } catch (error) {
      if (error instanceof S3Error && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Every object below a prefix, by key; all pages. */
  async listObjects(bucket: string, prefix = '', options: CallOptions = {}): Promise<readonly S3Object[]> {
    const objects: S3Object[] = [];
    for (let token: string | undefined = ''; token !== undefined;) {
      const more: Readonly<Record<string, string>> = token === '' ? {} : { 'continuation-token': token };
      const xml: string = await text(
        await this.send({ method: 'GET', bucket, query: { 'list-type': '2', prefix, ...more }, ...options }),
      );
      objects.push(...elements(xml, 'Contents').map(objectOf));
      token = textOf(xml, 'IsTruncated') === 'true' ? textOf(xml, 'NextContinuationToken') : undefined;
    }
    return objects;
  }

  async deleteObject(bucket: string, key: string, options: CallOptions = {}): Promise<void> {
    await this.discard({ method: 'DELETE', bucket, key, ...options });
  }

  /** Lets go of idle connections. */
  close(): void {
    this.agent.destroy();
  }

  private async discard(call: Call): Promise<void> {
    await text(await this.send(call));
  }

  private urlOf({ bucket, key, query }: Call): URL {
    const parts = [bucket, ...(key ?? '').split('/')].flatMap((part) =>
      part === undefined ? [] : [encodeRfc3986(part)],
    );
    const url = new URL(this.base);
    url.pathname = `/${(bucket === undefined ? [] : key === undefined ? [encodeRfc3986(bucket)] : parts).join('/')}`;
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    url.search = url.search.replaceAll('+', '%20');
    return url;
  }

  private async send(call: Call): Promise<http.IncomingMessage> {
    const { method, body = new Uint8Array(), signal } = call;
    const url = this.urlOf(call);
    const isStream = isStreamBody(body);
    const length = isStream ? body.sizeBytes : body.length;
    const headers = signRequest(this.options, {
      method,
      url,
      payloadHash: isStream ? UNSIGNED_PAYLOAD : sha256Hex(body),
      at: new Date(),
      ...(call.headers ? { headers: call.headers } : {}),
      ...(this.options.region === undefined ? {} : { region: this.options.region }),
    });
    const withLength =
      method === 'PUT' || method === 'POST' ? { ...headers, 'content-length': String(length) } : headers;
    const request = this.transport.request(url, {
      method,
      agent: this.agent,
      headers: withLength,
      ...(signal ? { signal } : {}),
    });
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    // An early answer (a refusal) may end the upload: what counts is the answer, so a broken pipe alone is no news.
    if (isStream) pipeline(body.stream, request).catch((error: Error) => request.destroy(error));
    else request.end(body);
    const response = await answered;
    if ((response.statusCode ?? 0) < 300) return response;
    const xml = await text(response);
    const status = response.statusCode ?? 0;
    throw new S3Error(
      status,
      textOf(xml, 'Code') ?? `Http${status}`,
      textOf(xml, 'Message') ?? `${method} ${url.pathname}: HTTP ${status}`,
    );
  }
}

const unquoted = (etag: string): string => etag.replace(/^"|"$/g, '');

const objectOf = (xml: string): S3Object => ({
  key: textOf(xml, 'Key') ?? '',
  sizeBytes: Number(textOf(xml, 'Size') ?? 0),
  etag: unquoted(textOf(xml, 'ETag') ?? ''),
  lastModified: textOf(xml, 'LastModified') ?? '',
});
