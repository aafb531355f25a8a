import type { ServerResponse } from 'node:http';
import { type S3Request, queryValue } from '../s3/s3-request.js';

/**
 * Query name by which a link says which page may read its answers in a browser: the page that asked for it. It is signed with the rest of the URL, so no
 * other page puts itself there, and nothing needs to be set for it.
 */
export const PAGE_ORIGIN_QUERY = 'x-fornax-origin';

/** The page of a request's link, when the request comes from that page. Nothing is known of the signature yet. */
const pageOriginOf = (request: S3Request): string | undefined => {
  const origin = queryValue(request, PAGE_ORIGIN_QUERY);
  return origin !== undefined && origin !== '' && request.headers.get('origin') === origin ? origin : undefined;
};

/** The request that a page asks about before it makes it (CORS-preflight, Fetch standard); undefined for any other. */
export const askedAbout = (request: S3Request): S3Request | undefined => {
  const method = request.headers.get('access-control-request-method');
  return request.method === 'OPTIONS' && method !== undefined && pageOriginOf(request) !== undefined
    ? { ...request, method }
    : undefined;
};

/** Lets the page of a link whose signature is right read the answer. */
export const openToPage = (request: S3Request, response: ServerResponse): void => {
  if (queryValue(request, PAGE_ORIGIN_QUERY) === undefined) return;
  // Whatever somebody stored: opened as a page it runs no script, and is taken for nothing else than it says.
  response.setHeader(
    'content-security-policy',
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
  );
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('vary', 'Origin');
  const origin = pageOriginOf(request);
  if (origin === undefined) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'content-length, content-range, etag, x-amz-request-id');
};

/** Answers what a page asked before its request: that it may make this one, with the type of what it sends, for a part of an object, or only where there is none yet. */
export const answerPage = ({ method }: S3Request, response: ServerResponse): void => {
  response
    .writeHead(204, {
      'access-control-allow-methods': method,
      'access-control-allow-headers': 'content-type, range, if-none-match',
      'access-control-max-age': '60',
    })
    .end();
};
