import { type Place, StoreRefusal, compositeEtag } from '@fornax/object-store';
import { accessDenied, childNodes, childText, malformedXml, parseRange, parseXml, s3Error } from '@fornax/s3';
import { authorize } from '../../access/authorize.js';
import { type Exchange, checkRoom, quoted, sendEmpty, sendXml } from '../exchange.js';
import { openPayload, readBody } from '../payload.js';
import { queryValue } from '../s3-request.js';
import { writeCondition, headersOf, sourceOf } from './object.operations.js';

const MAX_PARTS = 10_000;
/** A list of all parts with their checksums is larger than other documents may be. */
const MAX_COMPLETION_BYTES = 4 * 1024 * 1024;

/** A lease has its uploads in its staging area, like its objects. Services store small objects, in one piece. */
const placeOf = async ({ buckets, principal, request }: Exchange): Promise<Place> => {
  if (principal.kind === 'service') throw accessDenied();
  return authorize(buckets, principal, 'write', { bucket: request.bucket, key: request.key });
};

const uploadOf = async (exchange: Exchange): Promise<Place & { readonly uploadId: string }> => ({
  ...(await placeOf(exchange)),
  uploadId: queryValue(exchange.request, 'uploadId') ?? '',
});

const partNumberOf = (text: string | undefined): number => {
  const number = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  if (number < 1 || number > MAX_PARTS) {
    throw s3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', {
      ArgumentName: 'partNumber',
    });
  }
  return number;
};

export const createUpload = async (exchange: Exchange): Promise<void> => {
  const { request, store } = exchange;
  const place = await placeOf(exchange);
  const uploadId = await store.createUpload(place.bucket, place.key, headersOf(request));
  sendXml(exchange, 'InitiateMultipartUploadResult', { Bucket: request.bucket, Key: request.key, UploadId: uploadId });
};

export const putPart = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, store } = exchange;
  const upload = await uploadOf(exchange);
  const partNumber = partNumberOf(queryValue(request, 'partNumber'));
  const { sizeBytes, source } = openPayload(request, authenticated);
  await checkRoom(exchange, sizeBytes);
  exchange.expectBody();
  const { etag } = await store.putPart(upload, partNumber, source, sizeBytes);
  sendEmpty(exchange, 200, { etag: quoted(etag) });
};

/** UploadPartCopy: a part from a range of an object that is there. */
export const copyPart = async (exchange: Exchange): Promise<void> => {
  const { request, store } = exchange;
  const upload = await uploadOf(exchange);
  const partNumber = partNumberOf(queryValue(request, 'partNumber'));
  const { reader } = await sourceOf(exchange);
  const rangeText = request.headers.get('x-amz-copy-source-range');
  const range = parseRange(rangeText, reader.info.sizeBytes);
  if (range === 'unsatisfiable' || (rangeText !== undefined && !range)) {
    throw s3Error('InvalidArgument', 'The x-amz-copy-source-range value must be of the form bytes=first-last', {
      ArgumentName: 'x-amz-copy-source-range',
    });
  }
  const sizeBytes = range ? range.end - range.start + 1 : reader.info.sizeBytes;
  await checkRoom(exchange, sizeBytes);
  const { etag } = await store.putPart(upload, partNumber, await reader.read(range), sizeBytes);
  sendXml(exchange, 'CopyPartResult', { LastModified: new Date(exchange.now()).toISOString(), ETag: quoted(etag) });
};

export const completeUpload = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, store } = exchange;
  const upload = await uploadOf(exchange);
  const precondition = await writeCondition(exchange, upload);
  exchange.expectBody();
  const document = parseXml(await readBody(request, authenticated, MAX_COMPLETION_BYTES), 'CompleteMultipartUpload');
  const parts = childNodes(document, 'Part').map((part) => ({
    partNumber: partNumberOf(childText(part, 'PartNumber')?.trim()),
    etag: (childText(part, 'ETag') ?? '').trim().replaceAll('"', ''),
  }));
  if (parts.length === 0 || parts.length > MAX_PARTS) throw malformedXml();
  const { etag } = await store.completeUpload(upload, parts, precondition).catch(async (error: unknown) => {
    // The answer to a first try may have been lost: what it made is what this one asks for.
    const made =
      error instanceof StoreRefusal && error.problem === 'NoSuchUpload'
        ? await store.head(upload.bucket, upload.key)
        : undefined;
    if (made && made.etag === compositeEtag(parts.map((part) => part.etag))) return made;
    throw error;
  });
  sendXml(exchange, 'CompleteMultipartUploadResult', {
    Location: `/${request.bucket}/${request.key}`,
    Bucket: request.bucket,
    Key: request.key,
    ETag: quoted(etag),
  });
};

export const abortUpload = async (exchange: Exchange): Promise<void> => {
  await exchange.store.abortUpload(await uploadOf(exchange));
  sendEmpty(exchange, 204);
};

export const listParts = async (exchange: Exchange): Promise<void> => {
  const { request, store } = exchange;
  const upload = await uploadOf(exchange);
  const marker = Number(queryValue(request, 'part-number-marker') ?? 0);
  const most = Number(queryValue(request, 'max-parts') ?? 1000);
  if (!Number.isInteger(marker) || !Number.isInteger(most) || most < 0 || marker < 0)
    throw s3Error('InvalidArgument', 'max-parts and part-number-marker are numbers');
  const rest = (await store.listParts(upload)).filter(({ partNumber }) => partNumber > marker);
  const shown = rest.slice(0, Math.min(most, 1000));
  sendXml(exchange, 'ListPartsResult', {
    Bucket: request.bucket,
    Key: request.key,
    UploadId: upload.uploadId,
    StorageClass: 'STANDARD',
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.partNumber ?? 0,
    MaxParts: most,
    IsTruncated: shown.length < rest.length,
    Part: shown.map(({ partNumber, modifiedAt, etag, sizeBytes }) => ({
      PartNumber: partNumber,
      LastModified: modifiedAt.toISOString(),
      ETag: quoted(etag),
      Size: sizeBytes,
    })),
  });
};
