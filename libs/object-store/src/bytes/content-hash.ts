import { createHash, type Hash } from 'node:crypto';
import { isShared } from './shared-portions.js';
import { ThreadedHash } from './hash-threads.js';

/** A digest of bytes as they pass: by another thread where they come in portions that it can read, at once where they do not. */
export class ContentHash {
  #hash: Hash | ThreadedHash | undefined;

  /** @param algorithm as Node names it, e.g. `md5` */
  constructor(private readonly algorithm: string) {}

  /** Takes bytes, which must not be changed before the digest. Waits while too many wait. */
  update(bytes: Uint8Array): void | Promise<void> {
    this.#hash ??= isShared(bytes) ? new ThreadedHash(this.algorithm) : createHash(this.algorithm);
    if (this.#hash instanceof ThreadedHash) return this.#hash.update(bytes);
    this.#hash.update(bytes);
  }

  digest(): Buffer | Promise<Buffer> {
    this.#hash ??= createHash(this.algorithm);
    return this.#hash.digest();
  }

  /** Ends it where nobody wants its digest any more. */
  abandon(): void {
    if (this.#hash instanceof ThreadedHash) this.#hash.abandon();
  }
}
