import type { FileHandle } from 'node:fs/promises';
import { releasePortion } from '../bytes/shared-portions.js';

/** Written at once. */
const PORTION_BYTES = 1024 * 1024;
/** Far below what one call of the kernel takes. */
const PORTION_CHUNKS = 256;

/**
 * Writes all of some chunks at the file's position: the kernel may take less than it was given, above all when a disk is nearly full, and says so only
 * in the number that it answers.
 */
const writeWhole = async (file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> => {
  const { bytesWritten } = await file.writev(chunks);
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  if (bytesWritten === bytes) return;
  for (let rest: Uint8Array = Buffer.concat(chunks).subarray(bytesWritten); rest.byteLength > 0;) {
    const written = await file.write(rest);
    rest = rest.subarray(written.bytesWritten);
  }
};

/** Gathers chunks into large writes, one of which is under way while the next is gathered: two portions are held at most. */
export class FileWriter {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #underWay: Promise<void> = Promise.resolve();

  constructor(private readonly file: FileHandle) {}

  /** Takes a chunk over, which must not be changed until it is written. Waits while two portions are on their way. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#bytes >= PORTION_BYTES || this.#chunks.length >= PORTION_CHUNKS) await this.#send();
  }

  async #send(): Promise<void> {
    await this.#underWay;
    const chunks = this.#chunks.filter((chunk) => chunk.byteLength > 0);
    [this.#chunks, this.#bytes] = [[], 0];
    if (chunks.length === 0) return;
    this.#underWay = writeWhole(this.file, chunks).then(() => chunks.forEach(releasePortion));
    this.#underWay.catch(() => undefined); // the next write or the end sees it
  }

  /** Waits until all of it is written. */
  async end(): Promise<void> {
    await this.#send();
    await this.#underWay;
  }

  /** Waits until nothing is written any more, however that went. */
  async stop(): Promise<void> {
    this.#chunks = [];
    await this.#underWay.catch(() => undefined);
  }
}
