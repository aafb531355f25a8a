import {
  type ByteRange,
  CONTENT_HEADERS,
  type ObjectChecksum,
  type ObjectHeaders,
  type ObjectInfo,
  type ObjectReader,
  type Place,
  type Precondition,
  sendBytes,
  splitPlace,
  StoreRefusal,
} from '@fornax/object-store';
import { noSuchKey, parseRange, s3Error, type S3Error, type XmlChildren } from '@fornax/s3';
import { allow, type Allowed, authorize, confirmed } from '../../access/authorize.js';
import { etagsOf, judgeConditions } from '../conditions.js';
import {
  type Exchange,
  forObject,
  inRoom,
  objectHeaders,
  findObject,
  quoted,
  sendEmpty,
  sendXml,
  userOf,
} from '../exchange.js';
import { algorithmOf, checksumElements, checksumHeaders, measured } from '../object-checksums.js';
import { openPayload } from '../payload.js';
import { headerOfText, queryValue, type S3Request, textOfHeader } from '../s3-request.js';
import { checkVersion } from '../version.js';

const MAX_METADATA_BYTES = 2048;
const META = 'x-amz-meta-';

/** What may stand in a header of an answer: a presigned URL can carry anything. */
const isHeaderText = (text: string): boolean => !/[\0-\x08\x0a-\x1f\x7f]/.test(text);

/** The headers about the content; `aws-chunked` is the transfer's, and over. */
const contentHeadersOf = ({ headers }: S3Request): Readonly<Record<string, string>> =>
  Object.fromEntries(
    CONTENT_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      if (value === undefined || name !== 'content-encoding') return value === undefined ? [] : [[name, value]];
      const encodings = value.split(',').map((one) => one.trim());
      const kept = encodings.filter((one) => one !== '' && one.toLowerCase() !== 'aws-chunked');
      return kept.length === 0 ? [] : [[name, kept.join(', ')]];
    }),
  );

/** @throws S3Error MetadataTooLarge, InvalidArgument */
export const headersOf = (request: S3Request): ObjectHeaders => {
  const { headers } = request;
  const userMetadata = Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith(META)).map(([name, value]) => [name.slice(META.length), value]),
  );
  const size = Object.entries(userMetadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MAX_METADATA_BYTES)
    throw s3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size.');
  const contentType = headers.get('content-type') || 'binary/octet-stream';
  const contentHeaders = contentHeadersOf(request);
  const values = [contentType, ...Object.values(contentHeaders), ...Object.values(userMetadata)];
  if (!values.every(isHeaderText))
    throw s3Error('InvalidArgument', 'A header of an object holds no control characters.');
  return { contentType, userMetadata, contentHeaders };
};

export const placeOf = ({ request }: Exchange): Place => ({ bucket: request.bucket, key: request.key });
const preconditionFailed = (): S3Error =>
  s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');

/**
 * `If-None-Match` and `If-Match` of a write. Judged before the body is read, so that a large one is not sent for nothing; the store decides with the
 * write.
 * @throws S3Error NotImplemented, NoSuchKey, PreconditionFailed
 */
export const writeCondition = async ({ request, store }: Exchange, place: Place): Promise<Precondition | undefined> => {
  const [match, noneMatch] = [request.headers.get('if-match'), request.headers.get('if-none-match')];
  if (match === undefined && noneMatch === undefined) return undefined;
  if (match !== undefined && noneMatch !== undefined)
    throw s3Error('NotImplemented', 'A write takes If-Match or If-None-Match, not both.');
  const info = await store.head(place.bucket, place.key);
  if (!info && match !== undefined) throw noSuchKey(request.key);
  if (info && judgeConditions((name) => request.headers.get(name), info) !== 'go-on') throw preconditionFailed();
  if (match !== undefined) return { etags: wishedEtags(match) };
  const unwished = etagsOf(noneMatch ?? '*');
  return unwished.includes('*') ? 'absent' : { otherEtags: unwished };
};

