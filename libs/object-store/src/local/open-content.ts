import { Readable } from 'node:stream';
import { type ByteRange, type ObjectBytes, ObjectDamaged, type Place } from '../port/object-store.js';
import type { TakeBuffer } from './compared-file.js';
import { FileDamaged } from './file-damaged.js';
import { LocalBytes, SmallBytes } from './object-bytes.js';
import { type FilePiece, type ObjectFiles, piecesOf } from './object-files.js';
import { wholeBytes } from './whole-bytes.js';

/** What is wrong with a file, with the name of its object. */
export const asObjectDamaged = (error: unknown, { bucket, key }: Place): unknown =>
  error instanceof FileDamaged ? new ObjectDamaged(bucket, key, error.message, { cause: error }) : error;

async function* named(chunks: AsyncIterable<Uint8Array>, place: Place): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw asObjectDamaged(error, place);
  }
}

/** Bytes of several files, of which one at a time is open. */
async function* readAll(
  files: ObjectFiles,
  pieces: ReturnType<typeof piecesOf>,
  takeBuffer: TakeBuffer,
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    const file = await files.open(piece);
    try {
      yield* file.read(piece.range, takeBuffer);
    } finally {
      await file.close();
    }
  }
}

const areComparable = async (files: ObjectFiles, pieces: readonly FilePiece[]): Promise<boolean> => {
  for (const piece of pieces) {
    const file = await files.open(piece);
    await file.close();
    if (!file.isComparable) return false;
  }
  return true;
};

const nothing = async (): Promise<void> => undefined;

/**
 * Opens bytes of an object: each block of its files is compared with the checksum beside it before it is given away. Where all of them are read and a
 * file (of an earlier version) says nothing of its blocks, they are compared with the ETag instead, which is a checksum of all of them.
 * @param etag present when the range is all of the object
 * @throws ObjectDamaged
 */
export const openContent = async (
  files: ObjectFiles,
  place: Place,
  {
    pieces,
    range,
    etag,
  }: { readonly pieces: readonly FilePiece[]; readonly range: ByteRange; readonly etag: string | undefined },
): Promise<ObjectBytes> => {
  try {
    const wanted = piecesOf(pieces, range);
    const [first] = wanted;
    if (pieces.length !== 1 || !first) await files.check(pieces);
    if (pieces.length === 1 && first) {
      const file = await files.open(first);
      const isComparable = etag === undefined || file.isComparable;
      if (isComparable && file.isInMemory) return new SmallBytes(file.inMemory(first.range));
      if (isComparable)
        return new LocalBytes(
          (takeBuffer) => named(file.read(first.range, takeBuffer), place),
          () => file.close(),
        );
      await file.close();
    } else if (etag === undefined || (await areComparable(files, wanted)))
      return new LocalBytes((takeBuffer) => named(readAll(files, wanted, takeBuffer), place), nothing);
    return Readable.from(named(wholeBytes(files.read(pieces, range), pieces, etag), place), { objectMode: false });
  } catch (error) {
    throw asObjectDamaged(error, place);
  }
};
