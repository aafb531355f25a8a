import { close, closeSync, fstat, read } from 'node:fs';
import { promisify } from 'node:util';
import type { ByteRange } from '../port/object-store.js';
import { BLOCK_BYTES, blockTable, type IsWhole, tableBytes } from './block-sums.js';
import { FileDamaged } from './file-damaged.js';

/** Read at once: a few blocks. */
export const CHUNK_BYTES = 2 * BLOCK_BYTES;

/** Where bytes are read to: at least so many. */
export type TakeBuffer = (bytes: number) => Buffer | Promise<Buffer>;

/** For whoever keeps what was read. */
export const newBuffer: TakeBuffer = (bytes) => Buffer.allocUnsafeSlow(bytes);

// By descriptors: a handle of `node:fs/promises` costs as much again as the calls behind it.
const [readFrom, statOf, closed] = [promisify(read), promisify(fstat), promisify(close)];

/** @returns fewer bytes where the file ends */
const fill = async (file: number, buffer: Buffer, bytes: number, position: number): Promise<Buffer> => {
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await readFrom(file, buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

const tooShort = (bytes: number, sizeBytes: number): FileDamaged =>
  new FileDamaged(`a file of it has ${bytes} bytes where ${sizeBytes} were stored`);

const otherBytes = (): FileDamaged => new FileDamaged('a file of it holds other bytes than were stored');

/** An open file of the store. Nothing of a block is given away before it was compared with the checksum that stands behind the payload. */
export class ComparedFile {
  private constructor(
    /** Closed already where all of it was read. */
    private readonly file: number,
    private readonly sizeBytes: number,
    private readonly isWhole: IsWhole | undefined,
    /** All of a small file. */
    private readonly payload: Buffer | undefined,
  ) {}

  /**
   * Takes an open file over, and closes it when it cannot be read.
   * @param file its descriptor
   * @throws FileDamaged it is too short
   */
  static async of(file: number, sizeBytes: number): Promise<ComparedFile> {
    const isSmall = sizeBytes <= BLOCK_BYTES;
    let isKept = false;
    try {
      const [from, bytes] = isSmall ? [0, sizeBytes + tableBytes(sizeBytes)] : [sizeBytes, tableBytes(sizeBytes)];
      const found = await fill(file, Buffer.allocUnsafeSlow(bytes), bytes, from);
      if (isSmall && found.byteLength < sizeBytes) throw tooShort(found.byteLength, sizeBytes);
      if (found.byteLength === 0) {
        const { size } = await statOf(file);
        if (size < sizeBytes) throw tooShort(size, sizeBytes);
      }
      const table = blockTable(isSmall ? found.subarray(sizeBytes) : found, sizeBytes);
      isKept = !isSmall;
      return new ComparedFile(file, sizeBytes, table, isSmall ? found.subarray(0, sizeBytes) : undefined);
    } finally {
      // Of a file that was only read nothing is left to do, so nobody waits.
      if (!isKept) closeSync(file);
    }
  }

  /** Whether something is known of its blocks: not in a file of an earlier version, nor where that itself was changed. */
  get isComparable(): boolean {
    return this.isWhole !== undefined;
  }

  /**
   * Reads a range that does not end behind the payload, chunk by chunk.
   * @throws FileDamaged a block is not as it was stored, or the file ended too early
   */
  async *read({ start, end }: ByteRange, takeBuffer: TakeBuffer): AsyncGenerator<Buffer> {
    const last = Math.floor(end / BLOCK_BYTES);
    for (let index = Math.floor(start / BLOCK_BYTES); index <= last;) {
      const offset = index * BLOCK_BYTES;
      const wanted = Math.min(CHUNK_BYTES, (last + 1 - index) * BLOCK_BYTES, this.sizeBytes - offset);
      const chunk = this.payload ?? (await fill(this.file, await takeBuffer(wanted), wanted, offset));
      if (chunk.byteLength < wanted)
        throw new FileDamaged(`a file of it ended ${wanted - chunk.byteLength} bytes too early`);
      for (let at = 0; at < wanted; at += BLOCK_BYTES, index += 1)
        if (this.isWhole?.(index, chunk.subarray(at, at + BLOCK_BYTES)) === false) throw otherBytes();
      yield chunk.subarray(Math.max(0, start - offset), Math.min(wanted, end + 1 - offset));
    }
  }

  /** Whether it was read when it was opened. */
  get isInMemory(): boolean {
    return this.payload !== undefined;
  }

  /**
   * A range of a file that is in memory.
   * @throws FileDamaged it is not as it was stored
   */
  inMemory({ start, end }: ByteRange): Uint8Array {
    const payload = this.payload ?? Buffer.alloc(0);
    if (this.isWhole?.(0, payload) === false) throw otherBytes();
    return payload.subarray(start, end + 1);
  }

  async close(): Promise<void> {
    if (!this.payload) await closed(this.file);
  }
}
