import type { PoolSpec } from '@fornax/domain';
import type { Account } from '@fornax/identity';

/** A pool as a task that is to run in it needs it. */
export interface PoolOfTask {
  readonly poolId: string;
  readonly spec: PoolSpec;
  /** Whether it takes new tasks. */
  readonly isOpen: boolean;
}

/** Finds pools for tasks; whoever keeps pools provides it. */
export abstract class PoolsOfTasks {
  /** The account's own pool of this id or shortname; undefined: there is none. */
  abstract find(account: Account, id: string): Promise<PoolOfTask | undefined>;
  /** Waits until those that are found from then on are as the log has them now. @returns false when the time was over first */
  abstract caughtUp(): Promise<boolean>;
}
