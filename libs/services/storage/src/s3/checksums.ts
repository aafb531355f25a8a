import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type SlicedCrc, slicedCrc32c, slicedCrc64 } from './sliced-crc.js';

/** A digest that is fed as the bytes pass. */
export interface RunningChecksum {
  update(data: Uint8Array): void;
  /** Base64, as S3 writes checksums. */
  digest(): string;
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

const runningHash = (algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512') => (): RunningChecksum => {
  const hash = createHash(algorithm);
  return { update: (data) => void hash.update(data), digest: () => hash.digest('base64') };
};

export const runningMd5 = runningHash('md5');
export const runningSha256 = runningHash('sha256');

/** By the name behind `x-amz-checksum-`. */
export const CHECKSUMS: ReadonlyMap<string, () => RunningChecksum> = new Map([
  ['crc32', runningCrc32],
  ['crc32c', runningSliced(slicedCrc32c)],
  ['crc64nvme', runningSliced(slicedCrc64)],
  ['sha1', runningHash('sha1')],
  ['sha256', runningSha256],
  ['sha512', runningHash('sha512')],
  ['md5', runningMd5],
]);
