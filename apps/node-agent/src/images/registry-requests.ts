import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';

import { UserError } from '../failure/user-error.js';
import { mayLead } from './address-reach.js';
import { RegistryAway } from './registry-away.js';

/** A registry sends on to where its bytes are, now and then once more. */
const MOST_REDIRECTS = 5;
const NO_BODY = new Set([204, 205, 304]);

/** All addresses of a name, as the system knows them. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;
const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** A resolver that knows the addresses alone that were looked at: a name may lead elsewhere a moment later. */
const pinned =
  ([first, ...rest]: readonly LookupAddress[]) =>
  (_: string, options: LookupOptions, callback: LookupCallback): void => {
    if (!first) callback(new Error('it has no address'), '');
    else if (options.all === true) callback(null, [first, ...rest]);
    else callback(null, first.address, first.family);
  };

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD';
  readonly accept: string;
  /** Said to the host that is asked, and to no other one that it sends on to. */
  readonly authorization?: string | undefined;
  /** Whether to go where it sends on to; else that is the answer. */
  readonly follows: boolean;
  readonly signal: AbortSignal;
}

/**
 * Sends the requests of one registry. What a registry names besides itself (where its bytes are, who gives tokens) is asked only where it may lead: to public addresses, to those that
 * are as near as the registry's own, and to hosts that the operator names; never without TLS from a place with it. A name is resolved once for each request, and the connection goes to
 * what was looked at. No proxy of the environment is used.
 */
export class RegistryRequests {
  readonly #registry: URL;
  readonly #named: ReadonlySet<string>;
  readonly #agents = { 'http:': new http.Agent(), 'https:': new https.Agent() } as const;
  #own: Promise<readonly string[]> | undefined;

  /** @param named origins that the operator names */
  constructor(
    registry: string,
    named: readonly string[] = [],
    private readonly resolve: Resolve = systemResolve,
  ) {
    this.#registry = new URL(registry);
    this.#named = new Set([this.#registry.origin, ...named]);
  }

  /** @throws UserError it leads to where no registry may, or on and on; RegistryAway it answers what HTTP does not know; what the network says; the signal's reason */
  async send(to: URL, request: RegistryRequest): Promise<Response> {
    let url = to;
    let { authorization } = request;
    for (let hops = 0; ; hops += 1) {
      const response = await this.#once(url, await this.#addressesOf(url, request.signal), {
        ...request,
        authorization,
      });
      const location = response.headers.get('location');
      if (!request.follows || location === null || response.status < 300 || response.status > 399) return response;
      await response.body?.cancel().catch(() => undefined);
      if (hops === MOST_REDIRECTS)
        throw this.#refused(`sends on more than ${MOST_REDIRECTS} times, at last from ${url.host}`);
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (!next) throw this.#refused(`sends on to what is no address`);
      if (next.origin !== url.origin) authorization = undefined;
      this.#mayLeaveFrom(url, next);
      url = next;
    }
  }

  #refused(why: string): UserError {
    return new UserError('FX-IMAGE', `The registry ${this.#registry.host} ${why}`);
  }

  /** @throws UserError */
  #mayLeaveFrom(from: URL, to: URL): void {
    if (to.protocol !== 'https:' && to.protocol !== from.protocol)
      throw this.#refused(
        `sends on from ${from.protocol}//${from.host} to ${to.protocol}//${to.host}, which is not as safe`,
      );
  }

  /** Where a connection may go. @throws UserError nowhere */
  async #addressesOf({ host, hostname, origin }: URL, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const found = await this.#found(hostname, signal);
    if (this.#named.has(origin)) return found;
    const own = await (this.#own ??= this.#found(this.#registry.hostname, signal).then((addresses) =>
      addresses.map(({ address }) => address),
    ));
    if (found.every(({ address }) => mayLead(own, address))) return found;
    throw this.#refused(
      `leads to ${host}, which has no public address: the operator of this node may name it (FORNAX_NODE_IMAGE_SOURCES)`,
    );
  }

  async #found(hostname: string, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const host = hostname.replace(/^\[|\]$/g, '');
    const family = isIP(host);
    if (family !== 0) return [{ address: host, family }];
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([this.resolve(host), aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #once(
    url: URL,
    addresses: readonly LookupAddress[],
    { method, accept, authorization, signal }: RegistryRequest,
  ): Promise<Response> {
    const headers = {
      accept,
      'user-agent': 'fornax',
      ...(authorization === undefined ? {} : { authorization }),
    };
    const isSecure = url.protocol === 'https:';
    const { hostname, port, pathname, search } = url;
    const at = { hostname: hostname.replace(/^\[|\]$/g, ''), port, path: `${pathname}${search}` };
    const options = { ...at, method, headers, signal, lookup: pinned(addresses) };
    return new Promise((resolve, reject) => {
      // What is thrown in here would end the agent, not the request.
      const take = (answer: IncomingMessage): void => {
        try {
          resolve(responseOf(answer, method, url.host));
        } catch (error) {
          answer.destroy();
          reject(error as Error);
        }
      };
      const request = isSecure
        ? https.request({ ...options, agent: this.#agents['https:'] }, take)
        : http.request({ ...options, agent: this.#agents['http:'] }, take);
      request.on('error', reject);
      // Of an answer that leaves HTTP (101) Node tells nothing else.
      request.on('upgrade', (_, socket) => socket.destroy());
      request.on('close', () => reject(new RegistryAway(`the registry ${url.host} closed without an answer`)));
      request.end();
    });
  }
}

/** @param host who answers @throws RegistryAway it says what no answer says */
const responseOf = (answer: IncomingMessage, method: string, host: string): Response => {
  const { statusCode: status = 0, rawHeaders } = answer;
  // Three digits are enough for Node's parser; a Response takes none but these.
  if (status < 200 || status > 599)
    throw new RegistryAway(`the registry ${host} answered ${status}, which is no status of HTTP`);
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  if (method !== 'HEAD' && !NO_BODY.has(status))
    return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status, headers });
  // Also of what has no body something may come, without an end.
  answer.destroy();
  return new Response(null, { status, headers });
};
