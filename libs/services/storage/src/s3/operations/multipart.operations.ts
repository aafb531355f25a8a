import {
  type ObjectChecksum,
  type PartChecksum,
  type PartRef,
  type Place,
  StoreRefusal,
  compositeEtag,
} from '@fornax/object-store';
import {
  accessDenied,
  childNodes,
  childText,
  malformedXml,
  parseRange,
  parseRangeHeader,
  parseXml,
  s3Error,
} from '@fornax/s3';
import { allow, type Allowed } from '../../access/authorize.js';
import { type Exchange, inRoom, quoted, sendEmpty, sendXml } from '../exchange.js';
import { CHECKSUMS } from '../checksums.js';
import {
  CHECKSUM_HEADER,
  checkType,
  checksumElement,
  checksumElements,
  checksumOfParts,
  measured,
  partChecksumHeaders,
  typeWord,
  wantedChecksum,
} from '../object-checksums.js';
import { openPayload, readBody } from '../payload.js';
import { queryValue } from '../s3-request.js';
import { writeCondition, headersOf, sourceOf } from './object.operations.js';

const MAX_PARTS = 10_000;
/** A list of all parts with their checksums is larger than other documents may be. */
const MAX_COMPLETION_BYTES = 4 * 1024 * 1024;

/** A lease has its uploads in its staging area, like its objects. Services store small objects, in one piece. */
const allowedOf = async ({ buckets, principal, request }: Exchange): Promise<Allowed> => {
  if (principal.kind === 'service') throw accessDenied();
  return allow(buckets, principal, 'write', { bucket: request.bucket, key: request.key });
};

const uploadIn = ({ request }: Exchange, { place }: Allowed): Place & { readonly uploadId: string } => ({
  ...place,
  uploadId: queryValue(request, 'uploadId') ?? '',
});

const uploadOf = async (exchange: Exchange): Promise<Place & { readonly uploadId: string }> =>
  uploadIn(exchange, await allowedOf(exchange));

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
  const allowed = await allowedOf(exchange);
  const { place } = allowed;
  const checksum = wantedChecksum(request.headers);
  const headers = { ...headersOf(request), ...(checksum ? { checksum } : {}) };
  // One more even where it will take the place of an object: until it is complete it lies beside that, and there may be many.
  const uploadId = await inRoom(exchange, allowed, { amounts: { objects: 1 } }, () =>
    store.createUpload(place.bucket, place.key, headers),
  );
  if (checksum && store.keepsPartChecksums) {
    exchange.response.setHeader('x-amz-checksum-algorithm', checksum.algorithm.toUpperCase());
    exchange.response.setHeader('x-amz-checksum-type', typeWord(checksum.type));
  }
  sendXml(exchange, 'InitiateMultipartUploadResult', { Bucket: request.bucket, Key: request.key, UploadId: uploadId });
};

export const putPart = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, store } = exchange;
  const allowed = await allowedOf(exchange);
  const upload = uploadIn(exchange, allowed);
  const partNumber = partNumberOf(queryValue(request, 'partNumber'));
  const wanted = await store.findUpload(upload);
  const { sizeBytes, source, checksum } = openPayload(request, authenticated, wanted.checksum?.algorithm);
  const { etag } = await inRoom(exchange, allowed, { amounts: { bytes: sizeBytes } }, () => {
    exchange.expectBody();
    return store.putPart(upload, partNumber, source, sizeBytes, checksum);
  });
  sendEmpty(exchange, 200, {
    etag: quoted(etag),
    ...(store.keepsPartChecksums ? partChecksumHeaders(checksum()) : {}),
  });
};

/** UploadPartCopy: a part from a range of an object that is there. */
export const copyPart = async (exchange: Exchange): Promise<void> => {
  const { request, store } = exchange;
  const allowed = await allowedOf(exchange);
  const upload = uploadIn(exchange, allowed);
  const partNumber = partNumberOf(queryValue(request, 'partNumber'));
  const { reader } = await sourceOf(exchange);
  const rangeText = request.headers.get('x-amz-copy-source-range');
  const range = parseRange(rangeText, reader.info.sizeBytes);
  const wish = parseRangeHeader(rangeText);
  const isBehindEnd = wish?.kind === 'from' && (wish.last ?? 0) >= reader.info.sizeBytes;
  if (isBehindEnd || (wish && range === 'unsatisfiable'))
    throw s3Error('InvalidRange', 'The x-amz-copy-source-range is not within the source object.', {
      ActualObjectSize: String(reader.info.sizeBytes),
    });
  if (range === 'unsatisfiable' || (rangeText !== undefined && !range)) {
    throw s3Error('InvalidArgument', 'The x-amz-copy-source-range value must be of the form bytes=first-last', {
      ArgumentName: 'x-amz-copy-source-range',
    });
  }
  const sizeBytes = range ? range.end - range.start + 1 : reader.info.sizeBytes;
  const copied = await inRoom(exchange, allowed, { amounts: { bytes: sizeBytes } }, async () => {
    const wanted = await store.findUpload(upload);
    const { source, checksum } = measured(wanted.checksum?.algorithm, await reader.read(range));
    const { etag } = await store.putPart(upload, partNumber, source, sizeBytes, checksum);
    return { ETag: quoted(etag), ...checksumElements(checksum()) };
  });
  sendXml(exchange, 'CopyPartResult', { LastModified: new Date(exchange.now()).toISOString(), ...copied });
};

