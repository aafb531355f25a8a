import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CLOCK, type Clock } from '@fornax/service-kit';
import { SUBMISSION_CONFIG, type SubmissionConfig } from '../config/submission-config.js';
import { isPublicAddress } from './private-address.js';
import { signedHeaders } from './signature.js';

export interface WebhookMessage {
  /** The same for every try: receivers tell repetitions by it. */
  readonly id: string;
  readonly body: string;
}

/** How one try ended. What the receiver answers is nobody's business: only whether it took the message. */
export type SendResult =
  | { readonly ok: true; readonly status: number }
  /** `isFinal`: the receiver wants no more of it (410 Gone). */
  | { readonly ok: false; readonly status: number | null; readonly error: string; readonly isFinal: boolean };

const GONE = 410;
/** Enough of an answer to reuse the connection; a longer one is cut off. */
const MOST_ANSWER_BYTES = 64 * 1024;
const NOT_PUBLIC = 'the address is not a public one';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/** Resolves names to public addresses only. The connection goes to what was checked, so a name cannot change in between. */
const publicLookup = (hostname: string, options: LookupOptions, callback: LookupCallback): void => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '');
    const [first] = addresses;
    if (!first || !addresses.every(({ address }) => isPublicAddress(address)))
      return callback(new Error(NOT_PUBLIC), '');
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};

const failure = (error: string, status: number | null = null): SendResult => ({
  ok: false,
  status,
  error,
  isFinal: status === GONE,
});

const resultOf = (status: number): SendResult => {
  if (status >= 200 && status < 300) return { ok: true, status };
  if (status >= 300 && status < 400) return failure(`HTTP ${status}: redirects are not followed`, status);
  return failure(`HTTP ${status}`, status);
};

/** Sends signed messages to addresses that users gave, and to no others (no redirects, no private networks unless allowed). */
@Injectable()
export class WebhookSender implements OnApplicationShutdown {
  private readonly agents = {
    'http:': new http.Agent({ keepAlive: true, maxFreeSockets: 64 }),
    'https:': new https.Agent({ keepAlive: true, maxFreeSockets: 64 }),
  };

  constructor(
    @Inject(SUBMISSION_CONFIG) private readonly config: SubmissionConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Why nothing may be sent there; undefined when it may. Names are checked again whenever they are resolved. */
  problemWith(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'must be an http or https URL';
    if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
    if (url.hash !== '') return 'must not have a fragment';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const isPrivate = isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : !isPublicAddress(host);
    return isPrivate && !this.config.webhooks.allowPrivate ? NOT_PUBLIC : undefined;
  }

  async send(url: string, secret: string, { id, body }: WebhookMessage, signal?: AbortSignal): Promise<SendResult> {
    const problem = this.problemWith(url);
    if (problem !== undefined) return failure(problem);
    const headers = {
      ...signedHeaders(secret, id, Math.floor(this.clock.now() / 1_000), body),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'fornax-webhooks',
    };
    const timeout = AbortSignal.timeout(this.config.webhooks.timeoutMs);
    const limits = signal ? AbortSignal.any([signal, timeout]) : timeout;
    try {
      return resultOf(await this.post(new URL(url), headers, body, limits));
    } catch (error) {
      if (timeout.aborted) return failure(`no answer within ${this.config.webhooks.timeoutMs} ms`);
      return failure(error instanceof Error ? error.message : String(error));
    }
  }

  onApplicationShutdown(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** @returns the status of the answer */
  private post(url: URL, headers: http.OutgoingHttpHeaders, body: string, signal: AbortSignal): Promise<number> {
    const isSecure = url.protocol === 'https:';
    const options = {
      method: 'POST',
      headers,
      signal,
      agent: isSecure ? this.agents['https:'] : this.agents['http:'],
      ...(this.config.webhooks.allowPrivate ? {} : { lookup: publicLookup }),
    };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= MOST_ANSWER_BYTES) return;
          response.destroy();
          resolve(response.statusCode ?? 0);
        });
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', reject);
      };
      const request = isSecure ? https.request(url, options, answered) : http.request(url, options, answered);
      request.on('error', reject);
      request.end(body);
    });
  }
}
