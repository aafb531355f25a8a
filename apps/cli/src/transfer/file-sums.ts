import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

const MIB = 1_048_576;
/** Sizes of parts that clients upload with: of the AWS tools and SDKs, rclone, MinIO's, and this platform's own (64). */
const PART_SIZES = [5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1_024].map((size) => size * MIB);
const MOST_PARTS = 10_000;
const PLAIN = /^[0-9a-f]{32}$/;
const OF_PARTS = /^[0-9a-f]{32}-(\d{1,5})$/;

const piecesOf = (file: string): AsyncIterable<Buffer> => createReadStream(file, { highWaterMark: MIB });

/** Sum of a whole file, in hex. */
export const sumOfFile = async (file: string, algorithm: 'md5' | 'sha256'): Promise<string> => {
  const hash = createHash(algorithm);
  for await (const piece of piecesOf(file)) hash.update(piece);
  return hash.digest('hex');
};

/** The ETag of a file that is uploaded in parts of one size: the MD5 of their MD5s, and how many they are. */
export const etagInParts = async (file: string, partBytes: number): Promise<string> => {
  const whole = createHash('md5');
  let [part, room, parts] = [createHash('md5'), partBytes, 0];
  const end = (): void => {
    whole.update(part.digest());
    [part, room, parts] = [createHash('md5'), partBytes, parts + 1];
  };
  for await (const piece of piecesOf(file))
    for (let at = 0; at < piece.length;) {
      const next = piece.subarray(at, at + room);
      part.update(next);
      at += next.length;
      room -= next.length;
      if (room === 0) end();
    }
  if (room < partBytes) end();
  return `${whole.digest('hex')}-${parts}`;
};

/**
 * Whether a file has the content that an ETag stands for (contract, section 2.9).
 * @returns undefined where that cannot be told: an ETag of parts of no usual size, or one that is no MD5
 */
export const hasEtag = async (file: string, etag: string): Promise<boolean | undefined> => {
  if (PLAIN.test(etag)) return (await sumOfFile(file, 'md5')) === etag;
  const parts = Number(OF_PARTS.exec(etag)?.[1] ?? 0);
  if (parts === 0) return undefined;
  const { size } = await stat(file);
  const sizes = new Set([...PART_SIZES, Math.ceil(size / MOST_PARTS)]);
  for (const partBytes of sizes)
    if (partBytes > 0 && Math.ceil(size / partBytes) === parts && (await etagInParts(file, partBytes)) === etag)
      return true;
  return undefined;
};
