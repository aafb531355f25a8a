/**
 * Joins CRCs of texts to the CRC of the texts one after another, without their bytes. As in zlib's `crc32_combine`: a CRC is a polynomial over
 * GF(2), lowest power in the highest bit, and what stands behind it multiplies it by x to the number of the bits that follow.
 */

/** Reflected polynomial and bits. CRC-32: IEEE 802.3; CRC-32C: Castagnoli (RFC 3720); CRC-64/NVME: NVM Express base specification. */
const POLYNOMIALS: ReadonlyMap<string, { readonly polynomial: bigint; readonly bits: bigint }> = new Map([
  ['crc32', { polynomial: 0xedb88320n, bits: 32n }],
  ['crc32c', { polynomial: 0x82f63b78n, bits: 32n }],
  ['crc64nvme', { polynomial: 0x9a6c9329ac4bc9b5n, bits: 64n }],
]);

/** Whether checksums of this algorithm can be joined. */
export const isJoinable = (algorithm: string): boolean => POLYNOMIALS.has(algorithm);

const bigOf = (base64: string): bigint => BigInt(`0x${Buffer.from(base64, 'base64').toString('hex') || '0'}`);

/** A piece of a text: its CRC in base64, and its length. */
export interface CrcPiece {
  readonly value: string;
  readonly sizeBytes: number;
}

/**
 * The CRC of all pieces one after another, in base64.
 * @param algorithm one that `isJoinable`
 */
export const joinCrcs = (algorithm: string, pieces: readonly CrcPiece[]): string => {
  const { polynomial, bits } = POLYNOMIALS.get(algorithm) ?? { polynomial: 0n, bits: 0n };
  const one = 1n << (bits - 1n);
  const multiply = (a: bigint, b: bigint): bigint => {
    let product = 0n;
    let factor = b;
    for (let bit = one; bit > 0n; bit >>= 1n) {
      if (a & bit) product ^= factor;
      factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
    }
    return product;
  };
  const shifts = new Map<number, bigint>(); // nearly all pieces have the same length
  const shiftOf = (sizeBytes: number): bigint => {
    const known = shifts.get(sizeBytes);
    if (known !== undefined) return known;
    let [power, square] = [one, one >> 1n];
    for (let left = BigInt(sizeBytes) * 8n; left > 0n; left >>= 1n) {
      if (left & 1n) power = multiply(power, square);
      square = multiply(square, square);
    }
    shifts.set(sizeBytes, power);
    return power;
  };
  const whole = pieces.reduce((crc, { value, sizeBytes }) => multiply(crc, shiftOf(sizeBytes)) ^ bigOf(value), 0n);
  return Buffer.from(whole.toString(16).padStart(Number(bits) / 4, '0'), 'hex').toString('base64');
};