const wishedEtags = (header: string): readonly string[] | '*' => {
  const etags = etagsOf(header);
  return etags.includes('*') ? '*' : etags;
};

export const putObject = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, principal, store } = exchange;
  const allowed = await allow(exchange.buckets, principal, 'write', placeOf(exchange));
  const { place } = allowed;
  const headers = headersOf(request);
  const { sizeBytes, source, checksum } = openPayload(request, authenticated);
  const kept = (): ObjectChecksum | undefined => {
    const verified = checksum();
    return verified && { ...verified, type: 'full-object' };
  };
  const { etag } = await inRoom(exchange, allowed, forObject(exchange, place, sizeBytes), async () => {
    const precondition = await writeCondition(exchange, place);
    exchange.expectBody();
    return store.put(place.bucket, place.key, confirmed(source, allowed), {
      ...headers,
      sizeBytes,
      checksum: kept,
      ...(precondition === undefined ? {} : { precondition }),
    });
  });
  sendEmpty(exchange, 200, { etag: quoted(etag), ...checksumHeaders(kept()) });
};

const OVERRIDES = [
  'content-type',
  'content-disposition',
  'content-encoding',
  'content-language',
  'cache-control',
  'expires',
];

const overridesOf = (request: S3Request): Record<string, string> =>
  Object.fromEntries(
    OVERRIDES.flatMap((name) => {
      const value = queryValue(request, `response-${name}`);
      if (value !== undefined && !isHeaderText(value))
        throw s3Error('InvalidArgument', `response-${name} holds no control characters.`);
      return value === undefined ? [] : [[name, headerOfText(value)]];
    }),
  );

/**
 * The part of an object that `partNumber` asks for; an object that was uploaded in one piece is its only part.
 * @throws S3Error InvalidPart, NotImplemented where the store does not know the parts
 */
const partOf = (
  request: S3Request,
  info: ObjectInfo,
): { readonly range?: ByteRange; readonly count?: number; readonly checksum?: ObjectChecksum } | undefined => {
  const text = queryValue(request, 'partNumber');
  if (text === undefined) return undefined;
  if (request.headers.has('range'))
    throw s3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 10_000)
    throw s3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', {
      ArgumentName: 'partNumber',
    });
  const number = Number(text);
  const isWhole = !info.etag.includes('-');
  if (!isWhole && !info.partSizes) throw s3Error('NotImplemented', 'This store does not know the parts of an object.');
  const sizes = info.partSizes ?? [info.sizeBytes];
  const size = sizes[number - 1];
  if (size === undefined) throw s3Error('InvalidPart', 'The requested partnumber is not satisfiable');
  if (isWhole) return info.checksum ? { checksum: info.checksum } : {};
  const value = info.checksum?.parts?.[number - 1];
  const checksum = info.checksum && value !== undefined ? { checksum: { ...info.checksum, value } } : {};
  const start = sizes.slice(0, number - 1).reduce((sum, one) => sum + one, 0);
  return { count: sizes.length, ...checksum, ...(size === 0 ? {} : { range: { start, end: start + size - 1 } }) };
};

