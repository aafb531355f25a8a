import { FileDamaged } from './file-damaged.js';
import type { FilePiece, ObjectFiles } from './object-files.js';
import { wholeBytes } from './whole-bytes.js';

/** Objects of which is remembered what they were compared with. */
const MOST = 10_000;

/**
 * Compares all of an object with its ETag before a part of it is given away, for files that say nothing of their blocks. Once for each state of its
 * files: clients fetch a large object in very many parts.
 */
export class ProvenObjects {
  readonly #known = new Map<string, Promise<void>>();

  constructor(private readonly files: ObjectFiles) {}

  /** @throws FileDamaged */
  async prove(pieces: readonly FilePiece[], etag: string): Promise<void> {
    const state = [etag, ...(await this.files.statesOf(pieces))].join('/');
    let proof = this.#known.get(state);
    if (!proof) {
      proof = this.#compare(pieces, etag);
      this.#known.set(state, proof);
      const [oldest] = this.#known.keys();
      if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
      proof.catch((error: unknown) => {
        // A disk that could not be read says nothing of the next time.
        if (!(error instanceof FileDamaged)) this.#known.delete(state);
      });
    }
    await proof;
  }

  async #compare(pieces: readonly FilePiece[], etag: string): Promise<void> {
    const end = pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - 1;
    for await (const chunk of wholeBytes(this.files.read(pieces, { start: 0, end }), pieces, etag)) void chunk;
  }
}
