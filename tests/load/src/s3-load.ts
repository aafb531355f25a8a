import { Agent, type IncomingMessage, request } from 'node:http';
import { EMPTY_SHA256, type S3Keys, sha256Hex, signRequest } from '@fornax/s3';

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
    await this.#send('PUT', `/${this.bucket}`);
  }

  async put(key: string, payload: Payload): Promise<void> {
    await this.#send('PUT', `/${this.bucket}/${key}`, payload);
  }

  /** Reads an object to its end. @returns its bytes' number */
  get(key: string): Promise<number> {
    return this.#send('GET', `/${this.bucket}/${key}`);
  }

  /** @param query as it goes over the wire, in the order of its names */
  list(query: readonly (readonly [string, string])[]): Promise<number> {
    return this.#send('GET', `/${this.bucket}`, undefined, query);
  }

  #send(
    method: string,
    path: string,
    payload?: Payload,
    query: readonly (readonly [string, string])[] = [],
  ): Promise<number> {
    const headers = signRequest(this.server.keys, {
      method,
      host: this.#url.host,
      path,
      query,
      payloadHash: payload?.hash ?? EMPTY_SHA256,
      at: Date.now(),
    });
    const text = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const sent = request(
      {
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path: text === '' ? path : `${path}?${text}`,
        headers: { ...headers, 'content-length': payload?.bytes.byteLength ?? 0 },
      },
      (answer) => void this.#drain(`${method} ${path}`, answer).then(resolve, reject),
    );
    sent.on('error', reject);
    sent.end(payload?.bytes);
    return promise;
  }

  async #drain(what: string, answer: IncomingMessage): Promise<number> {
    let bytes = 0;
    let text = '';
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if ((answer.statusCode ?? 500) >= 300) text += chunk.toString();
    }
    if ((answer.statusCode ?? 500) >= 300) throw new Error(`${what}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return bytes;
  }

  close(): void {
    this.#agent.destroy();
  }
}
