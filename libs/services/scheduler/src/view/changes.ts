import type { DispatchedLease, Ranges } from '@fornax/domain';
import type { Settled } from './dependency-book.js';
import type { TaskEntry } from './task-entry.js';

/** What a fold changed that somebody must act on. */
export interface Changes {
  /** Leases that came to be: their orders must reach their nodes. */
  readonly dispatched: readonly { readonly entry: TaskEntry; readonly leases: readonly DispatchedLease[] }[];
  /** Tasks whose leases must be told to stop. */
  readonly cancelled: readonly TaskEntry[];
  /** Slots that must be told to end. */
  readonly closed: readonly { readonly entry: TaskEntry; readonly slots: Ranges }[];
  /** Tasks whose leases must be told to fetch new resources. */
  readonly refreshed: readonly TaskEntry[];
  /** Nodes whose leases of an epoch below the given one are void. */
  readonly voided: readonly { readonly node: string; readonly belowEpoch: number }[];
  /** Tasks that wait for others, and the ends that decide it. */
  readonly settled: readonly Settled[];
  /** Tasks whose instances wait for the same ones of others, of which some have ended. */
  readonly loosened: readonly string[];
  /** Tasks that somebody waits for and that are not in the view: they have ended, or are about to come. */
  readonly unknown: readonly string[];
  /** Room or work appeared: another round may place something. */
  readonly wakes: boolean;
}

/** A fold that changed nothing. */
export const noChanges: Changes = {
  dispatched: [],
  cancelled: [],
  closed: [],
  refreshed: [],
  voided: [],
  settled: [],
  loosened: [],
  unknown: [],
  wakes: false,
};
