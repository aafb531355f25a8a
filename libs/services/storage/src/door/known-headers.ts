import { type S3Error, s3Error } from '@fornax/s3';
import { CHECKSUMS as ALGORITHMS } from '../s3/checksums.js';
import { CHECKSUM_HEADER } from '../s3/object-checksums.js';
import { hasQuery, type S3Request } from '../s3/s3-request.js';

/** What becomes of a header: it does what it says; it says what is so anyway; or the request is refused unless it holds one of these values. */
type Fate = 'honored' | 'harmless' | readonly string[];

const CHECKSUMS = [...ALGORITHMS.keys()].map((name) => `${CHECKSUM_HEADER}${name}`);
const COPY_CONDITIONS = ['match', 'none-match', 'modified-since', 'unmodified-since'];

/**
 * Every `x-amz-*` header that this endpoint knows (Amazon S3 API reference). An allow-list: whoever asks for what is not kept (encryption with a key of
 * one's own, a lock, tags, rights for others) is told so, and does not believe it was done.
 */
export const KNOWN_HEADERS: ReadonlyMap<string, Fate> = new Map<string, Fate>([
  ...[
    'x-amz-checksum-algorithm',
    'x-amz-checksum-mode',
    'x-amz-checksum-type',
    'x-amz-content-sha256',
    'x-amz-copy-source',
    'x-amz-copy-source-range',
    ...COPY_CONDITIONS.map((name) => `x-amz-copy-source-if-${name}`),
    'x-amz-date',
    'x-amz-decoded-content-length',
    'x-amz-expected-bucket-owner',
    'x-amz-if-match-last-modified-time',
    'x-amz-if-match-size',
    'x-amz-max-parts',
    'x-amz-metadata-directive',
    'x-amz-mp-object-size',
    'x-amz-object-attributes',
    'x-amz-part-number-marker',
    'x-amz-sdk-checksum-algorithm',
    'x-amz-security-token',
    'x-amz-source-expected-bucket-owner',
    ...CHECKSUMS,
  ].map((name) => [name, 'honored'] as const),
  ...[
    'x-amz-bypass-governance-retention', // nothing is retained
    'x-amz-object-ownership', // objects are their bucket's owner's
    'x-amz-optional-object-attributes', // as it says
    'x-amz-request-payer', // nobody is charged for requests
    'x-amz-storage-class', // there is one
    'x-amz-tagging-directive', // there are no tags to copy
    'x-amz-user-agent',
  ].map((name) => [name, 'harmless'] as const),
  ['x-amz-acl', ['private', 'bucket-owner-full-control']],
  ['x-amz-bucket-object-lock-enabled', ['false']],
  ['x-amz-trailer', CHECKSUMS],
]);

const META = 'x-amz-meta-';

const refused = (name: string): S3Error =>
  s3Error('NotImplemented', `A header you provided implies functionality that is not implemented: ${name}`, {
    Header: name,
  });

const WRITE_CONDITIONS = ['if-match', 'if-none-match'];

/** Conditions that requests of a method do not have: whoever sets one would believe that it was looked at. */
const conditionsOf = (method: string): readonly string[] =>
  method === 'DELETE' ? ['if-none-match'] : ['x-amz-if-match-last-modified-time', 'x-amz-if-match-size'];

/**
 * Looks whether all that a request's headers ask for is done here.
 * @throws S3Error NotImplemented
 */
export const checkHeaders = (request: S3Request): void => {
  const { headers, method } = request;
  for (const [name, value] of headers) {
    if (!name.startsWith('x-amz-') || name.startsWith(META)) continue;
    const fate = KNOWN_HEADERS.get(name);
    if (fate === undefined) throw refused(name.slice(0, 100));
    const isKnown = typeof fate === 'string' || fate.includes(value.trim().toLowerCase());
    if (!isKnown) throw refused(name);
  }
  const unmet = conditionsOf(method).find((name) => headers.has(name));
  if (unmet !== undefined) throw refused(unmet);
  // A part is no object yet: nothing could be compared.
  const onPart =
    method === 'PUT' && hasQuery(request, 'uploadId') ? WRITE_CONDITIONS.find((name) => headers.has(name)) : undefined;
  if (onPart !== undefined) throw refused(onPart);
};
