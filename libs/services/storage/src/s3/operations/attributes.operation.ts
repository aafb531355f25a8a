import type { ObjectInfo } from '@fornax/object-store';
import { s3Error, type S3Error, type XmlChildren } from '@fornax/s3';
import { authorize } from '../../access/authorize.js';
import { type Exchange, findObject, sendXml } from '../exchange.js';
import { checksumElement, checksumElements } from '../object-checksums.js';

const MAX_PARTS = 1_000;

const invalid = (name: string): S3Error =>
  s3Error('InvalidArgument', `The value of ${name} is not valid.`, { ArgumentName: name });

const numberOf = (header: string | undefined, name: string, least: number, fallback: number): number => {
  if (header === undefined) return fallback;
  if (!/^\d{1,10}$/.test(header) || Number(header) < least) throw invalid(name);
  return Number(header);
};

/** A page of the parts of an object. */
const partsOf = (
  { partSizes = [], checksum }: ObjectInfo,
  headers: ReadonlyMap<string, string>,
): XmlChildren | undefined => {
  if (partSizes.length === 0) return undefined;
  const most = Math.min(numberOf(headers.get('x-amz-max-parts'), 'x-amz-max-parts', 1, MAX_PARTS), MAX_PARTS);
  const marker = numberOf(headers.get('x-amz-part-number-marker'), 'x-amz-part-number-marker', 0, 0);
  const shown = partSizes.map((sizeBytes, at) => ({ number: at + 1, sizeBytes })).slice(marker, marker + most);
  return {
    PartsCount: partSizes.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.number ?? 0,
    MaxParts: most,
    IsTruncated: marker + shown.length < partSizes.length,
    Part: shown.map(({ number, sizeBytes }) => ({
      PartNumber: number,
      Size: sizeBytes,
      ...(checksum ? { [checksumElement(checksum.algorithm)]: checksum.parts?.[number - 1] } : {}),
    })),
  };
};

const ATTRIBUTES: Readonly<Record<string, (info: ObjectInfo, headers: ReadonlyMap<string, string>) => XmlChildren>> = {
  etag: ({ etag }) => ({ ETag: etag }),
  checksum: ({ checksum }) => (checksum ? { Checksum: checksumElements(checksum) } : {}),
  objectparts: (info, headers) => ({ ObjectParts: partsOf(info, headers) }),
  storageclass: () => ({ StorageClass: 'STANDARD' }),
  objectsize: ({ sizeBytes }) => ({ ObjectSize: sizeBytes }),
};

/** GET object?attributes: what `x-amz-object-attributes` names. */
export const objectAttributes = async (exchange: Exchange): Promise<void> => {
  const { request, response, buckets, principal, store } = exchange;
  const wanted = (request.headers.get('x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase());
  const readers = wanted.map((name) => (Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined));
  if (readers.includes(undefined)) throw invalid('x-amz-object-attributes');
  const { bucket, key } = await authorize(buckets, principal, 'read', { bucket: request.bucket, key: request.key });
  const info = await findObject(exchange, { bucket, key }, () => store.head(bucket, key));
  response.setHeader('last-modified', info.modifiedAt.toUTCString());
  const elements = readers.map((read) => read?.(info, request.headers) ?? {});
  sendXml(exchange, 'GetObjectAttributesResponse', Object.assign({}, ...elements));
};
