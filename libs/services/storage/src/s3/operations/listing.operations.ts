import type { Listing, ObjectInfo } from '@fornax/object-store';
import { accessDenied, encodePath, s3Error, type S3Error, type XmlChildren } from '@fornax/s3';
import { placeForLease, reachBucket } from '../../access/authorize.js';
import type { Principal } from '../../access/principal.js';
import { type Exchange, quoted, sendXml, userOf } from '../exchange.js';
import { queryValue } from '../s3-request.js';

const MAX_KEYS = 1000;

interface ListingQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Keys as the client wants them written. */
  readonly encode: (text: string) => string;
  readonly encodingType: string | undefined;
}

const invalidArgument = (name: string, value: string): S3Error =>
  s3Error('InvalidArgument', `The value of ${name} is not valid.`, { ArgumentName: name, ArgumentValue: value });

const listingQuery = ({ request }: Exchange): ListingQuery => {
  const maxKeysText = queryValue(request, 'max-keys') ?? queryValue(request, 'max-uploads') ?? String(MAX_KEYS);
  if (!/^\d{1,10}$/.test(maxKeysText) || Number(maxKeysText) > 2 ** 31 - 1)
    throw invalidArgument('max-keys', maxKeysText);
  const encodingType = queryValue(request, 'encoding-type');
  if (encodingType !== undefined && encodingType !== 'url') throw invalidArgument('encoding-type', encodingType);
  return {
    prefix: queryValue(request, 'prefix') ?? '',
    delimiter: queryValue(request, 'delimiter') ?? '',
    maxKeys: Math.min(Number(maxKeysText), MAX_KEYS),
    encode: encodingType === 'url' ? encodePath : (text) => text,
    encodingType,
  };
};

/** The owner of a bucket in a listing of it: the caller by e-mail, others by id alone. */
const ownerElement = (owner: string, principal: Principal): XmlChildren | undefined => {
  if (principal.kind !== 'user') return undefined;
  return { ID: owner, DisplayName: owner === principal.account ? principal.email : owner };
};

/** A page of a bucket, and whose the bucket is. */
interface Page extends Listing {
  readonly owner: string;
}

/** What a lease may list lies below a prefix that it may read. */
const page = async (exchange: Exchange, { prefix, delimiter, maxKeys }: ListingQuery, after: string): Promise<Page> => {
  const { principal, buckets, request, store, catchUp } = exchange;
  if (principal.kind === 'service') throw accessDenied();
  if (principal.kind === 'lease' && !placeForLease(principal.claims, 'read', { bucket: request.bucket, key: prefix }))
    throw accessDenied();
  await catchUp();
  const { owner } = await reachBucket(buckets, principal, 'read', request.bucket);
  if (maxKeys === 0) return { objects: [], prefixes: [], owner };
  return { ...(await store.list(request.bucket, { prefix, delimiter, after, limit: maxKeys })), owner };
};

const contents = (object: ObjectInfo, encode: (text: string) => string): XmlChildren => ({
  Key: encode(object.key),
  LastModified: object.modifiedAt.toISOString(),
  ETag: quoted(object.etag),
  Size: object.sizeBytes,
  StorageClass: 'STANDARD',
});

const common = ({ request }: Exchange, query: ListingQuery) => ({
  Name: request.bucket,
  Prefix: query.encode(query.prefix),
  Delimiter: query.delimiter === '' ? undefined : query.encode(query.delimiter),
  MaxKeys: query.maxKeys,
  EncodingType: query.encodingType,
});
const commonPrefixes = ({ prefixes }: Listing, { encode }: ListingQuery) =>
  prefixes.map((prefix) => ({ Prefix: encode(prefix) }));

/** GET bucket, version 1. NextMarker is there whenever there is more, also without a delimiter: clients of the platform loop on it. */
export const listObjectsV1 = async (exchange: Exchange): Promise<void> => {
  const query = listingQuery(exchange);
  const marker = queryValue(exchange.request, 'marker') ?? '';
  const listing = await page(exchange, query, marker);
  const owner = ownerElement(listing.owner, exchange.principal);
  sendXml(exchange, 'ListBucketResult', {
    ...common(exchange, query),
    Marker: query.encode(marker),
    IsTruncated: listing.next !== undefined,
    NextMarker: listing.next === undefined ? undefined : query.encode(listing.next),
    Contents: listing.objects.map((object) => ({ ...contents(object, query.encode), Owner: owner })),
    CommonPrefixes: commonPrefixes(listing, query),
  });
};

