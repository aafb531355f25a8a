/**
 * CRCs that Node.js has not natively, eight bytes at a time ("slicing-by-8": M. E. Kounavis, F. L. Berry, A Systematic Approach to Building
 * High Performance, Software-based, CRC Generators, 2005): table `n` is what a byte does to the CRC with `n` zero bytes behind it. Reflected, begun
 * with all bits set, and inverted at the end, which is the caller's.
 */

/** Feeds bytes into a CRC. */
export interface SlicedCrc {
  update(data: Uint8Array): void;
  /** Words of the CRC before it is inverted, the highest first. */
  words(): readonly number[];
}

const SLICES = 8;

/** Tables of a CRC of 64 bits, in halves; one of 32 bits has nothing in the high one. Table `n` begins at `256 * n`. */
const tablesOf = (high: number, low: number): { readonly high: Uint32Array; readonly low: Uint32Array } => {
  const [highs, lows] = [new Uint32Array(256 * SLICES), new Uint32Array(256 * SLICES)];
  for (let byte = 0; byte < 256; byte += 1) {
    let [h, l] = [0, byte];
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = (l & 1) === 1;
      l = (l >>> 1) | ((h & 1) << 31);
      h >>>= 1;
      if (isOdd) [h, l] = [h ^ high, l ^ low];
    }
    highs[byte] = h;
    lows[byte] = l;
  }
  for (let index = 256; index < 256 * SLICES; index += 1) {
    const [h, l] = [highs[index - 256] ?? 0, lows[index - 256] ?? 0];
    const byte = l & 0xff;
    lows[index] = ((l >>> 8) | (h << 24)) ^ (lows[byte] ?? 0);
    highs[index] = (h >>> 8) ^ (highs[byte] ?? 0);
  }
  return { high: highs, low: lows };
};

/** Castagnoli (RFC 3720). */
const CRC32C = tablesOf(0, 0x82f63b78);
/** NVM Express base specification. */
const CRC64 = tablesOf(0x9a6c9329, 0xac4bc9b5);

/** Within the table or the data by construction: a check for each byte would cost as much as the CRC. */
const at = (from: Uint32Array | Uint8Array, index: number): number => from[index] as number;

export const slicedCrc32c = (): SlicedCrc => {
  const { low: table } = CRC32C;
  let crc = -1;
  return {
    update: (data) => {
      let now = crc;
      let place = 0;
      const whole = data.byteLength - (data.byteLength % SLICES);
      for (; place < whole; place += SLICES) {
        now ^= at(data, place) | (at(data, place + 1) << 8) | (at(data, place + 2) << 16) | (at(data, place + 3) << 24);
        now =
          at(table, 1792 + (now & 0xff)) ^
          at(table, 1536 + ((now >>> 8) & 0xff)) ^
          at(table, 1280 + ((now >>> 16) & 0xff)) ^
          at(table, 1024 + (now >>> 24)) ^
          at(table, 768 + at(data, place + 4)) ^
          at(table, 512 + at(data, place + 5)) ^
          at(table, 256 + at(data, place + 6)) ^
          at(table, at(data, place + 7));
      }
      for (; place < data.byteLength; place += 1) now = at(table, (now ^ at(data, place)) & 0xff) ^ (now >>> 8);
      crc = now;
    },
    words: () => [crc],
  };
};

export const slicedCrc64 = (): SlicedCrc => {
  const { high: highs, low: lows } = CRC64;
  let [high, low] = [-1, -1];
  return {
    update: (data) => {
      let [h, l] = [high, low];
      let place = 0;
      const whole = data.byteLength - (data.byteLength % SLICES);
      for (; place < whole; place += SLICES) {
        l ^= at(data, place) | (at(data, place + 1) << 8) | (at(data, place + 2) << 16) | (at(data, place + 3) << 24);
        h ^=
          at(data, place + 4) | (at(data, place + 5) << 8) | (at(data, place + 6) << 16) | (at(data, place + 7) << 24);
        const [a, b, c, d] = [
          1792 + (l & 0xff),
          1536 + ((l >>> 8) & 0xff),
          1280 + ((l >>> 16) & 0xff),
          1024 + (l >>> 24),
        ];
        const [e, f, g, i] = [768 + (h & 0xff), 512 + ((h >>> 8) & 0xff), 256 + ((h >>> 16) & 0xff), h >>> 24];
        l =
          at(lows, a) ^ at(lows, b) ^ at(lows, c) ^ at(lows, d) ^ at(lows, e) ^ at(lows, f) ^ at(lows, g) ^ at(lows, i);
        h =
          at(highs, a) ^
          at(highs, b) ^
          at(highs, c) ^
          at(highs, d) ^
          at(highs, e) ^
          at(highs, f) ^
          at(highs, g) ^
          at(highs, i);
      }
      for (; place < data.byteLength; place += 1) {
        const byte = (l ^ at(data, place)) & 0xff;
        l = ((l >>> 8) | (h << 24)) ^ at(lows, byte);
        h = (h >>> 8) ^ at(highs, byte);
      }
      [high, low] = [h, l];
    },
    words: () => [high, low],
  };
};
