import type { RequestToSign, S3Keys } from './sign-request.js';
import { DEFAULT_REGION } from './sign-request.js';
import {
  ALGORITHM,
  UNSIGNED_PAYLOAD,
  canonicalQuery,
  canonicalRequest,
  encodePath,
  formatTimestamp,
  scopeText,
  signatureOf,
  signingKey,
  type QueryPairs,
} from './sigv4.js';

export interface RequestToPresign extends Pick<RequestToSign, 'method' | 'at' | 'region'> {
  /** Scheme, name and port of the endpoint. */
  readonly endpoint: string;
  /** Not encoded, as `/<bucket>/<key>`. */
  readonly path: string;
  readonly query?: QueryPairs;
  /** A week at most. */
  readonly expiresInS: number;
}

/**
 * Signs a request in its URL (AWS Signature Version 4, query parameters), so that whoever holds the URL may make this one request until it expires. The host
 * is all that is signed of its headers, and nothing of its body.
 */
export const presignedUrl = ({ accessKey, secretKey }: S3Keys, request: RequestToPresign): string => {
  const { origin, host } = new URL(request.endpoint);
  const timestamp = formatTimestamp(request.at);
  const scope = { date: timestamp.slice(0, 8), region: request.region ?? DEFAULT_REGION, service: 's3' };
  const encodedPath = encodePath(request.path);
  const query: QueryPairs = [
    ...(request.query ?? []),
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${accessKey}/${scopeText(scope)}`],
    ['X-Amz-Date', timestamp],
    ['X-Amz-Expires', String(request.expiresInS)],
    ['X-Amz-SignedHeaders', 'host'],
  ];
  const canonical = canonicalRequest({
    method: request.method,
    encodedPath,
    query,
    signedHeaders: ['host'],
    headers: new Map([['host', host]]),
    payloadHash: UNSIGNED_PAYLOAD,
  });
  const signature = signatureOf(signingKey(secretKey, scope), timestamp, scope, canonical);
  return `${origin}${encodedPath}?${canonicalQuery(query)}&X-Amz-Signature=${signature}`;
};