/** Headers by which an answer may be a part of the object, or without it. */
const CHOOSING = ['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

/** Whether a request is answered with all of the object, whatever that is. */
const isWholeRead = (request: S3Request): boolean =>
  request.method === 'GET' &&
  !CHOOSING.some((name) => request.headers.has(name)) &&
  queryValue(request, 'partNumber') === undefined;

/** What people get of a bucket is counted for its owner; what nodes and services do is not. */
const countSent = ({ principal, request, sent }: Exchange, payer: Allowed['payer'], bytes: number): void => {
  if (principal.kind !== 'user' || payer?.projectId === undefined) return;
  sent({ bucket: request.bucket, owner: payer.owner, project: payer.projectId, bytes });
};

/** GET and HEAD: the same answer but for the body. */
export const getObject = async (exchange: Exchange): Promise<void> => {
  const { request, response, buckets, principal, store } = exchange;
  const { place, payer } = await allow(buckets, principal, 'read', placeOf(exchange));
  const overrides = overridesOf(request);
  const options = { isReadWhole: isWholeRead(request) };
  const reader = await findObject(exchange, placeOf(exchange), () => store.get(place.bucket, place.key, options));
  const { info } = reader;
  const headers = { ...objectHeaders(info), ...overrides };
  const judged = judgeConditions((name) => request.headers.get(name), info);
  if (judged === 'failed') throw preconditionFailed();
  if (judged === 'not-modified')
    return sendEmpty(exchange, 304, { etag: headers.etag ?? '', 'last-modified': info.modifiedAt.toUTCString() });
  const part = partOf(request, info);
  const range = part?.range ?? parseRange(request.headers.get('range'), info.sizeBytes);
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${info.sizeBytes}`);
    throw s3Error('InvalidRange', 'The requested range is not satisfiable', {
      ActualObjectSize: String(info.sizeBytes),
    });
  }
  const length = range ? range.end - range.start + 1 : info.sizeBytes;
  const partial = range ? { 'content-range': `bytes ${range.start}-${range.end}/${info.sizeBytes}` } : {};
  // A checksum is that of all bytes, or of a part: an answer with others has none.
  const isAsked =
    request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED' &&
    (part !== undefined || length === info.sizeBytes);
  const counted = part?.count === undefined ? {} : { 'x-amz-mp-parts-count': String(part.count) };
  const more = {
    ...partial,
    ...counted,
    ...(isAsked ? checksumHeaders(part === undefined ? info.checksum : part.checksum) : {}),
  };
  const isWithoutBody = request.method === 'HEAD' || length === 0;
  // A HEAD that says yes to an object whose GET fails would lie.
  if (isWithoutBody) await reader.check();
  const body = isWithoutBody ? undefined : await reader.read(range);
  response.writeHead(range ? 206 : 200, { ...headers, ...more, 'content-length': length });
  if (!body) return void response.end();
  const { socket } = response;
  const before = socket?.bytesWritten ?? 0;
  try {
    // Once it has begun, a failure can only be shown by breaking off.
    await sendBytes(body, response).catch((error: unknown) => {
      if (!response.destroyed) response.destroy();
      if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
    });
  } finally {
    countSent(
      exchange,
      payer,
      response.writableFinished ? length : Math.min(length, (socket?.bytesWritten ?? 0) - before),
    );
  }
};

/** GET object?tagging: no object has tags. Clients ask before they copy a large one. */
export const noTags = async (exchange: Exchange): Promise<void> => {
  const { buckets, principal, store } = exchange;
  const place = await authorize(buckets, principal, 'read', placeOf(exchange));
  await findObject(exchange, placeOf(exchange), () => store.head(place.bucket, place.key));
  sendXml(exchange, 'Tagging', { TagSet: {} });
};

/** The object that `x-amz-copy-source` names: `[/]bucket/key`, percent-encoded, the version `null` at most. */
export const copySource = ({ headers }: S3Request): Place => {
  const invalid = (): S3Error =>
    s3Error('InvalidArgument', 'x-amz-copy-source must be /bucket/key', { ArgumentName: 'x-amz-copy-source' });
  const [path = '', version] = textOfHeader(headers.get('x-amz-copy-source') ?? '').split('?versionId=');
  checkVersion(version);
  try {
    const place = splitPlace(decodeURIComponent(path).replace(/^\//, ''));
    if (place && !place.key.includes('\0')) return place;
  } catch {
    // not percent-encoded text: the same answer
  }
  throw invalid();
};

/** The source of a copy, checked against its conditions. */
export const sourceOf = async (exchange: Exchange) => {
  const { request, buckets, principal, store } = exchange;
  const from = await authorize(buckets, principal, 'read', copySource(request));
  const reader = await findObject(exchange, from, () => store.get(from.bucket, from.key));
  if (judgeConditions((name) => request.headers.get(name), reader.info, 'x-amz-copy-source-') !== 'go-on')
    throw preconditionFailed();
  return { from, reader };
};

export const copyObject = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const { request } = exchange;
  const allowed = await allow(exchange.buckets, exchange.principal, 'write', placeOf(exchange));
  const { place: to } = allowed;
  const isReplacing = request.headers.get('x-amz-metadata-directive')?.toUpperCase() === 'REPLACE';
  const copy = async (): Promise<XmlChildren> => {
    const { from, reader } = await sourceOf(exchange);
    if (!isReplacing && from.bucket === to.bucket && from.key === to.key) {
      throw s3Error(
        'InvalidRequest',
        'This copy request is illegal because it is trying to copy an object to itself without changing its metadata.',
      );
    }
    return inRoom(exchange, allowed, forObject(exchange, to, reader.info.sizeBytes), () =>
      copyTo(exchange, { allowed, from, reader, isReplacing }),
    );
  };
  const isOver = (error: unknown): boolean => error instanceof StoreRefusal && error.problem === 'SourceChanged';
  // A source that is replaced between the look and the copy is looked at again.
  const copied = await copy().catch((error: unknown) => {
    if (isOver(error)) return copy();
    throw error;
  });
  sendXml(exchange, 'CopyObjectResult', copied);
};

interface Copying {
  readonly allowed: Allowed;
  readonly from: Place;
  readonly reader: ObjectReader;
  readonly isReplacing: boolean;
}

/** @returns what the answer says of the new object */
const copyTo = async (exchange: Exchange, { allowed, from, reader, isReplacing }: Copying): Promise<XmlChildren> => {
  const { request, store } = exchange;
  const { place: to } = allowed;
  const precondition = await writeCondition(exchange, to);
  const headers = isReplacing ? headersOf(request) : undefined;
  const { checksum } = reader.info;
  const name = request.headers.get('x-amz-checksum-algorithm');
  const wanted = name === undefined ? checksum?.algorithm : algorithmOf(name);
  if (wanted !== undefined && (wanted !== checksum?.algorithm || (name !== undefined && checksum.type === 'composite')))
    return copyWithChecksum(exchange, { allowed, reader, headers: headers ?? reader.info, precondition }, wanted);
  // Room was taken for this source: another one may have any size.
  const { etag, modifiedAt } = await store.copy({ ...from, etag: reader.info.etag }, to, headers, precondition);
  const copied = etag === reader.info.etag ? checksumElements(checksum) : {};
  return { LastModified: modifiedAt.toISOString(), ETag: quoted(etag), ...copied };
};

/** A copy with a checksum that the source has not: its bytes are read for it. @throws S3Error NotImplemented */
const copyWithChecksum = async (
  exchange: Exchange,
  {
    allowed,
    reader,
    headers,
    precondition,
  }: {
    readonly allowed: Allowed;
    readonly reader: ObjectReader;
    readonly headers: ObjectHeaders;
    readonly precondition: Precondition | undefined;
  },
  algorithm: string,
): Promise<XmlChildren> => {
  const { store, now } = exchange;
  if (!store.keepsPartChecksums)
    throw s3Error('NotImplemented', 'This store computes no checksum while it copies an object.');
  const { contentType, userMetadata, contentHeaders = {} } = headers;
  const { sizeBytes } = reader.info;
  const { source, checksum } = measured(algorithm, await reader.read());
  const kept = (): ObjectChecksum | undefined => {
    const known = checksum();
    return known && { ...known, type: 'full-object' };
  };
  const condition = precondition === undefined ? {} : { precondition };
  const about = { contentType, userMetadata, contentHeaders, sizeBytes, checksum: kept, ...condition };
  const { bucket, key } = allowed.place;
  const { etag } = await store.put(bucket, key, confirmed(source, allowed), about);
  return { LastModified: new Date(now()).toISOString(), ETag: quoted(etag), ...checksumElements(kept()) };
};
