import { createHash } from 'node:crypto';
import { compositeEtag } from '../port/etag.js';
import { FileDamaged } from './file-damaged.js';
import type { FilePiece } from './object-files.js';

/** Digests of the pieces that the bytes of an object fall into, one chunk after the other. */
class PieceDigests {
  readonly #done: string[] = [];
  #hash = createHash('md5');
  #left: number;

  constructor(private readonly sizes: readonly number[]) {
    this.#left = sizes[0] ?? 0;
  }

  update(chunk: Uint8Array): void {
    for (let rest = chunk; rest.byteLength > 0;) {
      if (this.#left === 0) this.#next();
      const own = rest.subarray(0, this.#left);
      this.#hash.update(own);
      this.#left -= own.byteLength;
      rest = rest.subarray(own.byteLength);
    }
  }

  #next(): void {
    if (this.#done.length >= this.sizes.length) throw new RangeError('more bytes than pieces');
    this.#done.push(this.#hash.digest('hex'));
    this.#hash = createHash('md5');
    this.#left = this.sizes[this.#done.length] ?? 0;
  }

  end(): readonly string[] {
    while (this.#done.length < this.sizes.length) this.#next();
    return this.#done;
  }
}

const COMPOSITE = /^[0-9a-f]{32}-(\d+)$/;

/** @returns sizes of the parts that the ETag was made of; undefined when it cannot be told from the files */
const partsOf = (etag: string, pieces: readonly FilePiece[]): readonly number[] | undefined => {
  const [, parts] = COMPOSITE.exec(etag) ?? [];
  if (parts === undefined) return [pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)];
  return Number(parts) === pieces.length ? pieces.map(({ sizeBytes }) => sizeBytes) : undefined;
};

/**
 * Passes all bytes of an object on and compares them with its ETag, which is a checksum of them. The last chunk is held back until that is done:
 * who reads a changed object never comes to its end.
 * @throws FileDamaged they are other bytes than were stored
 */
export async function* wholeBytes(
  chunks: AsyncIterable<Uint8Array>,
  pieces: readonly FilePiece[],
  etag: string,
): AsyncGenerator<Uint8Array> {
  const parts = partsOf(etag, pieces);
  if (parts === undefined) return yield* chunks;
  const digests = new PieceDigests(parts);
  let heldBack: Uint8Array | undefined;
  for await (const chunk of chunks) {
    if (heldBack) yield heldBack;
    digests.update(chunk);
    heldBack = chunk;
  }
  const [single = '', ...others] = digests.end();
  const found = COMPOSITE.test(etag) ? compositeEtag([single, ...others]) : single;
  if (found !== etag) throw new FileDamaged('a file of it holds other bytes than were stored');
  if (heldBack) yield heldBack;
}
