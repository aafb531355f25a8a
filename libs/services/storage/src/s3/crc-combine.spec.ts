import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHECKSUMS } from './checksums.js';
import { isJoinable, joinCrcs } from './crc-combine.js';

const checksum = (algorithm: string, data: Uint8Array): string => {
  const running = CHECKSUMS.get(algorithm)?.();
  running?.update(data);
  return running?.digest() ?? '';
};

describe('checksums that are joined', () => {
  it.each(['crc32', 'crc32c', 'crc64nvme'])('are that of the whole: %s', (algorithm) => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const crcs = parts.map((part) => ({ value: checksum(algorithm, part), sizeBytes: part.byteLength }));
        expect(joinCrcs(algorithm, crcs)).toBe(checksum(algorithm, Buffer.concat(parts)));
      }),
    );
  });

  it('are of sizes that nobody holds in memory', () => {
    const mebibyte = { value: checksum('crc32', Buffer.alloc(2 ** 20)), sizeBytes: 2 ** 20 };
    const value = joinCrcs(
      'crc32',
      Array.from({ length: 1280 }, () => mebibyte),
    );
    const whole = joinCrcs(
      'crc32',
      Array.from({ length: 4 }, () => ({ value, sizeBytes: 1280 * 2 ** 20 })),
    );
    expect(whole).toBe(
      joinCrcs(
        'crc32',
        Array.from({ length: 5120 }, () => mebibyte),
      ),
    );
  });

  it('are none of a hash', () => {
    expect(['sha1', 'sha256', 'sha512', 'md5'].some(isJoinable)).toBe(false);
  });
});

describe('checksums', () => {
  // The check value of each algorithm: that of "123456789" (Catalogue of parametrised CRC algorithms; FIPS 180, RFC 1321).
  it.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
    ['sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['md5', '25f9e794323b453885f5181f1b624d0b'],
  ])('are those of their standard: %s', (algorithm, hex) =>
    expect(checksum(algorithm, Buffer.from('123456789'))).toBe(Buffer.from(hex, 'hex').toString('base64')),
  );
});