interface CompletedPart extends PartRef {
  /** As the client has noted them. */
  readonly checksums: readonly PartChecksum[];
}

/**
 * Looks whether all that a completion says of the content is so: checksums of the parts, checksum and size of the whole.
 * @returns the checksum that the object gets
 * @throws S3Error InvalidPart, BadDigest, InvalidRequest, NotImplemented where the store keeps no checksums of parts
 */
const checkCompletion = async (
  { request, store }: Exchange,
  upload: Place & { readonly uploadId: string },
  parts: readonly CompletedPart[],
): Promise<ObjectChecksum | undefined> => {
  const { headers } = request;
  const { checksum: wanted } = await store.findUpload(upload);
  const said = [...CHECKSUMS.keys()].flatMap((algorithm) => {
    const value = headers.get(`${CHECKSUM_HEADER}${algorithm}`);
    return value === undefined ? [] : [{ algorithm, value }];
  });
  const hasChecksums = said.length > 0 || parts.some(({ checksums }) => checksums.length > 0);
  if (hasChecksums && !store.keepsPartChecksums)
    throw s3Error('NotImplemented', 'This store keeps no checksums of parts: complete the upload without them.');
  const size = headers.get('x-amz-mp-object-size');
  if (store.keepsPartChecksums) checkType(headers.get('x-amz-checksum-type'), wanted);
  if (!wanted && !hasChecksums && size === undefined) return undefined;
  const uploaded = new Map((await store.listParts(upload)).map((part) => [part.partNumber, part]));
  // What is missing, or has another ETag, is refused by the store.
  const named = parts.flatMap(({ partNumber }) => uploaded.get(partNumber) ?? []);
  for (const { partNumber, checksums } of parts) {
    const kept = uploaded.get(partNumber)?.checksum;
    if (checksums.some(({ algorithm, value }) => kept?.algorithm !== algorithm || kept.value !== value))
      throw s3Error('InvalidPart', `The checksum of part ${partNumber} is not that of the part that was uploaded.`);
  }
  if (size !== undefined && size.trim() !== String(named.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)))
    throw s3Error('InvalidRequest', "The provided 'x-amz-mp-object-size' header does not match what was computed.");
  const whole = wanted && checksumOfParts(wanted, named);
  for (const { algorithm, value } of said) {
    if (algorithm !== wanted?.algorithm || !whole)
      throw s3Error(
        'InvalidRequest',
        `The upload was not created with the checksum algorithm ${algorithm.toUpperCase()}, so its checksum is not known.`,
      );
    const isSame = value === whole.value || (whole.type === 'composite' && `${value}-${parts.length}` === whole.value);
    if (!isSame)
      throw s3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`);
  }
  return whole;
};

export const completeUpload = async (exchange: Exchange): Promise<void> => {
  const { request, authenticated, store } = exchange;
  const allowed = await allowedOf(exchange);
  const upload = uploadIn(exchange, allowed);
  const precondition = await writeCondition(exchange, upload);
  exchange.expectBody();
  const document = parseXml(
    await readBody(request, authenticated, MAX_COMPLETION_BYTES, false),
    'CompleteMultipartUpload',
  );
  await allowed.confirm();
  const parts = childNodes(document, 'Part').map((part) => ({
    partNumber: partNumberOf(childText(part, 'PartNumber')?.trim()),
    etag: (childText(part, 'ETag') ?? '').trim().replaceAll('"', ''),
    checksums: [...CHECKSUMS.keys()].flatMap((algorithm) => {
      const value = childText(part, checksumElement(algorithm))?.trim();
      return value === undefined ? [] : [{ algorithm, value }];
    }),
  }));
  if (parts.length === 0 || parts.length > MAX_PARTS) throw malformedXml();
  const complete = async (): Promise<{ readonly etag: string; readonly checksum?: ObjectChecksum }> => {
    const checksum = await checkCompletion(exchange, upload, parts);
    const kept = { ...(precondition === undefined ? {} : { precondition }), ...(checksum ? { checksum } : {}) };
    return { ...(await store.completeUpload(upload, parts, kept)), ...(checksum ? { checksum } : {}) };
  };
  const { etag, checksum } = await complete().catch(async (error: unknown) => {
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
    ...checksumElements(checksum),
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
  const { checksum: wanted } = await store.findUpload(upload);
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
    ChecksumAlgorithm: wanted?.algorithm.toUpperCase(),
    ChecksumType: wanted && typeWord(wanted.type),
    IsTruncated: shown.length < rest.length,
    Part: shown.map(({ partNumber, modifiedAt, etag, sizeBytes, checksum }) => ({
      PartNumber: partNumber,
      LastModified: modifiedAt.toISOString(),
      ETag: quoted(etag),
      Size: sizeBytes,
      ...checksumElements(checksum),
    })),
  });
};
