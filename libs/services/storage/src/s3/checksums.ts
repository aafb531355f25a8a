import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A digest that is fed as the bytes pass. */
export interface RunningChecksum {
  update(data: Uint8Array): void;
  /** Base64, as S3 writes checksums. */
  digest(): string;
}

/** Reflected polynomials. CRC-32C: Castagnoli (RFC 3720); CRC-64/NVME: NVM Express base specification. */
const CRC32C_POLYNOMIAL = 0x82f63b78;
const CRC64_HIGH = 0x9a6c9329;
const CRC64_LOW = 0xac4bc9b5;

const crc32cTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ CRC32C_POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

const crc64High = new Uint32Array(256);
const crc64Low = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let [high, low] = [0, byte];
  for (let bit = 0; bit < 8; bit += 1) {
    const isOdd = (low & 1) === 1;
    low = ((low >>> 1) | ((high & 1) << 31)) >>> 0;
    high >>>= 1;
    if (isOdd) [high, low] = [(high ^ CRC64_HIGH) >>> 0, (low ^ CRC64_LOW) >>> 0];
  }
  crc64High[byte] = high;
  crc64Low[byte] = low;
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

const runningCrc32c = (): RunningChecksum => {
  let crc = 0xffffffff;
  return {
    update: (data) => {
      let now = crc;
      for (const byte of data) now = (crc32cTable[(now ^ byte) & 0xff] ?? 0) ^ (now >>> 8);
      crc = now;
    },
    digest: () => base64Of(~crc),
  };
};

const runningCrc64 = (): RunningChecksum => {
  let [high, low] = [0xffffffff, 0xffffffff];
  return {
    update: (data) => {
      for (const byte of data) {
        const at = (low ^ byte) & 0xff;
        low = (((low >>> 8) | (high << 24)) ^ (crc64Low[at] ?? 0)) >>> 0;
        high = ((high >>> 8) ^ (crc64High[at] ?? 0)) >>> 0;
      }
    },
    digest: () => base64Of(~high, ~low),
  };
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
  ['crc32c', runningCrc32c],
  ['crc64nvme', runningCrc64],
  ['sha1', runningHash('sha1')],
  ['sha256', runningSha256],
  ['sha512', runningHash('sha512')],
  ['md5', runningMd5],
]);
