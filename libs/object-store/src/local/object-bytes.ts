import { Readable, type Writable } from 'node:stream';
import { gone } from '../bytes/gone.js';
import { PulledBytes } from '../bytes/pulled-bytes.js';
import type { ObjectBytes } from '../port/object-store.js';
import { CHUNK_BYTES, newBuffer, type TakeBuffer } from './compared-file.js';

/** Bytes as they are read, into buffers that the reader of them chooses. */
export type ReadChunks = (takeBuffer: TakeBuffer) => AsyncGenerator<Uint8Array>;

/** Hands one chunk on. Resolves when the buffer may be written over; rejects when the other end is gone, which a response does not always say. */
const written = (to: Writable, chunk: Uint8Array): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = (): void => reject(gone());
  to.once('close', onClose);
  to.write(chunk, (error) => {
    to.off('close', onClose);
    if (error) reject(gone(error));
    else resolve();
  });
  return promise;
};

/** One buffer is being filled while the other one is on its way: so much is held for each reader, however slow. */
class TwoBuffers {
  readonly #slots = [0, 1].map(() => ({ buffer: undefined as Buffer | undefined, written: Promise.resolve() }));
  #turn = 0;

  readonly take: TakeBuffer = async (bytes) => {
    this.#turn = 1 - this.#turn;
    const slot = this.#slots[this.#turn];
    if (!slot) return newBuffer(bytes);
    await slot.written;
    if (!slot.buffer || slot.buffer.byteLength < bytes) slot.buffer = Buffer.allocUnsafeSlow(bytes);
    return slot.buffer;
  };

  /** The buffer that was taken last is not to be written over before that. */
  until(done: Promise<void>): void {
    const slot = this.#slots[this.#turn];
    if (slot) slot.written = done;
    done.catch(() => undefined); // who takes the buffer next, or `all`, sees it
  }

  async all(): Promise<void> {
    for (const slot of this.#slots) await slot.written;
  }
}

/** Content of an object: a stream like any other, which knows a way without one to whoever only passes it on. */
export class LocalBytes extends PulledBytes implements ObjectBytes {
  constructor(
    private readonly readChunks: ReadChunks,
    /** Told once, when nothing is read any more. */
    private readonly onEnd: () => Promise<void>,
  ) {
    super({ highWaterMark: CHUNK_BYTES });
  }

  protected override chunks(): AsyncGenerator<Uint8Array> {
    return this.readChunks(newBuffer);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.onEnd().then(
      () => callback(error),
      (cause: unknown) => callback(error ?? (cause instanceof Error ? cause : new Error(String(cause)))),
    );
  }

  async sendTo(to: Writable): Promise<void> {
    const buffers = new TwoBuffers();
    try {
      for await (const chunk of this.readChunks(buffers.take)) buffers.until(written(to, chunk));
      await buffers.all();
      to.end();
    } finally {
      // Nothing was read as from a stream, so there is nobody to be told of a failure but who called.
      this.destroy();
    }
  }
}

/** Content of a small object, which is in memory: sent in one write with what stands before it. */
export class SmallBytes extends Readable implements ObjectBytes {
  constructor(private readonly content: Uint8Array) {
    super({ highWaterMark: CHUNK_BYTES });
  }

  override _read(): void {
    this.push(this.content);
    this.push(null);
  }

  async sendTo(to: Writable): Promise<void> {
    // One that is gone already says nothing any more.
    if (to.destroyed) throw gone();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onClose = (): void => reject(gone());
    to.once('close', onClose);
    to.end(this.content, (error?: Error | null) => (error ? reject(gone(error)) : resolve()));
    await promise.finally(() => to.off('close', onClose));
  }
}
