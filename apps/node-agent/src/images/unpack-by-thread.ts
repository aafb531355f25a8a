import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { Turn } from './early-entries.js';
import { type Allowance, partOf, take } from './layer-budget.js';
import { LayerRefused } from './tree-path.js';
import { mostPlain } from './unpack-here.js';

/** What a thread unpacks. */
export interface ThreadWork {
  readonly file: string;
  readonly mediaType: string;
  readonly root: string;
  readonly mostBytes: number;
  /** Whether the thread undoes gzip by itself, between its other work. */
  readonly isInStep: boolean;
  /** Where what comes before its turn waits; absent: its turn has come. */
  readonly early?: string | undefined;
}

/** What a thread says. */
export type FromThread =
  | { readonly type: 'moved' }
  | { readonly type: 'wants'; readonly wanted: Readonly<Allowance> }
  | { readonly type: 'done'; readonly digest: string; readonly unspent: Readonly<Allowance> }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'failed'; readonly message: string; readonly code: string };

/** What a thread is told. */
export type ToThread =
  | { readonly type: 'work'; readonly work: ThreadWork }
  | { readonly type: 'given'; readonly given: Readonly<Allowance> }
  | { readonly type: 'turn' };

interface ThreadOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly left: Allowance;
  readonly onGrow: (bytes: number) => Promise<void> | undefined;
  readonly turn: Turn | undefined;
}

/** Of a heap: what a layer may make it keep (its own names, what waits for its turn) is bounded well below that. This is the second wall, through which one large step may go. */
const HEAP_MIB = 512;
/** Compiled: a thread reads no TypeScript. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/images/unpack-thread-main.js' : './unpack-thread-main.js',
  import.meta.url,
);

const errorOf = (error: Error & { readonly code?: string }): Error =>
  error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new LayerRefused('a layer of it takes more memory to unpack than this node gives it')
    : error;

export const beginThread = (): Worker => new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } });

/**
 * Threads that unpack the layers of one image: one that is through with a layer waits for the next, since to begin one takes as long as to unpack some 20 MB.
 * Layers of different images, and so what strangers wrote, never meet in one.
 */
export class UnpackThreads {
  readonly #idle = new Set<Worker>();
  #atWork = 0;

  constructor(
    private readonly begin = beginThread,
    private readonly cores = availableParallelism(),
  ) {}

  /** Unpacks a layer as `unpackLayer` does, in a thread that does nothing else meanwhile. What failed is over when this is. */
  async unpack(
    { file, mediaType, root }: Pick<ThreadWork, 'file' | 'mediaType' | 'root'>,
    options: ThreadOptions,
  ): Promise<string> {
    const { left, turn } = options;
    const worker = this.#take();
    this.#atWork += 1;
    // A stream undoes it beside the thread: sooner where a core has nothing else to do, and with more work in all.
    const isInStep = this.#atWork * 2 > this.cores;
    try {
      const work = { file, mediaType, root, mostBytes: mostPlain(left), isInStep, early: turn?.folder };
      const digest = await unpackIn(worker, work, options);
      this.#idle.add(worker);
      return digest;
    } catch (error) {
      // It may be writing.
      await worker.terminate();
      throw error;
    } finally {
      this.#atWork -= 1;
    }
  }

  /** Ends those that wait. */
  async close(): Promise<void> {
    await Promise.all([...this.#idle].map((worker) => worker.terminate()));
  }

  #take(): Worker {
    const [waiting] = this.#idle;
    if (waiting) {
      this.#idle.delete(waiting);
      return waiting;
    }
    const worker = this.begin();
    // Of one that waits nobody else would hear it.
    worker.on('error', () => undefined).on('exit', () => this.#idle.delete(worker));
    return worker;
  }
}

/** Has a thread unpack a layer. @throws LayerRefused, what the disk says, what `onGrow` throws, the signal's reason, why its turn does not come: it may go on then */
const unpackIn = async (
  worker: Worker,
  work: ThreadWork,
  { signal, onMoved, left, onGrow, turn }: ThreadOptions,
): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const tell = (what: ToThread): void => worker.postMessage(what);
  const give = async (wanted: Readonly<Allowance>): Promise<void> => {
    const given = partOf(left, wanted);
    await take(left, given, onGrow);
    tell({ type: 'given', given });
  };
  const hear = (said: FromThread): void => {
    if (said.type === 'moved') onMoved();
    else if (said.type === 'wants') give(said.wanted).catch(reject);
    else if (said.type === 'refused') reject(new LayerRefused(said.message));
    else if (said.type === 'failed') reject(Object.assign(new Error(said.message), { code: said.code }));
    else {
      left.bytes += said.unspent.bytes;
      left.files += said.unspent.files;
      resolve(said.digest);
    }
  };
  const fail = (error: unknown): void => reject(errorOf(error as Error));
  const end = (): void => reject(new Error('the thread that unpacks a layer ended'));
  const giveUp = (): void => reject(signal.reason as Error);
  worker.on('message', hear).on('error', fail).on('exit', end);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  tell({ type: 'work', work });
  turn?.comes.then(() => tell({ type: 'turn' }), reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    worker.off('message', hear).off('error', fail).off('exit', end);
  }
};
