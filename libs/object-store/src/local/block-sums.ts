import { crc32 } from 'node:zlib';

/** A range is compared in whole blocks, so a small one costs the reading of this much. */
export const BLOCK_BYTES = 256 * 1024;

const MAGIC = Buffer.from('FXSUMS01');
/** The mark, the size of a block, and a checksum of the table. */
const HEAD_BYTES = MAGIC.byteLength + 8;

/** Collects the checksums (CRC-32) of the blocks that bytes fall into, one chunk after the other. */
export class BlockSums {
  readonly #done: number[] = [];
  #sum = 0;
  #bytes = 0;

  update(chunk: Uint8Array): void {
    for (let rest = chunk; rest.byteLength > 0;) {
      const own = rest.subarray(0, BLOCK_BYTES - this.#bytes);
      this.#sum = crc32(own, this.#sum);
      this.#bytes += own.byteLength;
      rest = rest.subarray(own.byteLength);
      if (this.#bytes === BLOCK_BYTES) this.#end();
    }
  }

  #end(): void {
    this.#done.push(this.#sum);
    this.#sum = 0;
    this.#bytes = 0;
  }

  /** What is to stand behind the bytes; nothing behind none. */
  table(): Buffer {
    if (this.#bytes > 0) this.#end();
    if (this.#done.length === 0) return Buffer.alloc(0);
    const sums = Buffer.alloc(4 * this.#done.length);
    for (const [index, sum] of this.#done.entries()) sums.writeUInt32BE(sum, 4 * index);
    const head = Buffer.alloc(HEAD_BYTES - MAGIC.byteLength);
    head.writeUInt32BE(BLOCK_BYTES, 0);
    head.writeUInt32BE(crc32(sums), 4);
    return Buffer.concat([MAGIC, head, sums]);
  }
}

/** Bytes of the table behind so many bytes. */
export const tableBytes = (sizeBytes: number): number => HEAD_BYTES + 4 * Math.ceil(sizeBytes / BLOCK_BYTES);

/** Whether a block is as it was stored. */
export type IsWhole = (index: number, block: Uint8Array) => boolean;

/**
 * Understands the table of a file's blocks.
 * @param table as many bytes as `tableBytes` says, or fewer where the file ends
 * @returns undefined for a file of an earlier version, or one whose table is cut off or another one: nothing can be said of its blocks then
 */
export const blockTable = (table: Buffer, sizeBytes: number): IsWhole | undefined => {
  const bytes = tableBytes(sizeBytes);
  if (table.byteLength < bytes || !table.subarray(0, MAGIC.byteLength).equals(MAGIC)) return undefined;
  if (table.readUInt32BE(MAGIC.byteLength) !== BLOCK_BYTES) return undefined;
  const sums = table.subarray(HEAD_BYTES, bytes);
  if (crc32(sums) !== table.readUInt32BE(MAGIC.byteLength + 4)) return undefined;
  return (index, block) => crc32(block) === sums.readUInt32BE(4 * index);
};
