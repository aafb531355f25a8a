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
export type ToThread = { readonly type: 'given'; readonly given: Readonly<Allowance> } | { readonly type: 'turn' };

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

/** Unpacks a layer as `unpackLayer` does, in a thread of its own, which is over when this is. */
export const unpackByThread = async (
  { file, mediaType, root }: Pick<ThreadWork, 'file' | 'mediaType' | 'root'>,
  { signal, onMoved, left, onGrow, turn }: ThreadOptions,
): Promise<string> => {
  const work: ThreadWork = { file, mediaType, root, mostBytes: mostPlain(left), early: turn?.folder };
  const worker = new Worker(THREAD, { workerData: work, resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const tell = (what: ToThread): void => worker.postMessage(what);
  const give = async (wanted: Readonly<Allowance>): Promise<void> => {
    const given = partOf(left, wanted);
    await take(left, given, onGrow);
    tell({ type: 'given', given });
  };
  worker.on('message', (said: FromThread) => {
    if (said.type === 'moved') onMoved();
    else if (said.type === 'wants') give(said.wanted).catch(reject);
    else if (said.type === 'refused') reject(new LayerRefused(said.message));
    else if (said.type === 'failed') reject(Object.assign(new Error(said.message), { code: said.code }));
    else {
      left.bytes += said.unspent.bytes;
      left.files += said.unspent.files;
      resolve(said.digest);
    }
  });
  worker.on('error', (error) => reject(errorOf(error as Error)));
  worker.on('exit', () => reject(new Error('the thread that unpacks a layer ended')));
  turn?.comes.then(() => tell({ type: 'turn' }), reject);
  const giveUp = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', giveUp);
    await worker.terminate();
  }
};
