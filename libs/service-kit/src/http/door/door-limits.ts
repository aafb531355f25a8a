import { z } from 'zod';
import { ConfigError, intSetting, loadConfig, type Env } from '@fornax/base';
import { trustedProxies, type Peers } from './peers.js';

/** What one HTTP server (API, S3, router) puts up with. */
export interface DoorLimits {
  /** From the start of a connection or request until its headers are there. */
  readonly headersTimeoutMs: number;
  /** From the start of a request until its body is there. Uploads to the S3 endpoint are measured by their rate instead. */
  readonly requestTimeoutMs: number;
  /** How long a connection may be kept without a request. */
  readonly keepAliveTimeoutMs: number;
  /** How long an answer may wait for a reader, or an upload for its sender. */
  readonly stallTimeoutMs: number;
  readonly minUploadBytesPerS: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  readonly maxRequests: number;
  readonly maxRequestsPerCaller: number;
  readonly maxWaitingRequests: number;
  readonly maxWaitMs: number;
  readonly wrongTokens: WrongTokenLimits;
  readonly peers: Peers;
  /** Opens `/metrics` and the details of `/health`, beside the tokens of operators. */
  readonly metricsToken: string | undefined;
}

export interface WrongTokenLimits {
  /** Wrong tokens that are answered at once. */
  readonly burst: number;
  readonly perMinute: number;
  /** An answer that would have to wait longer is 429 at once. */
  readonly maxDelayMs: number;
}

const timeout = intSetting({ min: 10, max: 24 * 3_600_000 });
const count = intSetting({ min: 1, max: 1_000_000 });

const settings = z.object({
  FORNAX_HTTP_HEADERS_TIMEOUT_MS: timeout.default(15_000),
  FORNAX_HTTP_REQUEST_TIMEOUT_MS: timeout.default(30_000),
  FORNAX_HTTP_KEEP_ALIVE_TIMEOUT_MS: timeout.default(30_000),
  FORNAX_HTTP_STALL_TIMEOUT_MS: timeout.default(60_000),
  FORNAX_HTTP_MIN_UPLOAD_BYTES_PER_S: intSetting({ min: 0, max: 1_000_000 }).default(256),
  FORNAX_HTTP_MAX_CONNECTIONS: count.default(8_192),
  FORNAX_HTTP_MAX_CONNECTIONS_PER_PEER: count.default(1_024),
  FORNAX_HTTP_MAX_REQUESTS: count.default(512),
  FORNAX_HTTP_MAX_REQUESTS_PER_ACCOUNT: count.default(128),
  FORNAX_HTTP_MAX_WAITING_REQUESTS: intSetting({ min: 0, max: 1_000_000 }).default(2_048),
  FORNAX_HTTP_MAX_WAIT_MS: timeout.default(10_000),
  FORNAX_HTTP_WRONG_TOKENS_BURST: intSetting({ min: 0, max: 1_000_000 }).default(20),
  FORNAX_HTTP_WRONG_TOKENS_PER_MINUTE: count.default(60),
  FORNAX_HTTP_WRONG_TOKENS_MAX_DELAY_MS: intSetting({ min: 0, max: 600_000 }).default(10_000),
  FORNAX_TRUSTED_PROXIES: z.string().default(''),
  FORNAX_METRICS_TOKEN: z.string().optional(),
});

const MIN_TOKEN_LENGTH = 16;

const metricsTokenOf = (text: string | undefined): string | undefined => {
  const token = text?.trim();
  if (token !== undefined && token.length < MIN_TOKEN_LENGTH)
    throw new ConfigError([`FORNAX_METRICS_TOKEN must have at least ${MIN_TOKEN_LENGTH} characters`]);
  return token;
};

/** Reads what API, S3 endpoint and router put up with. @throws ConfigError */
export const loadDoorLimits = (env: Env): DoorLimits => {
  const values = loadConfig(settings, env);
  return Object.freeze({
    // Node refuses headers that may take longer than the request that they are a part of.
    headersTimeoutMs: Math.min(values.FORNAX_HTTP_HEADERS_TIMEOUT_MS, values.FORNAX_HTTP_REQUEST_TIMEOUT_MS),
    requestTimeoutMs: values.FORNAX_HTTP_REQUEST_TIMEOUT_MS,
    keepAliveTimeoutMs: values.FORNAX_HTTP_KEEP_ALIVE_TIMEOUT_MS,
    stallTimeoutMs: values.FORNAX_HTTP_STALL_TIMEOUT_MS,
    minUploadBytesPerS: values.FORNAX_HTTP_MIN_UPLOAD_BYTES_PER_S,
    maxConnections: values.FORNAX_HTTP_MAX_CONNECTIONS,
    maxConnectionsPerPeer: values.FORNAX_HTTP_MAX_CONNECTIONS_PER_PEER,
    maxRequests: values.FORNAX_HTTP_MAX_REQUESTS,
    maxRequestsPerCaller: values.FORNAX_HTTP_MAX_REQUESTS_PER_ACCOUNT,
    maxWaitingRequests: values.FORNAX_HTTP_MAX_WAITING_REQUESTS,
    maxWaitMs: values.FORNAX_HTTP_MAX_WAIT_MS,
    wrongTokens: {
      burst: values.FORNAX_HTTP_WRONG_TOKENS_BURST,
      perMinute: values.FORNAX_HTTP_WRONG_TOKENS_PER_MINUTE,
      maxDelayMs: values.FORNAX_HTTP_WRONG_TOKENS_MAX_DELAY_MS,
    },
    peers: trustedProxies(values.FORNAX_TRUSTED_PROXIES),
    metricsToken: metricsTokenOf(values.FORNAX_METRICS_TOKEN),
  });
};
