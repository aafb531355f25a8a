import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ContentHash } from '@fornax/object-store';
import { type SlicedCrc, slicedCrc32c, slicedCrc64 } from './sliced-crc.js';

/** A digest that is fed as the bytes pass. */
export interface RunningChecksum {
  update(data: Uint8Array): void;
  /** Base64, as S3 writes checksums. */
  digest(): string;
}

/** One of which a part may be done by another thread. */
export interface PassingChecksum {
  update(data: Uint8Array): void | Promise<void>;
  digest(): string | Promise<string>;
  /** Ends it where nobody wants its digest any more. */
  abandon?(): void;
}

const base64Of = (...words: readonly number[]): string => {
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, at) => bytes.writeUInt32BE(word >>> 0, at * 4));
  return bytes.toString('base64');
};

const runningCrc32 = (): RunningChecksum => {
  let crc = 0;
  return {
    update: (data) => {
      crc = crc32(data, crc);
    },
    digest: () => base64Of(crc),
  };
};

const runningSliced = (make: () => SlicedCrc) => (): RunningChecksum => {
  const crc = make();
  return { update: crc.update, digest: () => base64Of(...crc.words().map((word) => ~word)) };
};

const runningHash = (algorithm: string) => (): RunningChecksum => {
  const hash = createHash(algorithm);
  return { update: (data) => void hash.update(data), digest: () => hash.digest('base64') };
};

/** Digests that Node.js has natively. */
const NATIVE = ['md5', 'sha1', 'sha256', 'sha512'] as const;

/** The checksum of an algorithm of `CHECKSUMS`, over content that may come in portions for other threads. */
export const passingChecksum = (algorithm: string): PassingChecksum => {
  const plain = CHECKSUMS.get(algorithm)?.();
  if (plain && !NATIVE.some((name) => name === algorithm)) return plain;
  const hash = new ContentHash(algorithm);
  const digest = async (): Promise<string> => (await hash.digest()).toString('base64');
  return { update: (data) => hash.update(data), digest, abandon: () => hash.abandon() };
};

/** By the name behind `x-amz-checksum-`. */
export const CHECKSUMS: ReadonlyMap<string, () => RunningChecksum> = new Map([
  ['crc32', runningCrc32],
  ['crc32c', runningSliced(slicedCrc32c)],
  ['crc64nvme', runningSliced(slicedCrc64)],
  ...NATIVE.map((name) => [name, runningHash(name)] as const),
]);
