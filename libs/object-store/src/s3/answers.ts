import type { IncomingHttpHeaders } from 'node:http';
import { S3Error } from 'minio';
import {
  CONTENT_HEADERS,
  type DeletionCondition,
  type ObjectChecksum,
  type ObjectHeaders,
  type ObjectInfo,
  type Precondition,
  ServiceFailed,
  type StoreProblem,
  StoreRefusal,
} from '../port/object-store.js';

/** Begins the header of each entry of an object's own metadata. */
const META = 'x-amz-meta-';
const KEPT: ReadonlySet<string> = new Set(CONTENT_HEADERS);

const PROBLEMS: readonly StoreProblem[] = [
  'NoSuchKey',
  'NoSuchUpload',
  'InvalidPart',
  'InvalidPartOrder',
  'EntityTooSmall',
  'IncompleteBody',
  'InsufficientStorage',
  'KeyTooLong',
  'PreconditionFailed',
];

/** The service has no such object. */
export const isMissing = (error: unknown): boolean =>
  error instanceof S3Error && (error.code === 'NotFound' || error.code === 'NoSuchKey');
/** An error of the service as the refusal that the port knows; any other "no" of it as {@link ServiceFailed}; any other error as it is. */
export const refused = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  if (!(error instanceof S3Error)) {
    const status = /Retryable HTTP status: (\d{3})/.exec(error.message)?.[1];
    return status === undefined ? error : new ServiceFailed(status, { cause: error });
  }
  return refusalOf(error.code ?? 'an error', error.message, error);
};

/** What a code of the service says. */
export const refusalOf = (code: string, message: string, cause?: unknown): StoreRefusal | ServiceFailed => {
  const problem = PROBLEMS.find((name) => name === code || `${name}Error` === code);
  return problem ? new StoreRefusal(problem, message, { cause }) : new ServiceFailed(code, { cause });
};

export const unquoted = (etag: string | string[] | undefined): string => String(etag ?? '').replaceAll('"', '');
/** Text of other characters than HTTP headers are sure to carry is written as an encoded word (RFC 2047), as other clients of S3 do. */
const wireText = (text: string): string =>
  /^(?!=\?)[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
const textOfWire = (value: string): string => {
  const encoded = /^=\?UTF-8\?B\?([A-Za-z0-9+/]+=*)\?=$/.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
};

export const wireHeaders = ({
  contentType,
  userMetadata,
  contentHeaders = {},
}: ObjectHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      'content-type': contentType,
      ...contentHeaders,
      ...Object.fromEntries(Object.entries(userMetadata).map(([name, value]) => [`${META}${name}`, value])),
    }).map(([name, value]) => [name, wireText(value)]),
  );

/** Algorithms of checksums that S3 services take. */
const NATIVE = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'];

/** A checksum as the header by which the service verifies and keeps it. */
export const checksumHeaders = (checksum: ObjectChecksum | undefined): Record<string, string> =>
  checksum?.type === 'full-object' && NATIVE.includes(checksum.algorithm)
    ? { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value }
    : {};

/** What the headers of an answer say of an object. They are read from the answer itself: the client mixes headers that servers add into the user's metadata. */
export const infoOfHeaders = (key: string, headers: IncomingHttpHeaders): ObjectInfo => {
  const userMetadata: [string, string][] = [];
  const contentHeaders: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (name.startsWith(META)) userMetadata.push([name.slice(META.length), textOfWire(String(value))]);
    else if (KEPT.has(name)) contentHeaders.push([name, textOfWire(String(value))]);
  }
  const algorithm = NATIVE.find((name) => headers[`x-amz-checksum-${name}`] !== undefined);
  const value = String(headers[`x-amz-checksum-${algorithm}`]);
  const isComposite = value.includes('-') || String(headers['x-amz-checksum-type']).toUpperCase() === 'COMPOSITE';
  return {
    key,
    sizeBytes: Number(headers['content-length'] ?? 0),
    etag: unquoted(headers.etag),
    contentType: headers['content-type'] ?? 'binary/octet-stream',
    userMetadata: Object.fromEntries(userMetadata),
    contentHeaders: Object.fromEntries(contentHeaders),
    modifiedAt: new Date(headers['last-modified'] ?? 0),
    ...(algorithm === undefined || isComposite ? {} : { checksum: { algorithm, value, type: 'full-object' as const } }),
  };
};

const listed = (etags: readonly string[]): string => etags.map((etag) => `"${etag}"`).join(', ');

/** Whether a precondition holds where this is. */
export const holds = (precondition: Precondition, info: ObjectInfo | undefined): boolean => {
  if (precondition === 'absent') return info === undefined;
  if ('otherEtags' in precondition) return info === undefined || !precondition.otherEtags.includes(info.etag);
  return info !== undefined && (precondition.etags === '*' || precondition.etags.includes(info.etag));
};

const secondOf = (at: Date): number => Math.floor(at.getTime() / 1000);

/** Whether an object is what its deletion expects it to be. */
export const isExpected = (
  { etags = '*', sizeBytes, modifiedAt }: DeletionCondition,
  info: Pick<ObjectInfo, 'etag' | 'sizeBytes' | 'modifiedAt'>,
): boolean =>
  (etags === '*' || etags.includes(info.etag)) &&
  (sizeBytes === undefined || sizeBytes === info.sizeBytes) &&
  (modifiedAt === undefined || secondOf(modifiedAt) === secondOf(info.modifiedAt));

/** What services take with a write: hardly one takes `If-None-Match` with an etag. */
export type WireCondition = Exclude<Precondition, { readonly otherEtags: readonly string[] }>;

/** A precondition as headers: the service decides, with what it has. */
export const conditionOf = (precondition: WireCondition | undefined): Record<string, string> => {
  if (precondition === undefined) return {};
  if (precondition === 'absent') return { 'if-none-match': '*' };
  const { etags } = precondition;
  return { 'if-match': etags === '*' ? '*' : listed(etags) };
};

/** A listing entry of the client: an object, or a rolled-up prefix. */
export const entryOf = (entry: object): { readonly key: string; readonly info?: Omit<ObjectInfo, 'key'> } => {
  if ('prefix' in entry && typeof entry.prefix === 'string') return { key: entry.prefix };
  const key = 'name' in entry ? String(entry.name) : '';
  const sizeBytes = 'size' in entry ? Number(entry.size) : 0;
  const etag = 'etag' in entry ? String(entry.etag) : '';
  const modifiedAt = 'lastModified' in entry && entry.lastModified instanceof Date ? entry.lastModified : new Date(0);
  return { key, info: { sizeBytes, etag, modifiedAt, contentType: '', userMetadata: {} } };
};
