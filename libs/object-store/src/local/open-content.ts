import { Readable } from 'node:stream';
import { type ByteRange, type ObjectBytes, ObjectDamaged, type ObjectInfo, type Place } from '../port/object-store.js';
import { type ComparedFile, type TakeBuffer, newBuffer } from './compared-file.js';
import { FileDamaged } from './file-damaged.js';
import { LocalBytes, SmallBytes } from './object-bytes.js';
import { type FilePiece, type ObjectFiles, piecesOf } from './object-files.js';
import type { ProvenObjects } from './proven-objects.js';
import { wholeBytes } from './whole-bytes.js';

export interface Wanted {
  readonly pieces: readonly FilePiece[];
  readonly range: ByteRange;
  /** Of the whole object, of which the range may be a part. */
  readonly etag: string;
}

const bytesOf = (pieces: readonly FilePiece[]): number => pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

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

/** All bytes of an object, compared with the checksums of their blocks where there are any, and with its ETag. */
const allCompared = (files: ObjectFiles, place: Place, { pieces, etag }: Omit<Wanted, 'range'>): Readable => {
  const range: ByteRange = { start: 0, end: bytesOf(pieces) - 1 };
  const chunks = readAll(files, piecesOf(pieces, range), newBuffer);
  return Readable.from(named(wholeBytes(chunks, pieces, etag), place), { objectMode: false });
};

const areComparable = async (files: ObjectFiles, pieces: readonly FilePiece[]): Promise<boolean> => {
  for (const piece of pieces) {
    const file = await files.open(piece);
    await file.close();
    if (!file.isComparable) return false;
  }
  return true;
};

/** Passes an error on when the file is closed. */
const closing =
  (file: ComparedFile) =>
  async (error: unknown): Promise<never> => {
    await file.close();
    throw error;
  };

const nothing = async (): Promise<void> => undefined;

/**
 * Opens bytes of an object: each block of its files is compared with the checksum beside it before it is given away. Where a file says nothing of its
 * blocks (one of an earlier version, or whose table the disk has changed), all of the object is compared with the ETag instead, which is a checksum of
 * all of it: while it is read, or before a part of it is given away.
 * @throws ObjectDamaged
 */
export const openContent = async (
  { files, proven }: { readonly files: ObjectFiles; readonly proven: ProvenObjects },
  place: Place,
  { pieces, range, etag }: Wanted,
): Promise<ObjectBytes> => {
  try {
    const isAll = range.start === 0 && range.end === bytesOf(pieces) - 1;
    const wanted = piecesOf(pieces, range);
    const [first] = wanted;
    if (pieces.length !== 1 || !first) {
      await files.check(pieces);
      if (!(await areComparable(files, wanted))) {
        if (isAll) return allCompared(files, place, { pieces, etag });
        await proven.prove(pieces, etag);
      }
      return new LocalBytes((takeBuffer) => named(readAll(files, wanted, takeBuffer), place), nothing);
    }
    const file = await files.open(first);
    if (!file.isComparable) {
      await (isAll ? file.close() : proven.prove(pieces, etag).catch(closing(file)));
      if (isAll) return allCompared(files, place, { pieces, etag });
    }
    if (file.isInMemory) return new SmallBytes(file.inMemory(first.range));
    return new LocalBytes(
      (takeBuffer) => named(file.read(first.range, takeBuffer), place),
      () => file.close(),
    );
  } catch (error) {
    throw asObjectDamaged(error, place);
  }
};

/**
 * Opens all of an object so that nothing but the bytes of its ETag comes to its end, whatever its files say of themselves: one may have come to the place
 * of another.
 * @throws ObjectDamaged
 */
export const openThoroughly = (
  files: ObjectFiles,
  place: Place,
  { info, pieces }: { readonly info: ObjectInfo; readonly pieces: readonly FilePiece[] },
): Readable => {
  if (bytesOf(pieces) !== info.sizeBytes)
    throw new ObjectDamaged(
      place.bucket,
      place.key,
      `its files have ${bytesOf(pieces)} bytes where ${info.sizeBytes} were stored`,
    );
  return allCompared(files, place, { pieces, etag: info.etag });
};
