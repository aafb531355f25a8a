import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

import { errorCode } from './error-code.js';

/**
 * The writing end of a pipe that brings one message, which is whole when the pipe ends. Written and closed at once: a stream closes its pipe some turns of the
 * event loop later, and the reader waits for that.
 */
export class MessageEnd {
  #fd: number | undefined;
  #rest: Socket | undefined;

  /** @param fd does not block; this owns it from now on */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Writes the message and closes the pipe; what the pipe has no room for yet follows as it is read. Nobody hears of a reader that is gone. */
  end(message: string): void {
    const fd = this.#take();
    if (fd === undefined) return;
    const bytes = Buffer.from(message);
    const written = writtenAtOnce(fd, bytes);
    if (written === undefined || written === bytes.length) closeSync(fd);
    else this.#follow(fd, bytes.subarray(written));
  }

  /** Closes the pipe, whatever of the message is written. Safe to repeat. */
  destroy(): void {
    const fd = this.#take();
    if (fd !== undefined) closeSync(fd);
    this.#rest?.destroy();
  }

  #take(): number | undefined {
    const fd = this.#fd;
    this.#fd = undefined;
    return fd;
  }

  #follow(fd: number, rest: Uint8Array): void {
    try {
      this.#rest = new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#rest.on('error', () => undefined);
    this.#rest.end(rest);
  }
}

/** @returns undefined: nobody reads there any more */
const writtenAtOnce = (fd: number, bytes: Uint8Array): number | undefined => {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    return errorCode(error) === 'EAGAIN' ? 0 : undefined;
  }
};
