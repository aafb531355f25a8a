import type { RecordedCommit } from '@fornax/contracts';
import { LogReset, type SubscribeOptions } from './event-log.js';
import { allowManyListeners, backoffMs, delay } from './wait.js';

/** Hands over commits and moves the position to `sequence`, the last one examined. Resolves when they were handled. */
export type Deliver = (commits: readonly RecordedCommit[], sequence: number) => Promise<void>;

/**
 * The retrying part of `EventLog.subscribe`, the same for every adapter: `follow` delivers everything after `position` until it
 * breaks; then it is called again from where it stood. It delivers nothing at `position` first, once it stands: so `onProgress` tells that
 * the log is being followed (again).
 * @throws LogReset
 */
export const followLog = async (
  options: SubscribeOptions,
  onBatch: (batch: readonly RecordedCommit[]) => Promise<void>,
  follow: (position: number, deliver: Deliver) => Promise<void>,
): Promise<void> => {
  const { signal, onProgress, onError } = options;
  allowManyListeners(signal);
  let position = options.from - 1;
  let failures = 0;

  const handle = async (commits: readonly RecordedCommit[]): Promise<boolean> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await onBatch(commits);
        return true;
      } catch (error) {
        if (error instanceof LogReset) throw error;
        onError?.(error);
        await delay(backoffMs(attempt), signal);
        if (signal.aborted) return false;
      }
    }
  };

  const deliver: Deliver = async (commits, sequence) => {
    if (commits.length > 0 && !(await handle(commits))) return;
    position = sequence;
    failures = 0;
    onProgress?.(position);
  };

  while (!signal.aborted) {
    try {
      await follow(position, deliver);
    } catch (error) {
      if (error instanceof LogReset) throw error;
      if (signal.aborted) return;
      onError?.(error);
      failures += 1;
      await delay(backoffMs(failures), signal);
    }
  }
};
