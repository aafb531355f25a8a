import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

import { backoffMs, delay } from '@fornax/base';
import { type S3Client, S3Error } from '@fornax/s3';

/** An object as a listing of its bucket tells of it. */
export interface ListedObject {
  readonly bucket: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** '' where the storage names none. */
  readonly etag: string;
}

export interface FetchedObject {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
}

/** Breaks in a row without a byte between them. */
const MOST_BREAKS = 5;
/** The ETag of what was stored in one piece; one of parts says nothing of the whole (contract, section 2.9). */
const MD5 = /^[0-9a-f]{32}$/;

/** What arrived is not what the storage says that it is. */
export class DamagedObject extends Error {
  override readonly name = 'DamagedObject';
}

/** The bytes of an object as they come, hashed on their way into a file. */
class Arrival {
  readonly #sha256 = createHash('sha256');
  readonly #md5 = createHash('md5');
  bytes = 0;
  isExecutable = false;

  constructor(private readonly file: FileHandle) {}

  async take(piece: Uint8Array): Promise<void> {
    this.#sha256.update(piece);
    this.#md5.update(piece);
    for (let at = 0; at < piece.length;) {
      const { bytesWritten } = await this.file.write(piece, at, piece.length - at, this.bytes + at);
      at += bytesWritten;
    }
    this.bytes += piece.length;
  }

  /** @throws DamagedObject */
  checked({ bucket, key, etag }: ListedObject): FetchedObject {
    const md5 = this.#md5.digest('hex');
    if (MD5.test(etag) && md5 !== etag)
      throw new DamagedObject(
        `the object ${key} of the bucket ${bucket} arrived damaged: its MD5 is ${md5}, and its ETag ${etag}`,
      );
    return { sha256: this.#sha256.digest('hex'), sizeBytes: this.bytes, isExecutable: this.isExecutable };
  }
}

/**
 * Fetches an object into a file that must not exist, and is read-only then. A connection that breaks is taken up where it broke, as long as the object is the same.
 * @throws S3Error the storage says no; PreconditionFailed: the object has changed meanwhile @throws DamagedObject
 */
export const fetchObject = async (
  s3: S3Client,
  object: ListedObject,
  path: string,
  signal: AbortSignal,
): Promise<FetchedObject> => {
  const file = await open(path, 'wx', 0o444);
  try {
    const arrival = new Arrival(file);
    let breaks = 0;
    do {
      const before = arrival.bytes;
      try {
        await takeRest(s3, object, arrival, signal);
      } catch (error) {
        signal.throwIfAborted();
        breaks = arrival.bytes > before ? 1 : breaks + 1;
        if (error instanceof S3Error || error instanceof DamagedObject || breaks > MOST_BREAKS) throw error;
        await delay(backoffMs(breaks), signal);
        signal.throwIfAborted();
      }
    } while (arrival.bytes < object.sizeBytes);
    return arrival.checked(object);
  } finally {
    await file.close();
  }
};

const takeRest = async (s3: S3Client, object: ListedObject, arrival: Arrival, signal: AbortSignal): Promise<void> => {
  const { bucket, key, etag, sizeBytes } = object;
  const match = etag === '' ? {} : { ifMatch: etag };
  const rest = arrival.bytes === 0 ? {} : { start: arrival.bytes };
  const { body, isExecutable } = await s3.readObject(bucket, key, { ...match, ...rest, signal });
  arrival.isExecutable = isExecutable;
  for await (const piece of body) {
    if (arrival.bytes + piece.length > sizeBytes)
      throw new DamagedObject(`the object ${key} of the bucket ${bucket} is longer than listed`);
    await arrival.take(piece);
  }
  if (arrival.bytes < sizeBytes) throw new Error(`the object ${key} of the bucket ${bucket} ended early`);
};
