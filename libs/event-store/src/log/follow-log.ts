import type { RecordedCommit } from '@fornax/contracts';
import { LogReset, type SubscribeOptions } from './event-log.js';
import { keepFollowing } from './keep-following.js';
import { backoffMs, delay } from '@fornax/base';

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
  const { signal, onProgress, onError, wants } = options;
  let position = options.from - 1;
  /** Something was not handled before the end: whatever comes behind it counts no more. */
  let isBrokenOff = false;

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

  const isFinal = (error: unknown): boolean => error instanceof LogReset;
  await keepFollowing({ signal, onError, isFinal }, async ({ stands, moved }) => {
    const deliver: Deliver = async (commits, sequence) => {
      const wanted = wants === undefined ? commits : commits.filter(wants);
      if (!isBrokenOff && wanted.length > 0) isBrokenOff = !(await handle(wanted));
      if (isBrokenOff) return;
      // Standing where it stood says only that it could be begun again.
      if (sequence > position) moved();
      else stands();
      position = sequence;
      onProgress?.(position);
    };
    await follow(position, deliver);
  });
};
