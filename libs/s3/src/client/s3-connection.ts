import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { readRange } from '../files/read-range.js';
import { activeTraceparent } from '../node/trace.js';
import { type ListedObject, parseObjectPage, parseS3Error, uploadIdOf } from './list-xml.js';
import { EMPTY_HASH, encodeKey, encodeRfc3986, queryText, type S3Credentials, signV4 } from './sign-v4.js';

/** The storage said no. 4xx answers are final; the others were repeated before this was thrown. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(`storage answered ${status} ${code}${message === '' ? '' : `: ${message}`}`);
  }
}

interface Body {
  readonly sizeBytes: number;
  readonly hash: string;
  readonly open: () => AsyncIterable<Uint8Array>;
}
interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Body;
}

/** What clients of one storage share. */
interface Shared {
  readonly http: HttpAgent | HttpsAgent;
  /** How far the storage's clock is ahead of this machine's, as far as that mattered so far. */
  aheadMs: number;
}

/** Requests are dated, and refused when they seem a quarter of an hour old or early: when a clock was set meanwhile, the storage's holds. */
const WRONG_TIME = 'RequestTimeTooSkewed';
const TRIES = 6;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;
/** Silence on a connection after which a request counts as failed. */
const IDLE_TIMEOUT_MS = 60_000;
const MULTIPART_ABOVE_BYTES = 64 * 1_048_576;
const PART_BYTES = 64 * 1_048_576;
const MAX_PARTS = 10_000;

/** Storage with the rights of one lease. Bodies are streamed from and to files, hashed in a pass of their own before they are sent. */
export class S3Client {
  readonly #endpoint: URL;
  readonly #shared: Shared;
  readonly #onMoved: () => void;

