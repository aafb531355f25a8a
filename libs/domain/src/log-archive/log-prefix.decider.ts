import { accept, type Decider, reject } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';

/** Where the part of the log ends that is in the archive alone. */
export interface LogPrefix {
  /** The last sequence of it; 0 while the log begins at 1. */
  readonly to: number;
  /** The segment that it ends with, and its hash, which covers all before. */
  readonly number: number;
  readonly hash: string;
}

/**
 * A part of the log, from its beginning to the end of a segment of the archive, is read from the archive from now on. Only behind this may whoever owns the
 * streams take it out of the log.
 */
export interface LogPrefixLeft extends LogPrefix {
  readonly type: 'LogPrefixLeft';
  /** When the log took the last commit of it. */
  readonly lastAt: InstantMs;
  readonly at: InstantMs;
}

export interface LetPrefixLeave extends LogPrefix {
  readonly type: 'LetPrefixLeave';
  readonly lastAt: InstantMs;
  readonly at: InstantMs;
}

/** What has left the log never comes back, and more leaves behind it. */
export const logPrefixDecider: Decider<LogPrefix, LetPrefixLeave, LogPrefixLeft> = {
  initial: { to: 0, number: 0, hash: '0'.repeat(64) },
  decide: (prefix, { type: _, ...next }) => {
    if (next.to === prefix.to && next.hash === prefix.hash) return accept();
    if (next.to <= prefix.to || next.number <= prefix.number)
      return reject(
        'conflict',
        'prefix-has-left',
        `What lies up to sequence ${prefix.to} has left the log already, and ${next.to} is not behind it`,
      );
    return accept({ type: 'LogPrefixLeft', ...next });
  },
  evolve: (_, { to, number, hash }) => ({ to, number, hash }),
};
