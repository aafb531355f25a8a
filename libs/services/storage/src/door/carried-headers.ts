import { type S3Request, hasQuery, headerOfText } from '../s3/s3-request.js';

/** What of the query is the signature's. */
const OF_SIGNATURE: ReadonlySet<string> = new Set([
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-security-token',
  'x-amz-signature',
  'x-amz-signedheaders',
]);

/** What an older presigned URL carries besides. */
const OF_OLDER: ReadonlySet<string> = new Set(['content-md5', 'content-type']);

/** A URL that was signed as version 2 has it, which covers headers but not the query. */
const isOlder = (request: S3Request): boolean =>
  hasQuery(request, 'AWSAccessKeyId') && !hasQuery(request, 'X-Amz-Algorithm') && !request.headers.has('authorization');

const withHeadersOf = (request: S3Request, isCarried: (name: string) => boolean): S3Request => {
  const carried = request.query.filter(([name]) => isCarried(name.toLowerCase()));
  if (carried.length === 0) return request;
  const headers = new Map(request.headers);
  for (const [name, value] of carried)
    if (!request.headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), headerOfText(value));
  return { ...request, headers, query: request.query.filter(([name]) => !isCarried(name.toLowerCase())) };
};

const isAmz = (name: string): boolean => name.startsWith('x-amz-') && !OF_SIGNATURE.has(name);

/**
 * Makes headers of the `x-amz-*` names in the query of a presigned URL: whoever opens it sends none, so SDKs write them there when they sign. They are
 * covered by the signature like the rest of the query, so this comes after it was verified. A header that is really sent stays.
 */
export const withCarriedHeaders = (request: S3Request): S3Request => withHeadersOf(request, isAmz);

/** The same of a URL of the older signature, which covers them as headers only: so this comes before it is verified. Others stay as they are. */
export const withOlderCarriedHeaders = (request: S3Request): S3Request =>
  isOlder(request) ? withHeadersOf(request, (name) => isAmz(name) || OF_OLDER.has(name)) : request;