  constructor(endpoint: string, shared?: Shared, onMoved: () => void = () => undefined) {
    this.#endpoint = new URL(endpoint);
    this.#onMoved = onMoved;
    const options = { keepAlive: true, maxSockets: 16 };
    this.#shared = shared ?? {
      http: this.#endpoint.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options),
      aheadMs: 0,
    };
  }

  /** The same storage over the same connections. @param onMoved told of every piece that came or went */
  watched(onMoved: () => void): S3Client {
    return new S3Client(this.#endpoint.href, this.#shared, onMoved);
  }

  close(): void {
    this.#shared.http.destroy();
  }

  /** All objects below a prefix, in the order of their keys. @throws S3Error */
  async *list(as: S3Credentials, bucket: string, prefix: string, signal: AbortSignal): AsyncGenerator<ListedObject> {
    let next: string | undefined;
    do {
      const query = {
        'list-type': '2',
        'encoding-type': 'url',
        prefix,
        ...(next === undefined ? {} : { 'continuation-token': next }),
      };
      const page = parseObjectPage(await this.#text(as, { method: 'GET', bucket, query }, signal));
      yield* page.objects;
      next = page.next;
    } while (next !== undefined);
  }

  /** Writes an object to a file that must not exist. @throws S3Error */
  async download(as: S3Credentials, bucket: string, key: string, file: string, signal: AbortSignal): Promise<void> {
    await this.#call(as, { method: 'GET', bucket, key }, signal, async (answer) => {
      // Every try begins anew: a half of a file is worse than none.
      await pipeline(answer, (pieces) => this.#noting(pieces), createWriteStream(file, { flags: 'w', mode: 0o644 }), {
        signal,
      });
      if (!answer.complete) throw new Error('the object ended early');
    });
  }

  /** Stores a file that is open; its size is that at the beginning. @returns bytes stored @throws S3Error */
  async upload(as: S3Credentials, bucket: string, key: string, file: FileHandle, signal: AbortSignal): Promise<number> {
    const { size } = await file.stat();
    if (size <= MULTIPART_ABOVE_BYTES) {
      const body = await bodyOf(file, 0, size);
      await this.#text(as, { method: 'PUT', bucket, key, body }, signal);
      return size;
    }
    const uploadId = uploadIdOf(await this.#text(as, { method: 'POST', bucket, key, query: { uploads: '' } }, signal));
    try {
      const partBytes = Math.max(PART_BYTES, Math.ceil(size / MAX_PARTS));
      const parts: string[] = [];
      for (let from = 0; from < size; from += partBytes) {
        const body = await bodyOf(file, from, Math.min(partBytes, size - from));
        const query = { partNumber: String(parts.length + 1), uploadId };
        const etag = await this.#call(as, { method: 'PUT', bucket, key, query, body }, signal, async (answer) => {
          await drain(answer);
          return answer.headers.etag ?? '';
        });
        parts.push(
          `<Part><PartNumber>${parts.length + 1}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag></Part>`,
        );
      }
      const list = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
      const answer = await this.#text(
        as,
        { method: 'POST', bucket, key, query: { uploadId }, body: bodyOfBytes(list) },
        signal,
      );
      // S3 may answer 200 and tell of a failure in the body.
      if (answer.includes('<Error>')) throw new S3Error(500, parseS3Error(answer).code, parseS3Error(answer).message);
      return size;
    } catch (error) {
      await this.#text(as, { method: 'DELETE', bucket, key, query: { uploadId } }, AbortSignal.timeout(5_000)).catch(
        () => undefined,
      );
      throw error;
    }
  }

  async *#noting(pieces: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const piece of pieces) {
      this.#onMoved();
      yield piece;
    }
  }

  #learnTime(date: string | undefined): void {
    const at = Date.parse(date ?? '');
    if (!Number.isNaN(at)) this.#shared.aheadMs = at - Date.now();
  }

  #text(as: S3Credentials, call: Call, signal: AbortSignal): Promise<string> {
    return this.#call(as, call, signal, drain);
  }

  async #call<T>(
    as: S3Credentials,
    call: Call,
    signal: AbortSignal,
    read: (answer: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#send(as, call, signal);
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) return await read(answer);
        const { code, message } = parseS3Error(await drain(answer));
        if (code === WRONG_TIME) this.#learnTime(answer.headers.date);
        throw new S3Error(status, code, message);
      } catch (error) {
        signal.throwIfAborted();
        const isFinal =
          error instanceof S3Error &&
          error.status < 500 &&
          error.status !== 429 &&
          error.status !== 408 &&
          error.code !== WRONG_TIME;
        if (isFinal || tries >= TRIES) throw error;
        const backoff = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (tries - 1));
        await delay(backoff * (0.5 + Math.random()), undefined, { signal });
      }
    }
  }

  #send(
    as: S3Credentials,
    { method, bucket, key, query = {}, body }: Call,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const base = this.#endpoint.pathname.replace(/\/$/, '');
    const path = `${base}/${encodeRfc3986(bucket)}${key === undefined ? '' : `/${encodeKey(key)}`}`;
    const payloadHash = body?.hash ?? EMPTY_HASH;
    const traceparent = activeTraceparent();
    const headers = signV4(
      { method, host: this.#endpoint.host, path, query, payloadHash },
      as,
      new Date(Date.now() + this.#shared.aheadMs),
    );
    const text = queryText(query);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = this.#endpoint.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      {
        agent: this.#shared.http,
        method,
        host: this.#endpoint.hostname,
        port: this.#endpoint.port,
        path: text === '' ? path : `${path}?${text}`,
        headers: {
          ...headers,
          ...(traceparent === undefined ? {} : { traceparent }),
          ...(body || method === 'POST' ? { 'content-length': body?.sizeBytes ?? 0 } : {}),
        },
        signal,
      },
      resolve,
    );
    request.setTimeout(IDLE_TIMEOUT_MS, () => request.destroy(new Error('the storage does not answer')));
    request.on('error', reject);
    if (body && body.sizeBytes > 0) pipeline(this.#noting(exactly(body)), request).catch(reject);
    else request.end();
    return promise;
  }
}

/** A file that shrank must break the request: the storage would wait for the rest. */
async function* exactly({ sizeBytes, open }: Body): AsyncGenerator<Uint8Array> {
  let left = sizeBytes;
  for await (const chunk of open()) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new Error('the file shrank while it was sent');
}

const drain = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};

async function* justOne(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const bodyOfBytes = (bytes: Buffer): Body => ({
  sizeBytes: bytes.length,
  hash: createHash('sha256').update(bytes).digest('hex'),
  open: () => justOne(bytes),
});

/** A range of an open file. A file that changes between hashing and sending is refused by the storage, never stored half new. */
const bodyOf = async (file: FileHandle, from: number, sizeBytes: number): Promise<Body> => {
  const open = (): AsyncGenerator<Buffer> => readRange(file, from, sizeBytes);
  const hash = createHash('sha256');
  for await (const chunk of open()) hash.update(chunk);
  return { sizeBytes, hash: hash.digest('hex'), open };
};
