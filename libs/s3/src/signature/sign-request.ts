import { createHash, createHmac } from 'node:crypto';

/** Keys to sign with. A session token marks temporary keys, such as a lease's. */
export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: string;
  readonly url: URL;
  /** Further headers to sign, by lower-case name; `host` and the `x-amz-…` ones are added. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Lower-case hexadecimal SHA-256 of the body, or UNSIGNED_PAYLOAD. */
  readonly payloadHash: string;
  readonly at: Date;
  readonly region?: string;
  readonly service?: string;
}

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const ALGORITHM = 'AWS4-HMAC-SHA256';

export const sha256Hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text, 'utf8').digest();

/** RFC 3986: everything but letters, digits and `-_.~` becomes %XX of its UTF-8 bytes. */
export const encodeRfc3986 = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** S3 signs the path as it travels: encoded once, never normalised. */
const canonicalPath = (url: URL): string =>
  url.pathname
    .split('/')
    .map((part) => encodeRfc3986(decodeURIComponent(part)))
    .join('/');

const canonicalQuery = (url: URL): string =>
  [...url.searchParams]
    .map(([key, value]) => ({ key: encodeRfc3986(key), value: encodeRfc3986(value) }))
    .sort((a, b) => byCode(a.key, b.key) || byCode(a.value, b.value))
    .map(({ key, value }) => `${key}=${value}`)
    .join('&');

/** @returns the parts of the signature; exported for tests against published examples */
export const canonicalRequest = (request: RequestToSign, headers: Readonly<Record<string, string>>): string => {
  const names = Object.keys(headers).sort(byCode);
  const lines = names.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/\s+/g, ' ')}\n`).join('');
  return [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    lines,
    names.join(';'),
    request.payloadHash,
  ].join('\n');
};

/**
 * Signs a request with AWS Signature Version 4 in its headers.
 * @returns all headers to send, by lower-case name, `authorization` among them
 */
export const signRequest = (keys: S3Keys, request: RequestToSign): Readonly<Record<string, string>> => {
  const { region = 'us-east-1', service = 's3' } = request;
  const timestamp = request.at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = timestamp.slice(0, 8);
  const headers: Readonly<Record<string, string>> = {
    ...request.headers,
    host: request.url.host,
    'x-amz-content-sha256': request.payloadHash,
    'x-amz-date': timestamp,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
  };
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = [ALGORITHM, timestamp, scope, sha256Hex(canonicalRequest(request, headers))].join('\n');
  const signingKey = [region, service, 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${keys.secretKey}`, date));
  const signature = hmac(signingKey, toSign).toString('hex');
  const signedHeaders = Object.keys(headers).sort(byCode).join(';');
  const authorization = `${ALGORITHM} Credential=${keys.accessKey}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return { ...headers, authorization };
};
