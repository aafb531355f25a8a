import { ApiError, messageOf } from './api-error.js';
import type { LazyParser } from './lazy-parser.js';
import { Unreachable, wholeAnswer, type Asked, type WholeAnswer } from './whole-answer.js';
import type { Parser } from './wire-types.js';

export interface FornaxClientOptions {
  /** Base URL of the API, e.g. http://127.0.0.1:8080 */
  readonly url: string;
  readonly token: string;
  /** A wish for one request; default 30 s. Rebuilds have no limit. */
  readonly timeoutMs?: number;
  /** Why: kept with every event that comes of a command. One line, 500 characters at most. */
  readonly reason?: string;
  /** E-mail or id of the account to read as; such a client can change nothing. */
  readonly readAs?: string;
}

export interface Call {
  readonly signal?: AbortSignal | undefined;
  readonly body?: unknown;
  readonly timeoutMs?: number | undefined;
  /** The caller's name for it: repeated under it, it is carried out once. */
  readonly key?: string | undefined;
}

export type AnyParser<T> = Parser<T> | LazyParser<T>;

/** One call: JSON in, JSON out. @throws ApiError the API says no */
export type JsonCall = <T>(method: string, path: string, parser: AnyParser<T>, call?: Call) => Promise<T>;

/** Opens a stream. @throws ApiError */
export type OpenStream = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
) => Promise<Response>;

/** Requests to the public REST API: who asks, why, and for how long. Safe to share. */
export class ApiConnection {
  readonly base: string;

  constructor(private readonly options: FornaxClientOptions) {
    this.base = options.url.replace(/\/+$/, '');
  }

  /** Headers that say who asks. */
  caller(): Readonly<Record<string, string>> {
    const { token, readAs } = this.options;
    return { authorization: token, ...(readAs === undefined ? {} : { qarnotreadonlyrequestforaccount: readAs }) };
  }

  private why(method: string): Readonly<Record<string, string>> {
    const { reason } = this.options;
    return reason === undefined || method === 'GET' ? {} : { 'fornax-reason': encodeURIComponent(reason) };
  }

  readonly json: JsonCall = async (method, path, parser, call) => {
    const answered = this.text(method, path, call);
    // Read while the platform thinks.
    const [reader, text] = await Promise.all([typeof parser === 'function' ? parser() : parser, answered]);
    return reader.parse(parsed(text));
  };

  /** An answer that does not end. */
  readonly stream: OpenStream = async (path, headers, signal) => {
    const response = await fetch(`${this.base}${path}`, {
      headers: { ...this.caller(), ...headers },
      ...(signal ? { signal } : {}),
    });
    if (response.ok) return response;
    throw refusal(response.status, await response.text());
  };

  async text(method: string, path: string, call: Call = {}): Promise<string> {
    const timeoutMs = call.timeoutMs ?? this.options.timeoutMs ?? 30_000;
    const limit = Number.isFinite(timeoutMs) ? AbortSignal.timeout(timeoutMs) : undefined;
    const limits = [call.signal, limit].filter((one) => one !== undefined);
    const asked = {
      method,
      headers: {
        ...this.caller(),
        ...this.why(method),
        ...(call.key === undefined ? {} : { 'idempotency-key': call.key }),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      signal: limits.length === 0 ? undefined : AbortSignal.any(limits),
    };
    const url = new URL(`${this.base}${path}`);
    const first = await wholeAnswer(url, asked).catch((error: unknown) => {
      if (limit?.aborted !== true || error !== limit.reason) throw error;
      throw new Unreachable(`${url.origin} cannot be reached: it did not answer within ${timeoutMs / 1_000} s`);
    });
    // Whoever redirects has done nothing yet.
    const { status, text } = REDIRECTS.includes(first.status) ? await followed(url, asked) : first;
    if (status >= 200 && status < 300) return text;
    throw refusal(status, text);
  }
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** The same, asked of wherever it is by now. */
const followed = async (url: URL, { method, headers, body, signal }: Asked): Promise<WholeAnswer> => {
  const response = await fetch(url, { method, headers, body: body ?? null, signal: signal ?? null });
  return { status: response.status, text: await response.text() };
};

/** JSON if it is JSON, else the text. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const refusal = (status: number, answer: string): ApiError => {
  const body = parsed(answer);
  return new ApiError(status, messageOf(body, status), body);
};
