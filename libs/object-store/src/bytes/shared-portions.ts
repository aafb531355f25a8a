import { discard } from './discard.js';

/** Large enough that handing one to another thread costs nothing beside hashing it. */
export const PORTION_BYTES = 256 * 1024;
/** As many stay for those who come next. */
const MOST_SPARE = 32;

const spare: SharedArrayBuffer[] = [];
/** How many still read a buffer. One that is forgotten goes with its last reader: only who says that it has ended lets others write there again. */
const readers = new WeakMap<ArrayBufferLike, number>();

/** Says that one more reads these bytes. Of bytes that are no portion it says nothing. */
export const holdPortion = ({ buffer }: Uint8Array): void => {
  const count = readers.get(buffer);
  if (count !== undefined) readers.set(buffer, count + 1);
};

/** Says that one reader has ended; once for each. With the last one the bytes may be written over at any time. */
export const releasePortion = ({ buffer }: Uint8Array): void => {
  const count = readers.get(buffer);
  if (count === undefined) return;
  if (count > 1) return void readers.set(buffer, count - 1);
  readers.delete(buffer);
  if (buffer instanceof SharedArrayBuffer && spare.length < MOST_SPARE) spare.push(buffer);
};

/** Whether other threads can read these bytes where they lie. */
export const isShared = ({ buffer }: Uint8Array): boolean => buffer instanceof SharedArrayBuffer;

const newPortion = (): Buffer => {
  const buffer = spare.pop() ?? new SharedArrayBuffer(PORTION_BYTES);
  readers.set(buffer, 1);
  return Buffer.from(buffer);
};

/**
 * The same bytes in portions that other threads can read, each with one reader: whoever is given it. Who never releases it keeps it, as any other bytes.
 * Chunks are taken over: their memory is given back at once.
 */
export async function* inPortions(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let portion: Buffer | undefined;
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.byteLength;) {
      portion ??= newPortion();
      const piece = chunk.subarray(at, at + PORTION_BYTES - filled);
      portion.set(piece, filled);
      at += piece.byteLength;
      filled += piece.byteLength;
      if (filled < PORTION_BYTES) continue;
      const full = portion;
      [portion, filled] = [undefined, 0];
      yield full;
    }
    discard(chunk);
  }
  if (portion) yield portion.subarray(0, filled);
}
