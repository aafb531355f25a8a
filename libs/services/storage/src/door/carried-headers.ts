import { type S3Request, headerOfText } from '../s3/s3-request.js';

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

/**
 * Makes headers of the `x-amz-*` names in the query of a presigned URL: whoever opens it sends none, so SDKs write them there when they sign. They are
 * covered by the signature like the rest of the query, so this comes after it was verified. A header that is really sent stays.
 */
export const withCarriedHeaders = (request: S3Request): S3Request => {
  const isCarried = ([name]: readonly [string, string]): boolean =>
    /^x-amz-/i.test(name) && !OF_SIGNATURE.has(name.toLowerCase());
  const carried = request.query.filter(isCarried);
  if (carried.length === 0) return request;
  const headers = new Map(request.headers);
  for (const [name, value] of carried)
    if (!request.headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), headerOfText(value));
  return { ...request, headers, query: request.query.filter((pair) => !isCarried(pair)) };
};
