import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ObjectChecksum, ObjectHeaders } from '../port/object-store.js';
import { extrasOf, storedExtras } from './extras.js';
import type { FilePiece } from './object-files.js';

/** All that the index says about one object, so that the index can be made again from the files. */
export interface Manifest extends ObjectHeaders {
  /** The file that holds this manifest. */
  readonly fileId: string;
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly checksum?: ObjectChecksum;
  readonly modifiedAt: Date;
  readonly pieces: readonly FilePiece[];
}

const MAGIC = Buffer.from('FXOBJ001');
const HASH_BYTES = 32;
const FOOT_BYTES = HASH_BYTES + 4 + MAGIC.byteLength;
/** Ten thousand parts, the longest key and all metadata take less than half of it. */
const MAX_JSON_BYTES = 2 * 1024 * 1024;

/** As they are: a record of zod's leaves out a name such as `__proto__`, which a client may give as well as any other. */
const texts = z.custom<Readonly<Record<string, string>>>(
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every((text) => typeof text === 'string'),
);

const schema = z.object({
  id: z.uuid(),
  bucket: z.string(),
  key: z.string(),
  etag: z.string(),
  type: z.string(),
  meta: texts,
  at: z.int(),
  /** Of earlier versions there is none. */
  extras: z.unknown().optional(),
  pieces: z.array(z.tuple([z.uuid(), z.int().nonnegative()])),
});

const hashOf = (json: Uint8Array): Buffer => createHash('sha256').update(json).digest();

/**
 * The tail that stands behind the payload of a file: JSON, its SHA-256, its length and a mark. It is found from the end of the file, whatever the
 * payload is; `fileId` keeps anybody from forging one, because no client learns or chooses the name of a file.
 */
export const encodeManifest = (manifest: Manifest): Buffer => {
  const { fileId, bucket, key, etag, contentType, userMetadata, modifiedAt, pieces } = manifest;
  const json = Buffer.from(
    JSON.stringify({
      id: fileId,
      bucket,
      key,
      etag,
      type: contentType,
      meta: userMetadata,
      at: modifiedAt.getTime(),
      extras: storedExtras(manifest) ?? undefined,
      pieces: pieces.map((piece) => [piece.fileId, piece.sizeBytes]),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.byteLength);
  return Buffer.concat([json, hashOf(json), length, MAGIC]);
};

/** Bytes of a whole tail, told by its last FOOT_BYTES; undefined when they are not the end of one. */
const tailBytes = (foot: Buffer): number | undefined => {
  if (foot.byteLength < FOOT_BYTES || !foot.subarray(-MAGIC.byteLength).equals(MAGIC)) return undefined;
  const length = foot.readUInt32BE(foot.byteLength - MAGIC.byteLength - 4);
  return length <= MAX_JSON_BYTES ? length + FOOT_BYTES : undefined;
};

const parsed = (json: Buffer): unknown => {
  try {
    return JSON.parse(json.toString('utf8'));
  } catch {
    return undefined;
  }
};

/**
 * The manifest in a file, if it ends with one of its own.
 * @param readTail gives the last bytes of the file, at most so many
 * @returns undefined for a file that has none, one that is cut short or damaged, or one that was made for another file (a hard link)
 */
export const readManifest = async (
  fileId: string,
  readTail: (bytes: number) => Promise<Buffer>,
): Promise<Manifest | undefined> => {
  let tail = await readTail(2048); // nearly always all of it
  const bytes = tailBytes(tail);
  if (bytes === undefined) return undefined;
  if (bytes > tail.byteLength) tail = await readTail(bytes);
  if (bytes > tail.byteLength) return undefined;
  const json = tail.subarray(tail.byteLength - bytes, tail.byteLength - FOOT_BYTES);
  if (!hashOf(json).equals(tail.subarray(tail.byteLength - FOOT_BYTES, tail.byteLength - FOOT_BYTES + HASH_BYTES)))
    return undefined;
  const { data } = schema.safeParse(parsed(json));
  if (!data || data.id !== fileId) return undefined;
  return {
    fileId,
    bucket: data.bucket,
    key: data.key,
    etag: data.etag,
    contentType: data.type,
    userMetadata: data.meta,
    modifiedAt: new Date(data.at),
    ...extrasOf(data.extras),
    pieces: data.pieces.map(([id, sizeBytes]) => ({ fileId: id, sizeBytes })),
  };
};
