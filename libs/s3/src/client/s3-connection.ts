import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { delay } from '@fornax/base/time';
import { S3Error } from '../protocol/s3-error.js';
import { type S3Keys, signRequest } from '../signature/sign-request.js';
import { EMPTY_SHA256, canonicalQuery, encodePath, uriEncode } from '../signature/sigv4.js';
import { parseError } from './answers.js';
import { type Body, exactly } from './body.js';
import { FileChanged } from './file-changed.js';
import { retryPauseMs } from './retry-pause.js';

export interface S3ConnectionOptions {
  /** Base URL of the S3 service; buckets are addressed by path. */
  readonly endpoint: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** How often a request is tried at most when the storage cannot be reached, is busy or fails; default 1. */
  readonly tries?: number;
  /** Silence on a connection after which a request has failed, in milliseconds; default a minute. It is repeated once at most: who waits is to be told. */
  readonly silenceMs?: number;
  /** Connections at most at a time; default any number. */
  readonly maxConnections?: number;
  /** W3C `traceparent` to send along, asked for at each request. */
  readonly traceparent?: () => string | undefined;
  /** This machine's time of day in milliseconds. */
  readonly now?: () => number;
}

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket?: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Signed with the rest; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal?: AbortSignal | undefined;
  /** Told of every piece of the body that leaves. */
  readonly onMoved?: (() => void) | undefined;
}

/** Requests are dated, and refused when they seem a quarter of an hour old or early: when a clock was set meanwhile, the storage's holds. */
const WRONG_TIME = 'RequestTimeTooSkewed';
const SILENCE_MS = 60_000;
const MOST_SILENCES = 2;
const SLICE_BYTES = 262_144;

class StorageSilent extends Error {
  constructor() {
    super('the storage does not answer');
  }
}

const isFinal = (error: unknown): boolean =>
  // The same body would be sent again, with the digest of what the file was.
  error instanceof FileChanged ||
  (error instanceof S3Error &&
    // 501: it does not know how, and will not have learned it at the next try.
    (error.status < 500 || error.status === 501) &&
    error.status !== 429 &&
    error.status !== 408 &&
    error.code !== WRONG_TIME);

/** Connections to one S3 service, for any keys: signs requests, sends them and repeats those that failed. Bodies are streamed. */
export class S3Connection {
  readonly #endpoint: URL;
  readonly #http: HttpAgent | HttpsAgent;
  readonly #now: () => number;
  /** How far the storage's clock is ahead of this machine's, as far as that mattered so far. */
  #aheadMs = 0;

  constructor(private readonly options: S3ConnectionOptions) {
    this.#endpoint = new URL(options.endpoint);
    this.#now = options.now ?? Date.now;
    const sockets = { keepAlive: true, ...(options.maxConnections ? { maxSockets: options.maxConnections } : {}) };
    this.#http = this.#endpoint.protocol === 'https:' ? new HttpsAgent(sockets) : new HttpAgent(sockets);
  }

  /** Ends all connections. */
  close(): void {
    this.#http.destroy();
  }

  /**
   * Sends a request and hands a good answer to `read`; what `read` throws counts as a failure of the request.
   * @throws S3Error the storage said no: 4xx answers are final, the others were repeated before this was thrown
   */
  async call<T>(keys: S3Keys, call: S3Call, read: (answer: IncomingMessage) => Promise<T>): Promise<T> {
    const { signal, body } = call;
    const most = body?.isRepeatable === false ? 1 : (this.options.tries ?? 1);
    let silences = 0;
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.#send(keys, call);
        const status = answer.statusCode ?? 0;
        if (status >= 200 && status < 300) return await read(answer);
        throw this.#refusalOf(call, answer, await text(answer));
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof StorageSilent) silences += 1;
        if (isFinal(error) || tries >= most || silences >= MOST_SILENCES) throw error;
        await delay(retryPauseMs(tries), signal);
        signal?.throwIfAborted();
      }
    }
  }

  #refusalOf({ method, bucket = '' }: S3Call, { statusCode = 0, headers }: IncomingMessage, xml: string): S3Error {
    const { code, message } = parseError(xml) ?? { code: `Http${statusCode}`, message: `${method} of ${bucket}` };
    if (code === WRONG_TIME) this.#learnTime(headers.date);
    return new S3Error(
      statusCode,
      code,
      `storage answered ${statusCode} ${code}${message === '' ? '' : `: ${message}`}`,
    );
  }

  #learnTime(date: string | undefined): void {
    const at = Date.parse(date ?? '');
    if (!Number.isNaN(at)) this.#aheadMs = at - this.#now();
  }

  #pathOf({ bucket, key }: S3Call): string {
    const base = this.#endpoint.pathname.replace(/\/$/, '');
    if (bucket === undefined) return `${base}/`;
    return `${base}/${uriEncode(bucket)}${key === undefined ? '' : `/${encodePath(key)}`}`;
  }

  #send(keys: S3Keys, call: S3Call): Promise<IncomingMessage> {
    const { method, query = {}, body, headers, signal, onMoved } = call;
    const path = this.#pathOf(call);
    const pairs = Object.entries(query);
    const traceparent = this.options.traceparent?.();
    const signed = signRequest(keys, {
      method,
      host: this.#endpoint.host,
      path,
      query: pairs,
      ...(headers ? { headers } : {}),
      payloadHash: body?.hash ?? EMPTY_SHA256,
      at: this.#now() + this.#aheadMs,
      ...(this.options.region === undefined ? {} : { region: this.options.region }),
    });
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = this.#endpoint.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      {
        agent: this.#http,
        method,
        host: this.#endpoint.hostname,
        port: this.#endpoint.port,
        path: pairs.length === 0 ? path : `${path}?${canonicalQuery(pairs)}`,
        headers: {
          ...signed,
          ...(traceparent === undefined ? {} : { traceparent }),
          ...(body || method === 'POST' || method === 'PUT' ? { 'content-length': body?.sizeBytes ?? 0 } : {}),
        },
        ...(signal ? { signal } : {}),
      },
      resolve,
    );
    const moved = breakWhenSilent(request, this.options.silenceMs ?? SILENCE_MS);
    request.on('error', reject);
    const told = (): void => {
      moved();
      onMoved?.();
    };
    if (body && body.sizeBytes > 0) pipeline(noting(sliced(exactly(body)), told), request).catch(reject);
    else request.end();
    return promise;
  }
}

/**
 * Breaks a request when nothing moves on its connection for that long. While it is sent, that is told from the pieces that leave: the timeout of a
 * socket waits twice as long when a write is under way. @returns to be called with every piece
 */
const breakWhenSilent = (request: ClientRequest, silenceMs: number): (() => void) => {
  const end = (): unknown => request.destroy(new StorageSilent());
  let timer: NodeJS.Timeout | undefined;
  // Not while it waits for a connection.
  request.once('socket', () => {
    if (!request.destroyed) timer = setTimeout(end, silenceMs).unref();
  });
  request.once('response', () => {
    clearTimeout(timer);
    request.setTimeout(silenceMs, end);
  });
  request.once('close', () => clearTimeout(timer));
  return () => timer?.refresh();
};

/** The same bytes in pieces of which each shows that the connection moves, on a slow line too. */
async function* sliced(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; at += SLICE_BYTES) yield piece.subarray(at, at + SLICE_BYTES);
}

/** The same pieces, told of as they pass. */
export async function* noting<T>(pieces: AsyncIterable<T>, onMoved: (() => void) | undefined): AsyncGenerator<T> {
  for await (const piece of pieces) {
    onMoved?.();
    yield piece;
  }
}
