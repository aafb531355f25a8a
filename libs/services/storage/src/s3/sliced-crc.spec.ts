import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CHECKSUMS } from './checksums.js';

const crcOf = (algorithm: string, chunks: readonly Uint8Array[]): string => {
  const running = CHECKSUMS.get(algorithm)?.();
  for (const chunk of chunks) running?.update(chunk);
  return running?.digest() ?? '';
};

/** The definition, a bit at a time. */
const byDefinition = (data: Uint8Array, polynomial: bigint, bits: bigint): string => {
  const all = (1n << bits) - 1n;
  let crc = all;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return Buffer.from((crc ^ all).toString(16).padStart(Number(bits) / 4, '0'), 'hex').toString('base64');
};

/** The same bytes in every run. */
const bytes = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(count / 64) }, (_, at) => createHash('sha512').update(String(at)).digest()),
  ).subarray(0, count);

describe.each([
  // "123456789": RFC 3720, and the NVM Express base specification
  ['crc32c', 0x82f63b78n, 32n, '4waSgw=='],
  ['crc64nvme', 0x9a6c9329ac4bc9b5n, 64n, 'rosUhgp5mIg='],
])('%s', (algorithm, polynomial, bits, check) => {
  it('is that of its definition, for every length about a slice and every place of a cut', () => {
    expect(crcOf(algorithm, [Buffer.from('123456789')])).toBe(check);
    for (let length = 0; length <= 33; length += 1) {
      const data = bytes(length);
      const wanted = byDefinition(data, polynomial, bits);
      for (let cut = 0; cut <= length; cut += 1)
        expect(crcOf(algorithm, [data.subarray(0, cut), data.subarray(cut)])).toBe(wanted);
    }
    const large = bytes(10_007);
    expect(crcOf(algorithm, [large])).toBe(byDefinition(large, polynomial, bits));
  });
});
