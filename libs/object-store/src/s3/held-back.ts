import { StoreRefusal, type ByteSource } from '../port/object-store.js';

/**
 * The same bytes, the last chunk only after the source has ended well: a server that was promised `sizeBytes` never gets them all from a
 * source that fails, not even one that finds a wrong hash after its last byte.
 */
export async function* heldBack(source: ByteSource, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  let seen = 0;
  for await (const chunk of source) {
    if (chunk.byteLength === 0) continue;
    seen += chunk.byteLength;
    if (seen > sizeBytes) throw new StoreRefusal('IncompleteBody', 'more bytes came than were announced');
    if (held) yield held;
    held = chunk;
  }
  if (seen !== sizeBytes) throw new StoreRefusal('IncompleteBody', 'fewer bytes came than were announced');
  if (held) yield held;
}

/** All bytes of a small source. @throws StoreRefusal IncompleteBody, and whatever the source throws */
export const wholeOf = async (source: ByteSource, sizeBytes: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of heldBack(source, sizeBytes)) chunks.push(chunk);
  return Buffer.concat(chunks, sizeBytes);
};
