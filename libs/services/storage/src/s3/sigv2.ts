import { createHmac } from 'node:crypto';

/**
 * AWS Signature Version 2 in a query, the form of presigned URLs that older SDKs, and the Python one by default, still make
 * (Amazon S3 "Authenticating requests (AWS signature version 2)"). Pure.
 */
export interface QuerySignatureParts {
  readonly method: string;
  /** '' for a path-style request: the bucket is in the path then. */
  readonly virtualBucket: string;
  /** As it came on the wire. */
  readonly rawPath: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: ReadonlyMap<string, string>;
  /** Seconds since the epoch, as written. */
  readonly expires: string;
}

const SIGNED_QUERY = new Set([
  'acl',
  'cors',
  'delete',
  'lifecycle',
  'location',
  'logging',
  'notification',
  'partNumber',
  'policy',
  'requestPayment',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versionId',
  'versioning',
  'versions',
  'website',
  'response-cache-control',
  'response-content-disposition',
  'response-content-encoding',
  'response-content-language',
  'response-content-type',
  'response-expires',
]);

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

export const stringToSignV2 = ({
  method,
  virtualBucket,
  rawPath,
  query,
  headers,
  expires,
}: QuerySignatureParts): string => {
  const amz = [...headers]
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort(byName)
    .map(([name, value]) => `${name}:${value}\n`)
    .join('');
  const signed = query
    .filter(([name]) => SIGNED_QUERY.has(name))
    .sort(byName)
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&');
  const resource = `${virtualBucket === '' ? '' : `/${virtualBucket}`}${rawPath}${signed === '' ? '' : `?${signed}`}`;
  return [
    method,
    headers.get('content-md5') ?? '',
    headers.get('content-type') ?? '',
    expires,
    `${amz}${resource}`,
  ].join('\n');
};

export const signV2 = (secret: string, text: string): string =>
  createHmac('sha1', secret).update(text).digest('base64');
