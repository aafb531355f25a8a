import { z } from 'zod';

/** The query by which a node stores several small files of an instance at once: `POST /<bucket>?fornax-files`. */
export const FILE_BUNDLE_QUERY = 'fornax-files';
/** Of all that is sent at once: it is held in memory on both sides. */
export const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 1_000;

const fileSchema = z.strictObject({
  key: z.string().min(1),
  size: z.int().nonnegative(),
  /** As `x-amz-meta-mode` says it. */
  mode: z.string().regex(/^[0-7]{1,7}$/),
});
const listSchema = z.array(fileSchema).min(1).max(MAX_FILES);

/** A file as it is stored. */
export interface BundledFile {
  readonly key: string;
  readonly mode: string;
  readonly bytes: Uint8Array;
}

const LENGTH_BYTES = 4;

/** Writes files as the body of one request: the length of a list in four bytes, the list as JSON, then the bytes of all files in its order. */
export const encodeBundle = (files: readonly BundledFile[]): Buffer => {
  const list = Buffer.from(
    JSON.stringify(files.map(({ key, mode, bytes }) => ({ key, size: bytes.byteLength, mode }))),
  );
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(list.byteLength);
  return Buffer.concat([length, list, ...files.map(({ bytes }) => bytes)]);
};

const parsed = (json: Buffer): unknown => {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
};

/** Reads what `encodeBundle` wrote. @returns undefined for anything else, bytes too many or too few among it */
export const decodeBundle = (body: Buffer): readonly BundledFile[] | undefined => {
  if (body.byteLength < LENGTH_BYTES) return undefined;
  let at = LENGTH_BYTES + body.readUInt32BE();
  if (at > body.byteLength) return undefined;
  const { data } = listSchema.safeParse(parsed(body.subarray(LENGTH_BYTES, at)));
  if (!data) return undefined;
  const files = data.map(({ key, mode, size }) => {
    const bytes = body.subarray(at, at + size);
    at += size;
    return { key, mode, bytes };
  });
  return at === body.byteLength ? files : undefined;
};
