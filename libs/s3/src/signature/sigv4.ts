import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';

/**
 * AWS Signature Version 4 (AWS General Reference, "Signature Version 4 signing process"; S3 "Authenticating Requests"): what signing and
 * verifying share. Pure.
 */

export interface CredentialScope {
  /** YYYYMMDD */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** Decoded names and values, in any order. */
export type QueryPairs = readonly (readonly [string, string])[];

/** What a signature binds. */
export interface CanonicalParts {
  readonly method: string;
  /** Encoded as it was signed. */
  readonly encodedPath: string;
  /** The signature itself left out. */
  readonly query: QueryPairs;
  /** In the order signed, lower case. */
  readonly signedHeaders: readonly string[];
  readonly headers: ReadonlyMap<string, string>;
  readonly payloadHash: string;
}

export const ALGORITHM = 'AWS4-HMAC-SHA256';
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
/** SHA-256 of nothing, in hex. */
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export const sha256Hex = (data: string | Uint8Array): string => hash('sha256', data, 'hex');
const hmac = (key: string | Uint8Array | KeyObject, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest();

/** RFC 3986: all but unreserved characters. */
export const uriEncode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
export const encodePath = (path: string): string => path.split('/').map(uriEncode).join('/');

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Sorted by encoded name, then by encoded value: also a query as it may go over the wire. */
export const canonicalQuery = (query: QueryPairs): string =>
  query
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort(([a, x], [b, y]) => byText(a, b) || byText(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');

/** The text that a request is signed as. */
export const canonicalRequest = ({
  method,
  encodedPath,
  query,
  signedHeaders,
  headers,
  payloadHash,
}: CanonicalParts): string =>
  [
    method,
    encodedPath,
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${(headers.get(name) ?? '').replace(/\s+/g, ' ').trim()}`),
    '',
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');

export const scopeText = ({ date, region, service }: CredentialScope): string =>
  `${date}/${region}/${service}/aws4_request`;

const deriveKey = (secret: string, { date, region, service }: CredentialScope): Buffer =>
  hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');

const MAX_KEYS = 1_000;
const keys = new Map<string, KeyObject>();

/** The key of one secret for one day, region and service: derived once, since that costs four times what a signature does. */
export const signingKey = (secret: string, scope: CredentialScope): KeyObject => {
  const name = `${scopeText(scope)} ${secret}`;
  const known = keys.get(name);
  if (known) return known;
  // Regions are what a sender says: those of one who makes them up must not fill the memory.
  if (keys.size >= MAX_KEYS) keys.clear();
  const key = createSecretKey(deriveKey(secret, scope));
  keys.set(name, key);
  return key;
};

/** @param timestamp YYYYMMDDTHHMMSSZ @returns the signature in hex */
export const signatureOf = (
  key: Uint8Array | KeyObject,
  timestamp: string,
  scope: CredentialScope,
  canonical: string,
): string => hmac(key, [ALGORITHM, timestamp, scopeText(scope), sha256Hex(canonical)].join('\n')).toString('hex');

/** What the signatures of a streamed payload are chained to. */
export interface ChunkSigning {
  readonly key: Uint8Array | KeyObject;
  readonly timestamp: string;
  readonly scope: CredentialScope;
  /** The request's own signature. */
  readonly seed: string;
}

export const signChunk = ({ key, timestamp, scope }: ChunkSigning, previous: string, dataHash: string): string =>
  hmac(
    key,
    [`${ALGORITHM}-PAYLOAD`, timestamp, scopeText(scope), previous, EMPTY_SHA256, dataHash].join('\n'),
  ).toString('hex');

/** @param trailer each header as `name:value` and a line feed */
export const signTrailer = ({ key, timestamp, scope }: ChunkSigning, previous: string, trailer: string): string =>
  hmac(key, [`${ALGORITHM}-TRAILER`, timestamp, scopeText(scope), previous, sha256Hex(trailer)].join('\n')).toString(
    'hex',
  );

/** Takes the same time wherever two texts of one length differ. */
export const equalInConstantTime = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

/** Milliseconds as YYYYMMDDTHHMMSSZ. */
export const formatTimestamp = (atMs: number): string => new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');

/** YYYYMMDDTHHMMSSZ as milliseconds; undefined when it is not one. */
export const parseTimestamp = (text: string): number | undefined => {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
};
