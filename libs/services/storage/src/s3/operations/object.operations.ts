import { type ObjectHeaders, type Place, type Precondition, sendBytes, splitPlace } from '@fornax/object-store';
import {
  childNodes,
  childText,
  malformedXml,
  noSuchKey,
  parseRange,
  parseXml,
  s3Error,
  type S3Error,
} from '@fornax/s3';
import { authorize } from '../../access/authorize.js';
import { etagsOf, judgeConditions } from '../conditions.js';
import {
  type Exchange,
  checkRoom,
  objectHeaders,
  orCaughtUp,
  quoted,
  sendEmpty,
  sendXml,
  userOf,
} from '../exchange.js';
import { openPayload, readBody } from '../payload.js';
import { queryValue, type S3Request } from '../s3-request.js';
import { checkVersion, isOwnVersion, NO_SUCH_VERSION } from '../version.js';
import { MAX_XML_BYTES } from './bucket.operations.js';

const MAX_METADATA_BYTES = 2048;
const MAX_DELETE = 1000;
const META = 'x-amz-meta-';

/** @throws S3Error MetadataTooLarge */
export const headersOf = ({ headers }: S3Request): ObjectHeaders => {
  const userMetadata = Object.fromEntries(
    [...headers].filter(([name]) => name.startsWith(META)).map(([name, value]) => [name.slice(META.length), value]),
  );
  const size = Object.entries(userMetadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MAX_METADATA_BYTES)
    throw s3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size.');
  return { contentType: headers.get('content-type') || 'binary/octet-stream', userMetadata };
};

const placeOf = ({ request }: Exchange): Place => ({ bucket: request.bucket, key: request.key });
const preconditionFailed = (): S3Error =>
  s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold');

/**
 * `If-None-Match: *` and `If-Match` of a PUT. Judged before the body is read, so that a large one is not sent for nothing; the store decides with the
 * write.
 * @throws S3Error NotImplemented, NoSuchKey, PreconditionFailed
 */
export const writeCondition = async ({ request, store }: Exchange, place: Place): Promise<Precondition | undefined> => {
  const [match, noneMatch] = [request.headers.get('if-match'), request.headers.get('if-none-match')];
  if (match === undefined && noneMatch === undefined) return undefined;
  if ((match !== undefined && noneMatch !== undefined) || (noneMatch !== undefined && noneMatch !== '*'))
    throw s3Error('NotImplemented', 'A write takes If-Match, or If-None-Match with *.');
  const info = await store.head(place.bucket, place.key);
  if (!info && match !== undefined) throw noSuchKey(request.key);
  if (info && judgeConditions((name) => request.headers.get(name), info) !== 'go-on') throw preconditionFailed();
  return match === undefined ? 'absent' : { etags: match.trim() === '*' ? '*' : etagsOf(match) };
};

export const putObject = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, principal, store } = exchange;
  const place = await authorize(exchange.buckets, principal, 'write', placeOf(exchange));
  const headers = headersOf(request);
  const { sizeBytes, source } = openPayload(request, authenticated);
  await checkRoom(exchange, sizeBytes);
  const precondition = await writeCondition(exchange, place);
  exchange.expectBody();
  const { etag } = await store.put(place.bucket, place.key, source, {
    ...headers,
    sizeBytes,
    ...(precondition === undefined ? {} : { precondition }),
  });
  sendEmpty(exchange, 200, { etag: quoted(etag) });
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
      return value === undefined || /[^\t\x20-\x7e\x80-\xff]/.test(value) ? [] : [[name, value]];
    }),
  );

/** GET and HEAD: the same answer but for the body. */
export const getObject = async (exchange: Exchange): Promise<void> => {
  const { request, response, buckets, principal, store } = exchange;
  const place = await authorize(buckets, principal, 'read', placeOf(exchange));
  const reader = await orCaughtUp(exchange, () => store.get(place.bucket, place.key));
  if (!reader) throw noSuchKey(request.key);
  const { info } = reader;
  const headers = { ...objectHeaders(info), ...overridesOf(request) };
  const judged = judgeConditions((name) => request.headers.get(name), info);
  if (judged === 'failed') throw preconditionFailed();
  if (judged === 'not-modified')
    return sendEmpty(exchange, 304, { etag: headers.etag ?? '', 'last-modified': info.modifiedAt.toUTCString() });
  const range = parseRange(request.headers.get('range'), info.sizeBytes);
  if (range === 'unsatisfiable') {
    response.setHeader('content-range', `bytes */${info.sizeBytes}`);
    throw s3Error('InvalidRange', 'The requested range is not satisfiable', {
      ActualObjectSize: String(info.sizeBytes),
    });
  }
  const length = range ? range.end - range.start + 1 : info.sizeBytes;
  const partial = range ? { 'content-range': `bytes ${range.start}-${range.end}/${info.sizeBytes}` } : {};
  const isWithoutBody = request.method === 'HEAD' || length === 0;
  // A HEAD that says yes to an object whose GET fails would lie.
  if (isWithoutBody) await reader.check();
  const body = isWithoutBody ? undefined : await reader.read(range);
  response.writeHead(range ? 206 : 200, { ...headers, ...partial, 'content-length': length });
  if (!body) return void response.end();
  // Once it has begun, a failure can only be shown by breaking off.
  await sendBytes(body, response).catch((error: unknown) => {
    if (!response.destroyed) response.destroy();
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) throw error;
  });
};

