import {
  ALGORITHM,
  type QueryPairs,
  canonicalRequest,
  formatTimestamp,
  scopeText,
  signatureOf,
  signingKey,
} from './sigv4.js';

/** Keys to sign with. A session token marks temporary keys, such as a lease's. */
export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: string;
  /** Name and port, as the `host` header says them. */
  readonly host: string;
  /** Encoded as it travels: S3 signs the path as it is, encoded once and never normalized. */
  readonly path: string;
  readonly query?: QueryPairs;
  /** Further headers to sign, by lower-case name; `host` and the `x-amz-…` ones are added. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Lower-case hexadecimal SHA-256 of the body, or UNSIGNED_PAYLOAD. */
  readonly payloadHash: string;
  /** Instant in milliseconds. */
  readonly at: number;
  readonly region?: string;
}

export const DEFAULT_REGION = 'us-east-1';

/**
 * Signs a request with AWS Signature Version 4 in its headers.
 * @returns all headers to send, by lower-case name, `authorization` among them
 */
export const signRequest = (keys: S3Keys, request: RequestToSign): Readonly<Record<string, string>> => {
  const timestamp = formatTimestamp(request.at);
  const scope = { date: timestamp.slice(0, 8), region: request.region ?? DEFAULT_REGION, service: 's3' };
  const headers: Readonly<Record<string, string>> = {
    host: request.host,
    'x-amz-content-sha256': request.payloadHash,
    'x-amz-date': timestamp,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
    ...request.headers,
  };
  const signedHeaders = Object.keys(headers).sort();
  const canonical = canonicalRequest({
    method: request.method,
    encodedPath: request.path,
    query: request.query ?? [],
    signedHeaders,
    headers: new Map(Object.entries(headers)),
    payloadHash: request.payloadHash,
  });
  const signature = signatureOf(signingKey(keys.secretKey, scope), timestamp, scope, canonical);
  const fields = [
    `Credential=${keys.accessKey}/${scopeText(scope)}`,
    `SignedHeaders=${signedHeaders.join(';')}`,
    `Signature=${signature}`,
  ];
  return { ...headers, authorization: `${ALGORITHM} ${fields.join(', ')}` };
};
