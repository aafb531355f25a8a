import { Readable, type ReadableOptions } from 'node:stream';

/** A stream of chunks that are made when somebody reads it: one that nobody reads has begun nothing. */
export abstract class PulledBytes extends Readable {
  #chunks: AsyncGenerator<Uint8Array> | undefined;

  constructor(options?: Pick<ReadableOptions, 'highWaterMark'>) {
    super(options);
  }

  protected abstract chunks(): AsyncGenerator<Uint8Array>;

  override _read(): void {
    this.#chunks ??= this.chunks();
    this.#chunks.next().then(
      ({ value, done }) => this.push(done === true ? null : value),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  }
}
