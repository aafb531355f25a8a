import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from '../port/object-store.js';
import { BLOCK_BYTES, blockTable, type IsWhole, tableBytes } from './block-sums.js';
import { FileDamaged } from './file-damaged.js';

/** Read at once: a few blocks. */
export const CHUNK_BYTES = 2 * BLOCK_BYTES;

/** Where bytes are read to: at least so many. */
export type TakeBuffer = (bytes: number) => Buffer | Promise<Buffer>;

/** For whoever keeps what was read. */
export const newBuffer: TakeBuffer = (bytes) => Buffer.allocUnsafeSlow(bytes);

/** @returns fewer bytes where the file ends */
const fill = async (file: FileHandle, buffer: Buffer, bytes: number, position: number): Promise<Buffer> => {
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

const tooShort = async (file: FileHandle, sizeBytes: number): Promise<FileDamaged> =>
  new FileDamaged(`a file of it has ${(await file.stat()).size} bytes where ${sizeBytes} were stored`);

const otherBytes = (): FileDamaged => new FileDamaged('a file of it holds other bytes than were stored');

/** An open file of the store. Nothing of a block is given away before it was compared with the checksum that stands behind the payload. */
export class ComparedFile {
  private constructor(
    private readonly file: FileHandle,
    private readonly sizeBytes: number,
    private readonly isWhole: IsWhole | undefined,
    /** All of a small file. */
    private readonly payload: Buffer | undefined,
  ) {}

  /** Takes the file over, and closes it when it cannot be read. @throws FileDamaged it is too short */
  static async of(file: FileHandle, sizeBytes: number): Promise<ComparedFile> {
    try {
      const isSmall = sizeBytes <= BLOCK_BYTES;
      const [from, bytes] = isSmall ? [0, sizeBytes + tableBytes(sizeBytes)] : [sizeBytes, tableBytes(sizeBytes)];
      const read = await fill(file, Buffer.allocUnsafeSlow(bytes), bytes, from);
      const isShort = isSmall
        ? read.byteLength < sizeBytes
        : read.byteLength === 0 && (await file.stat()).size < sizeBytes;
      if (isShort) throw await tooShort(file, sizeBytes);
      const table = blockTable(isSmall ? read.subarray(sizeBytes) : read, sizeBytes);
      return new ComparedFile(file, sizeBytes, table, isSmall ? read.subarray(0, sizeBytes) : undefined);
    } catch (error) {
      await file.close();
      throw error;
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

  close(): Promise<void> {
    return this.file.close();
  }
}
