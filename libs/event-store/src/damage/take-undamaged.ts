import type { RecordedCommit } from '@fornax/contracts';
import { LogDamaged } from '../log/event-log.js';
import type { Gap } from './gaps.js';
import type { Given, Reading } from './reading.js';

export interface Taken {
  readonly commits: readonly RecordedCommit[];
  /** The last message that was taken; undefined when the first one is damaged already. */
  readonly last: number | undefined;
  /** Why those behind it were not. */
  readonly damage: LogDamaged | undefined;
}

export interface TakeOptions<M> {
  readonly reading: Reading;
  /** @throws LogDamaged unless it is given up */
  readonly checkGap: (gap: Gap) => Promise<void>;
  readonly givenOf: (message: M) => Given;
  /** @returns undefined for what is left out @throws LogDamaged */
  readonly read: (message: M) => RecordedCommit | undefined;
  /** Take what is left, as if operators had given up all that is damaged. */
  readonly despiteDamage?: boolean;
}

/** The commits in messages up to the first damage: nobody is given anything that lies behind it. */
export const takeUndamaged = async <M>(messages: readonly M[], options: TakeOptions<M>): Promise<Taken> => {
  const { reading, checkGap, givenOf, read, despiteDamage = false } = options;
  const commits: RecordedCommit[] = [];
  let last: number | undefined;
  const pass = (error: unknown): void => {
    if (!despiteDamage || !(error instanceof LogDamaged)) throw error;
  };
  try {
    for (const message of messages) {
      const given = givenOf(message);
      const gap = reading.gapBefore(given);
      if (gap !== undefined) await checkGap(gap).catch(pass);
      try {
        const commit = read(message);
        if (commit !== undefined) commits.push(commit);
      } catch (error) {
        pass(error);
      }
      reading.given(given);
      last = given.sequence;
    }
  } catch (error) {
    if (!(error instanceof LogDamaged)) throw error;
    return { commits, last, damage: error };
  }
  return { commits, last, damage: undefined };
};