const continuationToken = (after: string): string => Buffer.from(after).toString('base64url');
const afterOfToken = (given: string): string => {
  const after = Buffer.from(given, 'base64url').toString('utf8');
  if (after === '' || continuationToken(after) !== given || after.includes('\0'))
    throw invalidArgument('continuation-token', given);
  return after;
};

/** GET bucket, version 2. */
export const listObjectsV2 = async (exchange: Exchange): Promise<void> => {
  const query = listingQuery(exchange);
  const token = queryValue(exchange.request, 'continuation-token');
  const startAfter = queryValue(exchange.request, 'start-after');
  const listing = await page(
    exchange,
    query,
    token === undefined || token === '' ? (startAfter ?? '') : afterOfToken(token),
  );
  const isOwnerAsked = queryValue(exchange.request, 'fetch-owner') === 'true';
  const owner = isOwnerAsked ? ownerElement(listing.owner, exchange.principal) : undefined;
  sendXml(exchange, 'ListBucketResult', {
    ...common(exchange, query),
    ContinuationToken: token,
    StartAfter: startAfter === undefined ? undefined : query.encode(startAfter),
    KeyCount: listing.objects.length + listing.prefixes.length,
    IsTruncated: listing.next !== undefined,
    NextContinuationToken: listing.next === undefined ? undefined : continuationToken(listing.next),
    Contents: listing.objects.map((object) => ({ ...contents(object, query.encode), Owner: owner })),
    CommonPrefixes: commonPrefixes(listing, query),
  });
};

/** GET bucket?versions: each object is its only version, named `null`, as in a bucket that never had versioning. */
export const listVersions = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const query = listingQuery(exchange);
  const keyMarker = queryValue(exchange.request, 'key-marker') ?? '';
  const listing = await page(exchange, query, keyMarker);
  sendXml(exchange, 'ListVersionsResult', {
    ...common(exchange, query),
    KeyMarker: query.encode(keyMarker),
    VersionIdMarker: '',
    IsTruncated: listing.next !== undefined,
    NextKeyMarker: listing.next === undefined ? undefined : query.encode(listing.next),
    NextVersionIdMarker: listing.next === undefined ? undefined : 'null',
    Version: listing.objects.map((object) => ({
      ...contents(object, query.encode),
      VersionId: 'null',
      IsLatest: true,
      Owner: ownerElement(listing.owner, exchange.principal),
    })),
    CommonPrefixes: commonPrefixes(listing, query),
  });
};

/** GET bucket?uploads */
export const listUploads = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const query = listingQuery(exchange);
  const { request, store } = exchange;
  const bucket = await reachBucket(exchange.buckets, exchange.principal, 'write', request.bucket);
  const keyMarker = queryValue(request, 'key-marker') ?? '';
  const idMarker = queryValue(request, 'upload-id-marker') ?? '';
  const all = await store.listUploads(request.bucket, query.prefix);
  const marked = all.findIndex(({ key, uploadId }) => key === keyMarker && uploadId === idMarker);
  const rest =
    marked >= 0
      ? all.slice(marked + 1)
      : all.filter(({ key }) => Buffer.compare(Buffer.from(key), Buffer.from(keyMarker)) > 0);
  const shown = rest.slice(0, query.maxKeys);
  const last = shown.at(-1);
  const isTruncated = shown.length < rest.length;
  const owner = ownerElement(bucket.owner, exchange.principal);
  sendXml(exchange, 'ListMultipartUploadsResult', {
    Bucket: request.bucket,
    KeyMarker: query.encode(keyMarker),
    UploadIdMarker: idMarker,
    Prefix: query.encode(query.prefix),
    MaxUploads: query.maxKeys,
    EncodingType: query.encodingType,
    IsTruncated: isTruncated,
    NextKeyMarker: isTruncated && last ? query.encode(last.key) : undefined,
    NextUploadIdMarker: isTruncated ? last?.uploadId : undefined,
    Upload: shown.map(({ key, uploadId, startedAt }) => ({
      Key: query.encode(key),
      UploadId: uploadId,
      Initiator: owner,
      Owner: owner,
      StorageClass: 'STANDARD',
      Initiated: startedAt.toISOString(),
    })),
  });
};