/** GET object?tagging: no object has tags. Clients ask before they copy a large one. */
export const noTags = async (exchange: Exchange): Promise<void> => {
  const { request, buckets, principal, store } = exchange;
  const place = await authorize(buckets, principal, 'read', placeOf(exchange));
  if (!(await orCaughtUp(exchange, () => store.head(place.bucket, place.key)))) throw noSuchKey(request.key);
  sendXml(exchange, 'Tagging', { TagSet: {} });
};

export const deleteObject = async (exchange: Exchange): Promise<void> => {
  if (exchange.principal.kind !== 'service') userOf(exchange);
  const place = await authorize(exchange.buckets, exchange.principal, 'write', placeOf(exchange));
  await exchange.store.deleteMany(place.bucket, [place.key]);
  sendEmpty(exchange, 204);
};

/** POST bucket?delete. A list without objects is answered too: clients send it for an empty folder. */
export const deleteObjects = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const { request, authenticated, buckets, principal, store } = exchange;
  await authorize(buckets, principal, 'write', { bucket: request.bucket, key: '' });
  exchange.expectBody();
  const document = parseXml(await readBody(request, authenticated, MAX_XML_BYTES), 'Delete');
  const objects = childNodes(document, 'Object').map((node) => ({
    key: childText(node, 'Key'),
    versionId: childText(node, 'VersionId'),
  }));
  const keys = objects.flatMap(({ key }) => (key === undefined || key === '' || key.includes('\0') ? [] : [key]));
  if (objects.length > MAX_DELETE || keys.length !== objects.length) throw malformedXml();
  const hasVersion = ({ versionId }: { readonly versionId: string | undefined }): boolean => isOwnVersion(versionId);
  const there = objects.filter(hasVersion);
  await store.deleteMany(
    request.bucket,
    there.map(({ key = '' }) => key),
  );
  const isQuiet = childText(document, 'Quiet')?.trim().toLowerCase() === 'true';
  sendXml(exchange, 'DeleteResult', {
    Deleted: isQuiet ? [] : there.map(({ key = '', versionId }) => ({ Key: key, VersionId: versionId })),
    Error: objects
      .filter((object) => !hasVersion(object))
      .map(({ key = '', versionId }) => ({
        Key: key,
        VersionId: versionId,
        Code: 'NoSuchVersion',
        Message: NO_SUCH_VERSION,
      })),
  });
};

/** The object that `x-amz-copy-source` names: `[/]bucket/key`, percent-encoded, the version `null` at most. */
const copySource = ({ headers }: S3Request): Place => {
  const invalid = (): S3Error =>
    s3Error('InvalidArgument', 'x-amz-copy-source must be /bucket/key', { ArgumentName: 'x-amz-copy-source' });
  const [path = '', version] = (headers.get('x-amz-copy-source') ?? '').split('?versionId=');
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
  const reader = await orCaughtUp(exchange, () => store.get(from.bucket, from.key));
  if (!reader) throw noSuchKey(from.key);
  if (judgeConditions((name) => request.headers.get(name), reader.info, 'x-amz-copy-source-') !== 'go-on')
    throw preconditionFailed();
  return { from, reader };
};

export const copyObject = async (exchange: Exchange): Promise<void> => {
  userOf(exchange);
  const { request, store } = exchange;
  const to = await authorize(exchange.buckets, exchange.principal, 'write', placeOf(exchange));
  const { from, reader } = await sourceOf(exchange);
  const isReplacing = request.headers.get('x-amz-metadata-directive')?.toUpperCase() === 'REPLACE';
  if (!isReplacing && from.bucket === to.bucket && from.key === to.key) {
    throw s3Error(
      'InvalidRequest',
      'This copy request is illegal because it is trying to copy an object to itself without changing its metadata.',
    );
  }
  await checkRoom(exchange, reader.info.sizeBytes);
  const { etag, modifiedAt } = await store.copy(from, to, isReplacing ? headersOf(request) : undefined);
  sendXml(exchange, 'CopyObjectResult', { LastModified: modifiedAt.toISOString(), ETag: quoted(etag) });
};
