import { delay } from '@fornax/base';

import type { Waiter } from './shared-work.js';

/** Others have the room that an image needs: nothing that the image did. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom';
}

export interface ImageRoomOptions {
  /** Bytes of all images, those that are being pulled among them. */
  readonly mostBytes: number;
  /** Bytes of those that are here, as they lie there. */
  readonly kept: () => number;
  /** Lets an image go that nobody has. @returns false: there is none */
  readonly letGo: () => Promise<boolean>;
  /** Bytes that are free beyond the mark below which instances have to end; undefined: nobody knows. */
  readonly spare: () => Promise<number | undefined>;
  /** How long a pull waits for room before it begins; another node may have some. */
  readonly patienceMs?: number;
}

/** Pulls at a time; more wait for their turn. */
const MOST_PULLS = 4;
const PATIENCE_MS = 60_000;
const EVERY_MS = 500;
/** After so many bytes the disk is looked at anew. */
const LOOK_BYTES = 67_108_864;

/** Room of one pull. */
export interface Held {
  /** Has room for more of what is unpacked. @throws NoRoom */
  grow(bytes: number): Promise<void> | undefined;
  /** Has the disk still got room for what comes compressed? @throws NoRoom */
  expect(bytes: number): Promise<void>;
  /** The pull is over. Safe to repeat. */
  end(): void;
}

/** Room for images that are being pulled: all of them with those that are here take no more than they may, and none takes what instances need. */
export class ImageRoom {
  readonly #waiting: (() => void)[] = [];
  #pulls = 0;
  #heldBytes = 0;
  /** Of what is held, what does not lie on the disk yet. */
  #comingBytes = 0;

  constructor(private readonly options: ImageRoomOptions) {}

  /**
   * Waits for a turn, and for room for what comes compressed: an image is that large at least.
   * @throws NoRoom; the signal's reason
   */
  async enter(compressedBytes: number, { signal, onMoved }: Waiter): Promise<Held> {
    // Whoever waits for others is not stuck.
    const waiting = setInterval(onMoved, EVERY_MS);
    try {
      await this.#turn(signal);
      await this.#patiently(compressedBytes, signal).catch((error: unknown) => {
        this.#next();
        throw error;
      });
    } finally {
      clearInterval(waiting);
    }
    return this.#held(compressedBytes);
  }

  async #patiently(bytes: number, signal: AbortSignal): Promise<void> {
    for (let waitedMs = 0; !(await this.#makeRoom(bytes, bytes)); waitedMs += EVERY_MS) {
      if (waitedMs >= (this.options.patienceMs ?? PATIENCE_MS)) throw noRoom();
      await delay(EVERY_MS, signal);
      signal.throwIfAborted();
    }
  }

  #held(compressedBytes: number): Held {
    let coming = compressedBytes;
    // An image is as large as its layers are compressed, or larger.
    let bytes = compressedBytes;
    let unpacked = 0;
    let unseen = 0;
    let isOver = false;
    this.#comingBytes += coming;
    this.#heldBytes += bytes;
    const look = async (more: number): Promise<void> => {
      if (!(await this.#makeRoom(0, more))) throw noRoom();
    };
    return {
      grow: (more) => {
        unpacked += more;
        unseen += more;
        const beyond = Math.max(0, unpacked - bytes);
        bytes += beyond;
        this.#heldBytes += beyond;
        if (unseen < LOOK_BYTES && this.#isWithin(0)) return undefined;
        unseen = 0;
        return look(more);
      },
      expect: (more) => {
        coming -= more;
        this.#comingBytes -= more;
        return look(more);
      },
      end: () => {
        if (isOver) return;
        isOver = true;
        this.#comingBytes -= coming;
        this.#heldBytes -= bytes;
        this.#next();
      },
    };
  }

  #isWithin(bytes: number): boolean {
    return this.options.kept() + this.#heldBytes + bytes <= this.options.mostBytes;
  }

  /** Lets go of what nobody has until there is room. @returns false: there is none, and nothing more that could go */
  async #makeRoom(bytes: number, onDisk: number): Promise<boolean> {
    for (;;) {
      const spare = await this.options.spare();
      const hasDisk = spare === undefined || spare >= onDisk + this.#comingBytes;
      if (hasDisk && this.#isWithin(bytes)) return true;
      if (!(await this.options.letGo())) return false;
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#pulls < MOST_PULLS) {
      this.#pulls += 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const enter = (): void => resolve(undefined);
    const leave = (): void => {
      const at = this.#waiting.indexOf(enter);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
    this.#waiting.push(enter);
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#pulls -= 1;
  }
}

const noRoom = (): NoRoom => new NoRoom('this node has no room for the image now: others have it');
