import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ContentNotHashed } from './content-not-hashed.js';
import { holdPortion, releasePortion } from './shared-portions.js';

/** Portions of one digest that wait for their thread before whoever brings more has to wait as well. */
const MOST_WAITING = 3;
/** More would wait for processors, not for one another. */
const MOST_THREADS = 4;

const THREAD = `
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const running = new Map();
parentPort.on('message', ({ id, algorithm, bytes }) => {
  if (algorithm !== undefined) return void running.set(id, createHash(algorithm));
  if (bytes !== undefined) {
    running.get(id).update(bytes);
    return void parentPort.postMessage({ id });
  }
  const digest = running.get(id).digest();
  running.delete(id);
  parentPort.postMessage({ id, digest });
});
`;

interface Answer {
  readonly id: number;
  readonly digest?: Uint8Array;
}

/** A thread that hashes, and what is under way in it. */
class HashThread {
  readonly #worker = new Worker(THREAD, { eval: true });
  readonly #running = new Map<number, ThreadedHash>();

  constructor(private readonly onEnd: (thread: HashThread) => void) {
    this.#worker.on('message', ({ id, digest }: Answer) => this.#running.get(id)?.onAnswer(digest));
    // An error is followed by an exit.
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end());
    // Who waits for an answer has a connection open: a thread alone keeps no process running.
    this.#worker.unref();
  }

  get load(): number {
    return this.#running.size;
  }

  begin(id: number, hash: ThreadedHash, algorithm: string): void {
    this.#running.set(id, hash);
    this.#worker.postMessage({ id, algorithm });
  }

  send(id: number, bytes?: Uint8Array): void {
    this.#worker.postMessage({ id, bytes });
  }

  forget(id: number): void {
    this.#running.delete(id);
  }

  #end(cause?: unknown): void {
    this.onEnd(this);
    const error = new ContentNotHashed({ cause });
    for (const hash of this.#running.values()) hash.onFailure(error);
    this.#running.clear();
  }
}

const threads = new Set<HashThread>();
let lastId = 0;

const leastLoaded = (): HashThread => {
  const [least] = [...threads].sort((a, b) => a.load - b.load);
  if (least && (least.load === 0 || threads.size >= Math.min(MOST_THREADS, availableParallelism()))) return least;
  const begun = new HashThread((ended) => void threads.delete(ended));
  threads.add(begun);
  return begun;
};

/** A digest that is computed by another thread while this one goes on. */
export class ThreadedHash {
  readonly #id = (lastId += 1);
  readonly #thread = leastLoaded();
  /** In the order in which they were sent. */
  readonly #waiting: Uint8Array[] = [];
  #room = Promise.withResolvers<void>();
  readonly #digest = Promise.withResolvers<Buffer>();
  #failure: Error | undefined;
  #hasEnded = false;

  /** @param algorithm as Node names it, e.g. `md5` */
  constructor(algorithm: string) {
    this.#digest.promise.catch(() => undefined); // who asks for it sees it
    this.#thread.begin(this.#id, this, algorithm);
  }

  /** Takes bytes that other threads can read, and holds them until they are hashed. Waits while too many are. @throws ContentNotHashed */
  async update(portion: Uint8Array): Promise<void> {
    while (this.#waiting.length >= MOST_WAITING && !this.#failure) await this.#room.promise;
    if (this.#failure) throw this.#failure;
    holdPortion(portion);
    this.#waiting.push(portion);
    this.#thread.send(this.#id, portion);
  }

  /** The digest of all bytes. @throws ContentNotHashed */
  digest(): Promise<Buffer> {
    if (!this.#hasEnded && !this.#failure) this.#thread.send(this.#id);
    this.#hasEnded = true;
    return this.#digest.promise;
  }

  /** Ends it where nobody wants its digest any more. */
  abandon(): void {
    void this.digest();
  }

  onAnswer(digest: Uint8Array | undefined): void {
    if (digest) {
      this.#thread.forget(this.#id);
      return this.#digest.resolve(Buffer.from(digest));
    }
    const portion = this.#waiting.shift();
    if (portion) releasePortion(portion);
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  onFailure(error: ContentNotHashed): void {
    this.#failure = error;
    this.#waiting.splice(0).forEach(releasePortion);
    this.#digest.reject(error);
    this.#room.resolve();
  }
}
