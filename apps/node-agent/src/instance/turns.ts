import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const MOST_WAITING = 16;

/**
 * Answers one request after the other, and holds few of them whatever its callers do.
 * A connection has one request at a time: one that sends another before its answer was taken is cut off.
 */
export class Turns {
  readonly #busy = new WeakSet<Socket>();
  #waiting = 0;
  #before: Promise<void> = Promise.resolve();

  /** @param takeMs for which an answer may lie before it is taken, in milliseconds */
  constructor(private readonly takeMs: number) {}

  /** Says whether a request is to be answered. Where it is not, its connection is destroyed. */
  admit(socket: Socket, response: ServerResponse): boolean {
    if (socket.destroyed) return false;
    if (this.#busy.has(socket)) {
      socket.destroy();
      return false;
    }
    this.#busy.add(socket);
    let timer: NodeJS.Timeout | undefined;
    // It is written whole at once: from then on it is for the caller to take it.
    response.once('prefinish', () => (timer = setTimeout(() => socket.destroy(), this.takeMs)));
    response.once('close', () => {
      clearTimeout(timer);
      this.#busy.delete(socket);
    });
    return true;
  }

  /** Has a request answered once all before it were, and their answers taken. Too many wait: its connection is destroyed. */
  wait(response: ServerResponse, answer: () => Promise<void>): void {
    if (this.#waiting >= MOST_WAITING) {
      response.destroy();
      return;
    }
    this.#waiting += 1;
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    const turn = async (): Promise<void> => {
      if (!response.destroyed) await answer().catch(() => response.destroy());
      await closed;
    };
    this.#before = this.#before.then(turn).finally(() => (this.#waiting -= 1));
  }
}
