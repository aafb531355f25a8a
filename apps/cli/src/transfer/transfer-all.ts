import { withProgress, type Io } from '../terminal/io.js';

/** What the work on one file is given. */
export interface About {
  readonly signal: AbortSignal;
  /** To be told of bytes as they come or go. */
  readonly onBytes: (bytes: number) => void;
}

/** Works on every file, some at a time, and tells how far it is. After a failure nothing new is begun; the first error is thrown. */
export const transferAll = async <T extends { readonly size: number }>(
  io: Io,
  files: readonly T[],
  parallel: number,
  work: (file: T, about: About) => Promise<void>,
): Promise<void> => {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let [done, bytes] = [0, 0];
  const onBytes = (more: number): void => void (bytes += more);
  const failed = new AbortController();
  const signal = AbortSignal.any([io.signal, failed.signal]);
  const queue = files.values();
  const drain = async (): Promise<void> => {
    for (const file of queue) {
      signal.throwIfAborted();
      await work(file, { signal, onBytes }).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      });
      done += 1;
    }
  };
  // What is sent again after a break counts twice.
  const progress = (): string => `${done} of ${files.length} files, ${Math.min(bytes, total)} of ${total} bytes`;
  await withProgress(io, progress, () => Promise.all(Array.from({ length: Math.min(parallel, files.length) }, drain)));
};
