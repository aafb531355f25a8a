import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isExecutable, MODE_HEADER, rightsIn } from '../protocol/file-mode.js';
import { S3Error } from '../protocol/s3-error.js';
import type { S3Keys } from '../signature/sign-request.js';
import { xmlDocument } from '../protocol/xml.js';
import { type S3Object, parseBuckets, parseError, parseObjectPage, unquoted, uploadIdOf } from './answers.js';
import { type StreamBody, bodyOfBytes, bodyOfFile, bodyOfStream, counted } from './body.js';
import { type FileFacts, type SentRange, assertUnchanged, asFileChanged, isUntouched } from './file-changed.js';
import { type S3Call, S3Connection, type S3ConnectionOptions, noting } from './s3-connection.js';
import { writesOver } from './writes-over.js';

/** Keys and a connection: one that others use with keys of theirs, or one of its own. */
export type S3ClientOptions = S3Keys &
  (S3ConnectionOptions | { readonly connection: S3Connection; readonly onMoved?: () => void });

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of an object: `length` from `start`, or to the end. */
export interface ReadOptions extends CallOptions {
  readonly start?: number;
  readonly length?: number;
  /** ETag, without quotes, that the object must still have. */
  readonly ifMatch?: string;
}

/** An object that is being read. */
export interface ObjectContent {
  /** To be read; it fails when the object ends early. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether its metadata says that its file may be executed. */
  readonly isExecutable: boolean;
  /** Rights of its file as its metadata says them, e.g. 0o644; undefined where it says none. */
  readonly mode: number | undefined;
}

export interface UploadOptions extends CallOptions {
  /** Kept with the object, e.g. `x-amz-meta-mode`; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told the SHA-256 of all that was stored, in hex. */
  readonly onHash?: (sha256: string) => void;
  /** Told of bytes as they leave; those of a request that is repeated, again. */
  readonly onBytes?: (bytes: number) => void;
  /** How many bytes from the beginning are stored; default all that it has when this begins. */
  readonly sizeBytes?: number;
  /** Whether programs may write to it meanwhile, or have it in their memory: what they write there does not show in its times. */
  readonly isLive?: boolean;
}

interface ObjectPlace {
  readonly bucket: string;
  readonly key: string;
}

/** A file as an upload in parts found it. */
interface OpenFile {
  readonly file: FileHandle;
  readonly size: number;
  readonly facts: FileFacts;
}

const MULTIPART_ABOVE_BYTES = 64 * 1_048_576;
const PART_BYTES = 64 * 1_048_576;
const MAX_PARTS = 10_000;
const ABORT_TIMEOUT_MS = 5_000;

/**
 * The S3 client of the platform's own programs. Bodies are streamed, those of files from and to the disk. The storage's "no" is an S3Error;
 * errors of the network are Node's.
 */
export class S3Client {
  readonly #keys: S3Keys;
  readonly #connection: S3Connection;
  readonly #onMoved: (() => void) | undefined;

  constructor(options: S3ClientOptions) {
    this.#keys = options;
    this.#connection = 'connection' in options ? options.connection : new S3Connection(options);
    this.#onMoved = 'connection' in options ? options.onMoved : undefined;
  }

  /** Ends the connections, a shared one's too. */
  close(): void {
    this.#connection.close();
  }

