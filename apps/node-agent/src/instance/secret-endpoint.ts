import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { Allowance } from '@fornax/base';
import type { LeaseOrder, SecretsReply } from '@fornax/contracts';
import { namesBelow, problemWithSecretKey } from '@fornax/domain';

import { UserError } from '../failure/user-error.js';
import { NotGranted } from './lease-grant.js';
import { askForSecrets, type SecretWorld } from './lease-secrets.js';
import { Turns } from './turns.js';

/** Requests that an instance may send at once, and how many a second from then on. */
const MOST_AT_ONCE = 30;
const PER_SECOND = 1;
/** A key of 1,024 characters takes 9,216 where each of them is three bytes, percent-encoded. */
const MOST_HEADER_BYTES = 16_384;
const MOST_HEADERS = 32;
const MOST_REQUESTS_PER_CONNECTION = 1_000;
const REQUEST_MS = 10_000;

type Secrets = Extract<SecretsReply, { granted: true }>['secrets'];

/** What is answered instead of secrets. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

interface Answer {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

const NO_STORE = { 'cache-control': 'no-store' };
const asJson = (value: object): Answer => ({
  body: Buffer.from(JSON.stringify(value)),
  headers: { 'content-type': 'application/json' },
});

const checked = (text: string): string => {
  const problem = text === '' ? undefined : problemWithSecretKey(text);
  if (problem !== undefined) throw new Refusal(400, 'invalid', problem);
  return text;
};

/** A path in its parts, taken as it is written: no part of a key is one of dots. */
const wishOf = (request: Pick<IncomingMessage, 'url'>) => {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const [, kind = '', raw = ''] = /^\/+([^/]*)\/*(.*)$/.exec(path) ?? [];
  let name: string;
  try {
    name = checked(decodeURIComponent(raw).replace(/\/+$/, ''));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, 'invalid', 'The path is not percent-encoded UTF-8.');
  }
  return { kind, name, isRecursive: new URLSearchParams(query).get('recursive') === 'true' };
};

const folderOf = (prefix: string): string => (prefix === '' ? '' : `${prefix}/`);

/** Names below a prefix as they are asked for: whole keys, and folders with a slash behind. */
const shown = (keys: readonly string[], prefix: string, isRecursive: boolean): readonly string[] =>
  isRecursive ? keys : namesBelow(keys, prefix).map((name) => `${folderOf(prefix)}${name}`);

/**
 * Answers an instance that asks for secrets while it runs: fresh from the platform, those alone that its task may read, and none once its lease is lost.
 * Routes are `GET /data/<key>`, `/search/<prefix>` and `/values/<prefix>`, the last two with `?recursive=true`. To be put on a socket that this instance alone reaches.
 */
export class SecretEndpoint {
  readonly server: Server;
  readonly #allowance = new Allowance(MOST_AT_ONCE, PER_SECOND);
  /** An answer may be large, and is held until it was taken. */
  readonly #turns: Turns;

  constructor(
    private readonly world: SecretWorld & {
      readonly isHeld: () => boolean;
      readonly onError: (error: unknown) => void;
      /** Called with values: the instance has them once this is done. */
      readonly onGiven: (values: readonly string[]) => Promise<void>;
    },
    private readonly order: Pick<LeaseOrder, 'leaseId' | 'taskId' | 'instance'>,
    private readonly signal: AbortSignal,
    takeMs = REQUEST_MS,
  ) {
    this.#turns = new Turns(takeMs);
    this.server = createServer(
      { maxHeaderSize: MOST_HEADER_BYTES, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
      (request, response) => this.#receive(request, response),
    );
    this.server.maxHeadersCount = MOST_HEADERS;
    this.server.maxRequestsPerSocket = MOST_REQUESTS_PER_CONNECTION;
  }

  /** What is refused without a look at it waits for nobody: it would be held. */
  #receive(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#turns.admit(request.socket, response)) return;
    const refusal = this.#refusalOfFirst(request);
    if (refusal) this.#refuse(response, refusal);
    else this.#turns.wait(response, () => this.#respond(request, response));
  }

  #refusalOfFirst({ method }: IncomingMessage): Refusal | undefined {
    if (method !== 'GET')
      return new Refusal(405, 'method-not-allowed', 'Secrets can be read here, no more.', {
        allow: 'GET',
        connection: 'close',
      });
    if (this.#allowance.take()) return undefined;
    return new Refusal(429, 'too-many-requests', 'An instance may ask once a second.', { 'retry-after': '1' });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { body, headers } = await this.#answer(request);
      response.writeHead(200, { ...NO_STORE, ...headers, 'content-length': body.length }).end(body);
    } catch (error) {
      this.#refuse(response, this.#refusalOf(error));
    }
  }

  #refuse(response: ServerResponse, { status, code, message, headers }: Refusal): void {
    const { body } = asJson({ code, message });
    response.writeHead(status, { ...NO_STORE, 'content-type': 'application/json', ...headers }).end(body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const { kind, name, isRecursive } = wishOf(request);
    if (!this.world.isHeld()) throw new NotGranted('the node is out of contact');
    if (kind === 'data' && name !== '') return this.#value(name);
    if (kind === 'search') return this.#names(name, isRecursive);
    if (kind === 'values') return this.#values(name, isRecursive);
    throw new Refusal(404, 'not-found', 'Ask for /data/<key>, /search/<prefix> or /values/<prefix>.');
  }

  async #value(key: string): Promise<Answer> {
    const { secrets } = await askForSecrets(this.world, this.order, { wants: { key }, signal: this.signal });
    const found = secrets.find((one) => one.key === key);
    if (!found) throw new Refusal(404, 'secret-not-found', `There is no secret ${key} that this task may read.`);
    await this.world.onGiven([found.value]);
    return {
      body: Buffer.from(found.value, 'utf8'),
      headers: { 'content-type': 'application/octet-stream', 'fornax-secret-version': String(found.version) },
    };
  }

  async #names(prefix: string, isRecursive: boolean): Promise<Answer> {
    const wants = { below: folderOf(prefix), namesOnly: true };
    const { names } = await askForSecrets(this.world, this.order, { wants, signal: this.signal });
    return asJson({ keys: shown(names, prefix, isRecursive) });
  }

  async #values(prefix: string, isRecursive: boolean): Promise<Answer> {
    const wants = { below: folderOf(prefix) };
    const { secrets }: { readonly secrets: Secrets } = await askForSecrets(this.world, this.order, {
      wants,
      signal: this.signal,
    });
    const wanted = new Set(
      shown(
        secrets.map(({ key }) => key),
        prefix,
        isRecursive,
      ),
    );
    const given = secrets.filter(({ key }) => wanted.has(key));
    await this.world.onGiven(given.map(({ value }) => value));
    return asJson({ secrets: given });
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof NotGranted) return new Refusal(403, 'lease-lost', 'The lease of this instance is lost.');
    if (error instanceof UserError) return new Refusal(413, error.code, error.message);
    this.world.onError(error);
    return new Refusal(503, 'unavailable', 'The platform does not answer.', { 'retry-after': '1' });
  }
}
