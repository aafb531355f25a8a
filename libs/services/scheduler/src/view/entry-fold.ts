import type { RecordedCommit } from '@fornax/contracts';
import {
  difference,
  emptyRanges,
  isPoolOver,
  isOver,
  poolDecider,
  taskDecider,
  type AttemptEnd,
  type DispatchedLease,
  type PoolEvent,
  type Ranges,
  type StartedLease,
  type TaskEvent,
} from '@fornax/domain';
import type { TaskEntry } from './task-entry.js';

/** What one commit made of a task, or of the slots of a pool. */
export interface EntryFold {
  readonly fold: Pick<TaskEntry, 'state' | 'pool'>;
  readonly dispatched: readonly DispatchedLease[];
  readonly started: readonly StartedLease[];
  readonly ended: readonly AttemptEnd[];
  /** All of its leases are to end. */
  readonly isCancelled: boolean;
  /** These are to end, by their instances. */
  readonly closing: Ranges;
  readonly isRefreshed: boolean;
}

interface Gathered {
  readonly dispatched: DispatchedLease[];
  readonly started: StartedLease[];
  readonly ended: AttemptEnd[];
  isCancelled: boolean;
  isRefreshed: boolean;
}

const note = (event: TaskEvent | PoolEvent, into: Gathered): void => {
  switch (event.type) {
    case 'InstancesDispatched':
    case 'SlotsDispatched':
      into.dispatched.push(...event.leases);
      break;
    case 'InstancesStarted':
      into.started.push(...event.leases);
      break;
    case 'InstancesConcluded':
    case 'InstancesRequeued':
    case 'SlotsEnded':
      into.ended.push(...event.attempts);
      break;
    case 'TaskCancelRequested':
    case 'TaskDeleteRequested':
    case 'PoolDeleteRequested':
      into.isCancelled = true;
      break;
    case 'TaskResourcesUpdateRequested':
    case 'PoolResourcesUpdateRequested':
      into.isRefreshed = true;
      break;
    default:
  }
};

/** Folds a commit of a task or of a pool. Its aggregate, the name in its subject, says which events it has. */
export const foldEntry = (before: TaskEntry, commit: RecordedCommit): EntryFold => {
  const gathered: Gathered = { dispatched: [], started: [], ended: [], isCancelled: false, isRefreshed: false };
  if (commit.aggregate !== 'pool') {
    let { state } = before;
    for (const event of commit.events as readonly TaskEvent[]) {
      state = taskDecider.evolve(state, event);
      note(event, gathered);
    }
    return { fold: { state }, closing: emptyRanges, ...gathered };
  }
  const known = before.pool ?? poolDecider.initial;
  let pool = known;
  for (const event of commit.events as readonly PoolEvent[]) {
    pool = poolDecider.evolve(pool, event);
    note(event, gathered);
  }
  return { fold: { state: pool.slots, pool }, closing: difference(pool.closing, known.closing), ...gathered };
};

/** True when nothing more can happen that the scheduler decides. */
export const isFinished = ({ state, pool }: Pick<TaskEntry, 'state' | 'pool'>): boolean =>
  pool ? isPoolOver(pool) : state.deleted || isOver(state);
