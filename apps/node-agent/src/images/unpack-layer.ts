import { stat } from 'node:fs/promises';

import type { Turn } from './early-entries.js';
import { type Allowance, take } from './layer-budget.js';
import type { UnpackThreads } from './unpack-by-thread.js';
import { mostPlain, unpackHere } from './unpack-here.js';

export interface LayerOptions {
  readonly signal: AbortSignal;
  readonly onMoved: () => void;
  readonly left: Allowance;
  /** Has room for so many more bytes. @throws Error there is none */
  readonly onGrow?: (bytes: number) => Promise<void> | undefined;
  /** Absent: at once. */
  readonly turn?: Turn;
  readonly threads: Pick<UnpackThreads, 'unpack'>;
  /** Bytes of a file that is worth a thread. */
  readonly threadsFrom?: number | undefined;
}

/** A layer that is packed to less is not worth a thread. */
const SMALL_BYTES = 4_194_304;

/**
 * Unpacks a layer over what lies in a folder. One whose turn has not come is read all the same, and what it brings waits beside.
 * One that is not small is unpacked by a thread: layers side by side are then as fast as the machine has cores, and the agent has its own for itself.
 * @returns the digest of what it is without its compression
 * @throws LayerRefused, what the disk says, what `onGrow` throws, the signal's reason, why its turn does not come
 */
export const unpackLayer = async (
  file: string,
  mediaType: string,
  root: string,
  { signal, onMoved, left, onGrow = () => undefined, turn, threads, threadsFrom = SMALL_BYTES }: LayerOptions,
): Promise<string> => {
  signal.throwIfAborted();
  const { size } = await stat(file);
  if (size >= threadsFrom) return threads.unpack({ file, mediaType, root }, { signal, onMoved, left, onGrow, turn });
  const spend = (bytes: number): Promise<void> | undefined => take(left, { bytes, files: 1 }, onGrow);
  return unpackHere(file, mediaType, root, { signal, onMoved, spend, mostBytes: mostPlain(left), turn });
};
