import type { KnownObject } from './known-objects.js';
import type { Account } from '@fornax/identity';
import type { RunningOf } from './running.js';
import type { TaskStatus } from './task-status.js';

/** A lease that is in flight, of an instance of a task or of a slot of a pool. */
export interface LeaseInFlight {
  /** Of the task or pool. */
  readonly taskId: string;
  readonly leaseId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
}

/** The attempt that ended an instance or a slot. */
export interface EndedAttempt {
  readonly taskId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  /** When its command was over, milliseconds. */
  readonly overAt: number;
}

export interface AskedInstance {
  readonly taskId: string;
  readonly instance: number;
}

/** Slots of pools, for those who deal with leases of tasks and of pools alike; whoever keeps pools provides it. */
export abstract class PoolSlots {
  /** A pool that exists or existed, by its id or its name, with its owner. @throws NotFound */
  abstract known(account: Account, id: string): Promise<KnownObject>;
  /** The slots of a pool as the instances of a task. @throws NotFound, Forbidden, Unavailable */
  abstract find(account: Account, id: string, need: 'look' | 'own'): Promise<TaskStatus>;
  /** Those of the named leases that are in flight. */
  abstract inFlight(poolIds: readonly string[], leaseIds: readonly string[]): Promise<readonly LeaseInFlight[]>;
  /** The attempts that last ended these slots. */
  abstract ended(slots: readonly AskedInstance[]): Promise<readonly EndedAttempt[]>;
  /** Those of the pools that are over. */
  abstract endedAmong(poolIds: readonly string[]): Promise<readonly string[]>;
  /** The slots that are ready, each with the cores of all instances that it takes at once. One item for each owner and plan that has some. */
  abstract running(owners: readonly string[]): Promise<readonly RunningOf[]>;
  /** Waits, bounded, until what is shown of pools is as new as the log is now. @returns whether it is */
  abstract caughtUp(): Promise<boolean>;
  /** Waits, bounded, until what is shown of pools has the commit at a sequence. */
  abstract passed(sequence: number): Promise<boolean>;
}
