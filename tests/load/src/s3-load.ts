import { Agent, type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EMPTY_SHA256, type S3Keys, UNSIGNED_PAYLOAD, sha256Hex, signRequest } from '@fornax/s3';

/** A body that is sent many times, hashed once: the load generator must cost less than what it measures. */
export interface Payload {
  readonly bytes: Buffer;
  readonly hash: string;
}

export const payloadOf = (bytes: Buffer): Payload => ({ bytes, hash: sha256Hex(bytes) });

/** An S3 server to measure. */
export interface S3Server {
  readonly url: string;
  readonly keys: S3Keys;
}

/** As over the wire, in the order of its names. */
type Query = readonly (readonly [string, string])[];

/** A body that is made while it is sent, signed without its hash. */
interface Flow {
  readonly source: Iterable<Buffer>;
  readonly sizeBytes: number;
}

interface Sent {
  readonly payload?: Payload;
  readonly flow?: Flow;
  readonly query?: Query;
}

interface Answer {
  readonly bytes: number;
  readonly etag: string;
  /** Of a small answer. */
  readonly text: string;
}

/** Texts of answers are documents. */
const MAX_TEXT = 64 * 1024;
/** What a flow hands over at once. */
const PIECE_BYTES = 256 * 1024;

function* repeated(bytes: Buffer, times: number): Generator<Buffer> {
  for (let time = 0; time < times; time += 1)
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

/** Requests to one bucket of an S3 server, signed in their headers with the hash of the payload, over connections that are kept. */
export class S3Load {
  readonly #agent: Agent;
  readonly #url: URL;

  constructor(
    private readonly server: S3Server,
    private readonly bucket: string,
    connections: number,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = new URL(server.url);
  }

  /** Makes the bucket. */
  async open(): Promise<void> {
    await this.#send('PUT', '');
  }

  async put(key: string, payload: Payload): Promise<void> {
    await this.#send('PUT', `/${key}`, { payload });
  }

  /** Puts some bytes, so many times one after another, as one object that nobody ever has whole. */
  async putRepeated(key: string, bytes: Buffer, times: number): Promise<void> {
    const flow = { source: repeated(bytes, times), sizeBytes: bytes.byteLength * times };
    await this.#send('PUT', `/${key}`, { flow });
  }

  /** Uploads one part so many times as one object. */
  async putInParts(key: string, payload: Payload, times: number): Promise<void> {
    const begun = await this.#send('POST', `/${key}`, { query: [['uploads', '']] });
    const uploadId = /<UploadId>([^<]+)</.exec(begun.text)?.[1] ?? '';
    const parts: string[] = [];
    for (let number = 1; number <= times; number += 1) {
      const query: Query = [
        ['partNumber', String(number)],
        ['uploadId', uploadId],
      ];
      const { etag } = await this.#send('PUT', `/${key}`, { payload, query });
      parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`);
    }
    const document = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    await this.#send('POST', `/${key}`, { payload: payloadOf(document), query: [['uploadId', uploadId]] });
  }

  async delete(key: string): Promise<void> {
    await this.#send('DELETE', `/${key}`);
  }

  /** Reads an object to its end. @returns its bytes' number */
  async get(key: string): Promise<number> {
    return (await this.#send('GET', `/${key}`)).bytes;
  }

  async list(query: Query): Promise<void> {
    await this.#send('GET', '', { query });
  }

  async #send(method: string, place: string, { payload, flow, query = [] }: Sent = {}): Promise<Answer> {
    const path = `/${this.bucket}${place}`;
    const headers = signRequest(this.server.keys, {
      method,
      host: this.#url.host,
      path,
      query,
      payloadHash: flow ? UNSIGNED_PAYLOAD : (payload?.hash ?? EMPTY_SHA256),
      at: Date.now(),
    });
    const text = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
    const answered = Promise.withResolvers<Answer>();
    const sent = request(
      {
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path: text === '' ? path : `${path}?${text}`,
        headers: { ...headers, 'content-length': flow?.sizeBytes ?? payload?.bytes.byteLength ?? 0 },
      },
      (answer) => void this.#drain(`${method} ${path}`, answer).then(answered.resolve, answered.reject),
    );
    sent.on('error', answered.reject);
    if (flow) pipeline(Readable.from(flow.source, { objectMode: false }), sent).catch(answered.reject);
    else sent.end(payload?.bytes);
    return answered.promise;
  }

  async #drain(what: string, answer: IncomingMessage): Promise<Answer> {
    let bytes = 0;
    let text = '';
    const isText = answer.headers['content-type'] === 'application/xml';
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (isText && text.length < MAX_TEXT) text += chunk.toString();
    }
    if ((answer.statusCode ?? 500) >= 300) throw new Error(`${what}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return { bytes, text, etag: answer.headers.etag ?? '' };
  }

  close(): void {
    this.#agent.destroy();
  }
}
