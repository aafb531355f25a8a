import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import type { Clock, Logger } from '@fornax/base';
import { NOTIFY_CONFIG, type NotifyConfig } from '../config/notify-config.js';
import { Reach } from './reach.js';
import { signedHeaders } from './signature.js';
import { findTarget, isRefusedByName, pinned, placeOf, Refused, type Target } from './target.js';

export interface WebhookMessage {
  /** The same for every try: receivers tell repetitions by it. */
  readonly id: string;
  readonly body: string;
}

/** How one try ended, in one of the few ways that may be told: what the receiver answers, or why a connection failed, is not. */
export type SendResult =
  | { readonly ok: true; readonly status: number }
  /** `isFinal`: the receiver wants no more of it (410 Gone). */
  | { readonly ok: false; readonly status: number | null; readonly error: string; readonly isFinal: boolean };

const GONE = 410;
/** Enough of an answer to reuse the connection; a longer one is cut off. */
const MOST_ANSWER_BYTES = 64 * 1024;
/** A failure to resolve or reach a non-public destination is reported exactly this long after the attempt began, so that its time reveals nothing. */
const REACH_MS = 2_000;

const NOT_ALLOWED = 'refused: it leads to no public address, and the operator has not allowed this destination';
const NOT_DELIVERED = 'could not be delivered';
const TIMED_OUT = 'timed out';

const failure = (error: string, status: number | null = null): SendResult => ({
  ok: false,
  status,
  error,
  isFinal: status === GONE,
});

const resultOf = (status: number): SendResult => {
  if (status >= 200 && status < 300) return { ok: true, status };
  const hint = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return failure(`answered with status ${status}${hint}`, status);
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Rejects when the time is over, or when `signal` aborts first. */
const within = async <T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T> => {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Refused('it took too long to find the address')), ms);
  const abort = (): void => over.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
};

/** Resolves at that moment of the process's clock, or as soon as `signal` aborts. */
const until = (moment: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(stop, Math.max(0, moment - performance.now()));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });

/**
 * Sends signed messages to addresses that users gave: to public ones and to those that the operator allows. A name is resolved once for
 * each try and the connection goes to what was checked; redirects are not followed, and no proxy of the environment is used.
 */
@Injectable()
export class WebhookSender implements OnApplicationShutdown {
  private readonly agents = {
    'http:': new http.Agent({ keepAlive: true, maxFreeSockets: 64 }),
    'https:': new https.Agent({ keepAlive: true, maxFreeSockets: 64 }),
  };

  constructor(
    @Inject(NOTIFY_CONFIG) private readonly config: NotifyConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Why nothing may be sent there, as far as the URL itself tells; undefined when it may. Names are checked whenever they are resolved. */
  problemWith(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'must be an http or https URL';
    if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
    if (url.hash !== '') return 'must not have a fragment';
    return isRefusedByName(placeOf(url), this.config.webhooks.destinations) ? NOT_ALLOWED : undefined;
  }

  async send(url: string, secret: string, message: WebhookMessage, signal?: AbortSignal): Promise<SendResult> {
    const problem = this.problemWith(url);
    if (problem !== undefined) return failure(problem);
    const { destinations, timeoutMs } = this.config.webhooks;
    const reachMs = Math.min(REACH_MS, timeoutMs);
    const reachBy = performance.now() + reachMs;
    const timeout = AbortSignal.timeout(timeoutMs);
    const limits = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const to = new URL(url);
    let target: Target;
    try {
      target = await within(findTarget(placeOf(to), destinations), reachMs, limits);
    } catch (error) {
      await until(reachBy, limits);
      return this.failed(to, NOT_ALLOWED, error);
    }
    const reach = new Reach(target.isPublic ? timeoutMs : reachBy - performance.now());
    try {
      return resultOf(await this.post(to, target, this.headersOf(secret, message), message.body, reach, limits));
    } catch (error) {
      if (reach.isConnected) return this.failed(to, timeout.aborted ? TIMED_OUT : NOT_DELIVERED, error, target);
      if (!target.isPublic) await until(reachBy, limits);
      return this.failed(to, target.isPublic && timeout.aborted ? TIMED_OUT : NOT_DELIVERED, error, target);
    }
  }

  onApplicationShutdown(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** The owner sees `error` only; the log for the operator has everything but the path, which may hold a secret. */
  private failed(url: URL, error: string, cause: unknown, target?: Target): SendResult {
    const addresses = target?.addresses.map(({ address }) => address);
    this.logger.warn(
      { to: url.host, addresses, cause: messageOf(cause) },
      `a webhook's message was not taken: ${error}`,
    );
    return failure(error);
  }

  private headersOf(secret: string, { id, body }: WebhookMessage): http.OutgoingHttpHeaders {
    return {
      ...signedHeaders(secret, id, Math.floor(this.clock.now() / 1_000), body),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'fornax-webhooks',
    };
  }

  /** @returns the status of the answer */
  private post(
    url: URL,
    target: Target,
    headers: http.OutgoingHttpHeaders,
    body: string,
    reach: Reach,
    limits: AbortSignal,
  ): Promise<number> {
    const isSecure = url.protocol === 'https:';
    const signal = AbortSignal.any([limits, reach.signal]);
    const agent = isSecure ? this.agents['https:'] : this.agents['http:'];
    const options = { method: 'POST', headers, signal, agent, lookup: pinned(target) };
    return new Promise<number>((resolve, reject) => {
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
      request.on('socket', (socket) => {
        if (request.reusedSocket) reach.connected();
        else socket.once(isSecure ? 'secureConnect' : 'connect', () => reach.connected());
      });
      request.end(body);
    }).finally(() => reach.over());
  }
}
