import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { MAX_KEY_BYTES } from '@fornax/object-store';
import { type S3Error, s3Error } from '@fornax/s3';

/** A request, taken apart but not judged yet. */
export interface S3Request {
  readonly method: string;
  /** '' for the service itself. */
  readonly bucket: string;
  /** The bucket stands in the host name, not in the path. */
  readonly isVirtual: boolean;
  /** '' for the bucket itself. */
  readonly key: string;
  /** The path as it came, and decoded: what was signed. */
  readonly rawPath: string;
  readonly path: string;
  /** Decoded, in order. */
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names; repeated headers joined by a comma, as they are signed. Values as Node gives them, a character for each byte. */
  readonly headers: ReadonlyMap<string, string>;
  readonly message: IncomingMessage;
}

const invalidUri = (): S3Error => s3Error('InvalidURI', "Couldn't parse the specified URI.");

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUri();
  }
};

const parseQuery = (text: string): readonly (readonly [string, string])[] =>
  text === ''
    ? []
    : text
        .split('&')
        .filter((pair) => pair !== '')
        .map((pair) => {
          const at = pair.indexOf('=');
          const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
          return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))];
        });

/**
 * A header's value as text. Node gives a character for each byte; what is UTF-8 is read as such, and anything else stays as it is. Written as UTF-8
 * again, either is what its sender signed: some send text of other bytes than they sign.
 */
export const textOfHeader = (value: string): string => {
  if (!/[\x80-\xff]/.test(value)) return value;
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? value : text;
};

/** Text as a header's value: its UTF-8, a character for each byte. */
export const headerOfText = (text: string): string => Buffer.from(text).toString('latin1');

const headersOf = (message: IncomingMessage): ReadonlyMap<string, string> => {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = (message.rawHeaders[at] ?? '').toLowerCase();
    const value = (message.rawHeaders[at + 1] ?? '').trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
};

const hostName = (host: string): string =>
  (host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '')).toLowerCase();

/** The bucket that a host name names in front of one of ours; undefined for a path-style request. */
export const bucketOfHost = (host: string, baseHosts: readonly string[]): string | undefined => {
  const name = hostName(host);
  if (isIP(name) !== 0) return undefined;
  const base = baseHosts.find((one) => name.endsWith(`.${one}`));
  return base === undefined || baseHosts.includes(name) ? undefined : name.slice(0, -base.length - 1);
};

/**
 * @param baseHosts names of this endpoint; a bucket may stand in front of them
 * @throws S3Error InvalidURI, InvalidArgument, KeyTooLongError
 */
export const parseRequest = (message: IncomingMessage, baseHosts: readonly string[]): S3Request => {
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  if (!rawPath.startsWith('/')) throw invalidUri();
  const path = decode(rawPath);
  if (path.includes('\0')) throw s3Error('InvalidArgument', 'A key holds no NUL character.');
  const headers = headersOf(message);
  const virtual = bucketOfHost(headers.get('host') ?? '', baseHosts);
  const rest = path.slice(1);
  // Neither the service itself nor a bucket: a bucket's name stands before the second slash.
  if (virtual === undefined && rest.startsWith('/')) throw invalidUri();
  const slash = rest.indexOf('/');
  const [bucket, key] =
    virtual !== undefined ? [virtual, rest] : slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw s3Error('KeyTooLongError', 'Your key is too long', {
      Size: String(Buffer.byteLength(key)),
      MaxSizeAllowed: String(MAX_KEY_BYTES),
    });
  }
  const query = mark < 0 ? [] : parseQuery(url.slice(mark + 1));
  if (query.some(([name, value]) => name.includes('\0') || value.includes('\0')))
    throw s3Error('InvalidArgument', 'A parameter holds no NUL character.');
  return {
    method: message.method ?? 'GET',
    bucket,
    key,
    isVirtual: virtual !== undefined,
    rawPath,
    path,
    query,
    headers,
    message,
  };
};

export const queryValue = (request: S3Request, name: string): string | undefined =>
  request.query.find(([one]) => one === name)?.[1];
export const hasQuery = (request: S3Request, name: string): boolean => request.query.some(([one]) => one === name);
