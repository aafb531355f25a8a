import { S3Error } from 'minio';
import {
  type ObjectHeaders,
  type ObjectInfo,
  type Precondition,
  type StoreProblem,
  StoreRefusal,
} from '../port/object-store.js';

/** Begins the header of each entry of an object's own metadata. */
export const META = 'x-amz-meta-';

const PROBLEMS: readonly StoreProblem[] = [
  'NoSuchKey',
  'NoSuchUpload',
  'InvalidPart',
  'InvalidPartOrder',
  'EntityTooSmall',
  'IncompleteBody',
  'KeyTooLong',
  'PreconditionFailed',
];

/** The service has no such object. */
export const isMissing = (error: unknown): boolean =>
  error instanceof S3Error && (error.code === 'NotFound' || error.code === 'NoSuchKey');
/** An error of the service as the refusal that the port knows; any other error as it is. */
export const refused = (error: unknown): unknown => {
  const problem =
    error instanceof S3Error
      ? PROBLEMS.find((name) => name === error.code || `${name}Error` === error.code)
      : undefined;
  return problem && error instanceof Error ? new StoreRefusal(problem, error.message, { cause: error }) : error;
};
export const unquoted = (etag: string | string[] | undefined): string => String(etag ?? '').replaceAll('"', '');
export const wireHeaders = ({ contentType, userMetadata }: ObjectHeaders): Record<string, string> => ({
  'content-type': contentType,
  ...Object.fromEntries(Object.entries(userMetadata).map(([name, value]) => [`${META}${name}`, value])),
});

/** A precondition as headers: the service decides, with what it has. */
export const conditionOf = (precondition: Precondition | undefined): Record<string, string> => {
  if (precondition === undefined) return {};
  if (precondition === 'absent') return { 'if-none-match': '*' };
  const { etags } = precondition;
  return { 'if-match': etags === '*' ? '*' : etags.map((etag) => `"${etag}"`).join(', ') };
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
