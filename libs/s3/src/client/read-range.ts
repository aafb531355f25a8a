import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 262_144;

/**
 * Reads `sizeBytes` bytes of an open file from `from` on, in chunks; ends early where the file does.
 * The descriptor stays the handle's: nothing here closes it, however early the reader leaves, and a handle that is closed meanwhile fails the
 * next read (EBADF) instead of reading whatever has its number by then. A stream over a borrowed descriptor does neither: it closes what it was
 * lent as soon as it is destroyed, `autoClose: false` or not, and the handle's own close then hits somebody else's file.
 */
export async function* readRange(file: FileHandle, from: number, sizeBytes: number): AsyncGenerator<Buffer> {
  const end = from + sizeBytes;
  for (let at = from; at < end;) {
    // A buffer for each chunk: the socket still holds the one before.
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)), {
      position: at,
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