  /** Safe to repeat for the owner of the bucket. */
  async createBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#text({ method: 'PUT', bucket, ...options });
  }

  async deleteBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#text({ method: 'DELETE', bucket, ...options });
  }

  async listBuckets(options: CallOptions = {}): Promise<readonly string[]> {
    return parseBuckets(await this.#text({ method: 'GET', ...options }));
  }

  /** @returns the ETag, without quotes */
  putObject(
    bucket: string,
    key: string,
    content: string | Uint8Array | StreamBody,
    {
      contentType = 'application/octet-stream',
      headers = {},
      signal,
    }: CallOptions & { readonly contentType?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    const body = 'stream' in bytes ? bodyOfStream(bytes) : bodyOfBytes(bytes);
    return this.#etag({
      method: 'PUT',
      bucket,
      key,
      body,
      headers: { ...headers, 'content-type': contentType },
      signal,
    });
  }

  /** Sends a request of this platform's own about a bucket, with a body that is in memory. @returns what it answers @throws S3Error */
  post(bucket: string, query: string, bytes: Uint8Array, { signal }: CallOptions = {}): Promise<string> {
    return this.#text({ method: 'POST', bucket, query: { [query]: '' }, body: bodyOfBytes(bytes), signal });
  }

  /** Uploads a file of this machine. @returns bytes stored */
  async putFile(bucket: string, key: string, path: string, options: CallOptions = {}): Promise<number> {
    const file = await open(path);
    try {
      return await this.upload(bucket, key, file, options);
    } finally {
      await file.close();
    }
  }

  /**
   * Stores a file that is open, in parts when it is large: the bytes that it has at one moment, or nothing.
   * @returns bytes stored
   * @throws FileChanged others wrote to it meanwhile @throws S3Error
   */
  async upload(bucket: string, key: string, file: FileHandle, options: UploadOptions = {}): Promise<number> {
    const facts = await file.stat();
    const size = options.sizeBytes ?? facts.size;
    try {
      await (size <= MULTIPART_ABOVE_BYTES
        ? this.#uploadWhole({ bucket, key }, { file, size }, options)
        : this.#uploadParts({ bucket, key }, { file, size, facts }, options));
    } catch (error) {
      throw asFileChanged(error);
    }
    return size;
  }

  async #uploadWhole(
    place: ObjectPlace,
    { file, size }: Pick<OpenFile, 'file' | 'size'>,
    { signal, headers = {}, onHash, onBytes, isLive = false }: UploadOptions,
  ): Promise<void> {
    const body = counted(await bodyOfFile(file, 0, size), onBytes);
    // What was half written when it was hashed is whole, and so another, when it is sent.
    if (isLive) await writesOver(file, signal);
    await this.#text({ method: 'PUT', ...place, headers, body, signal });
    onHash?.(body.hash);
  }

  async #uploadParts(
    place: ObjectPlace,
    { file, size, facts }: OpenFile,
    { signal, headers = {}, onHash, onBytes, isLive = false }: UploadOptions,
  ): Promise<void> {
    const whole = onHash && createHash('sha256');
    const begin = { method: 'POST', ...place, headers, query: { uploads: '' }, signal } as const;
    const uploadId = uploadIdOf(await this.#text(begin));
    try {
      const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
      const parts: { PartNumber: number; ETag: string }[] = [];
      const sent: SentRange[] = [];
      for (let from = 0; from < size; from += partBytes) {
        const sizeBytes = Math.min(partBytes, size - from);
        const body = counted(await bodyOfFile(file, from, sizeBytes, whole), onBytes);
        const query = { partNumber: String(parts.length + 1), uploadId };
        const etag = await this.#etag({ method: 'PUT', ...place, query, body, signal });
        parts.push({ PartNumber: parts.length + 1, ETag: `"${etag}"` });
        sent.push({ from, sizeBytes, hash: body.hash });
      }
      // Each part is what it was when it was sent; together they may be what the file never was.
      if (isLive) await writesOver(file, signal);
      if (isLive || !isUntouched(facts, await file.stat())) await assertUnchanged(file, sent, signal);
      const body = bodyOfBytes(Buffer.from(xmlDocument('CompleteMultipartUpload', { Part: parts })));
      const failed = parseError(await this.#text({ method: 'POST', ...place, query: { uploadId }, body, signal }));
      // S3 may answer 200 and tell of a failure in the body.
      if (failed) throw new S3Error(500, failed.code, `storage answered ${failed.code}: ${failed.message}`);
      if (whole) onHash(whole.digest('hex'));
    } catch (error) {
      const ending = AbortSignal.timeout(ABORT_TIMEOUT_MS);
      await this.#text({ method: 'DELETE', ...place, query: { uploadId }, signal: ending }).catch(() => undefined);
      throw error;
    }
  }

  /** The object as a stream: read it to the end or destroy it. @throws S3Error NoSuchKey */
  getObject(bucket: string, key: string, { start, length, signal }: ReadOptions = {}): Promise<Readable> {
    return this.#call(
      { method: 'GET', bucket, key, headers: rangeHeader(start, length), signal },
      async (answer) => answer,
    );
  }

  /** As `getObject`, with what its metadata says. */
  readObject(
    bucket: string,
    key: string,
    { start, length, ifMatch, signal }: ReadOptions = {},
  ): Promise<ObjectContent> {
    const headers = { ...rangeHeader(start, length), ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }) };
    return this.#call({ method: 'GET', bucket, key, headers, signal }, async (answer) => ({
      body: noting<Uint8Array>(answer, this.#onMoved),
      isExecutable: isExecutable(answer.headers[MODE_HEADER]?.toString()),
      mode: rightsIn(answer.headers[MODE_HEADER]?.toString()),
    }));
  }

  /** @throws S3Error NoSuchKey */
  getBytes(bucket: string, key: string, { start, length, signal }: ReadOptions = {}): Promise<Buffer> {
    return this.#call({ method: 'GET', bucket, key, headers: rangeHeader(start, length), signal }, buffer);
  }

  /** Writes an object to a file that must not exist. @throws S3Error */
  async download(bucket: string, key: string, file: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#call({ method: 'GET', bucket, key, signal }, async (answer) => {
      // Every try begins anew: a half of a file is worse than none.
      const to = createWriteStream(file, { flags: 'w', mode: 0o644 });
      await pipeline(answer, (pieces) => noting(pieces, this.#onMoved), to, signal ? { signal } : {});
      if (!answer.complete) throw new Error('the object ended early');
    });
  }

  /** Size, ETag and rights of its file, if its metadata says them; undefined when there is no such object. */
  async headObject(
    bucket: string,
    key: string,
    options: CallOptions = {},
  ): Promise<{ readonly sizeBytes: number; readonly etag: string; readonly mode: number | undefined } | undefined> {
    try {
      return await this.#call({ method: 'HEAD', bucket, key, ...options }, async (answer) => {
        answer.resume();
        const { etag, 'content-length': length } = answer.headers;
        const mode = rightsIn(answer.headers[MODE_HEADER]?.toString());
        return { sizeBytes: Number(length ?? 0), etag: unquoted(etag), mode };
      });
    } catch (error) {
      if (error instanceof S3Error && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Objects below a prefix as the pages come, in the order of their keys. @throws S3Error */
  async *list(bucket: string, prefix = '', options: CallOptions = {}): AsyncGenerator<S3Object> {
    let next: string | undefined;
    do {
      const token: Readonly<Record<string, string>> = next === undefined ? {} : { 'continuation-token': next };
      const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...token };
      const page = parseObjectPage(await this.#text({ method: 'GET', bucket, query, ...options }));
      yield* page.objects;
      next = page.next;
    } while (next !== undefined);
  }

  /** Every object below a prefix, by key. */
  listObjects(bucket: string, prefix = '', options: CallOptions = {}): Promise<readonly S3Object[]> {
    return Array.fromAsync(this.list(bucket, prefix, options));
  }

  /** A missing object is no error. */
  async deleteObject(bucket: string, key: string, options: CallOptions = {}): Promise<void> {
    await this.#text({ method: 'DELETE', bucket, key, ...options });
  }

  #call<T>(call: S3Call, read: (answer: IncomingMessage) => Promise<T>): Promise<T> {
    return this.#connection.call(this.#keys, { ...call, onMoved: this.#onMoved }, read);
  }

  #text(call: S3Call): Promise<string> {
    return this.#call(call, text);
  }

  #etag(call: S3Call): Promise<string> {
    return this.#call(call, async (answer) => {
      await text(answer);
      return unquoted(answer.headers.etag);
    });
  }
}

const rangeHeader = (start: number | undefined, length: number | undefined): Readonly<Record<string, string>> => {
  if (start === undefined && length === undefined) return {};
  const from = start ?? 0;
  return { range: `bytes=${from}-${length === undefined ? '' : from + length - 1}` };
};
