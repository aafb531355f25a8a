import type { RecordedCommit } from '@fornax/contracts';
import {
  isPoolOver,
  poolDecider,
  publicPoolStateOf,
  type PoolEvent,
  type PoolState,
  type PublicPoolState,
} from '@fornax/domain';
import { noUsage, withUsage, type TaskUsage, type WorkTimes } from '@fornax/tasks';

/** What is shown of a pool: its fold, and what only the history tells. */
export interface PoolStatus extends WorkTimes {
  readonly poolId: string;
  readonly fold: PoolState;
  readonly state: PublicPoolState;
  readonly previousState: PublicPoolState | null;
  /** Of slots that are no more. */
  readonly usage: TaskUsage;
  readonly sequence: number;
}

/** Probes of the log stand among pools, and are none. */
export const isPoolCommit = (commit: RecordedCommit): commit is RecordedCommit<PoolEvent> =>
  commit.aggregate === 'pool' && commit.events[0]?.type !== 'LogProbed';

const initialStatus = (poolId: string, at: number): PoolStatus => ({
  poolId,
  fold: poolDecider.initial,
  state: 'Submitted',
  previousState: null,
  stateMs: at,
  previousStateMs: null,
  createdMs: at,
  modifiedMs: at,
  endMs: null,
  usage: noUsage,
  sequence: 0,
});

const applyEvent = (status: PoolStatus, event: PoolEvent): PoolStatus => {
  const fold = poolDecider.evolve(status.fold, event);
  const state = publicPoolStateOf(fold);
  const { at } = event;
  return {
    ...status,
    fold,
    modifiedMs: at,
    usage: event.type === 'SlotsEnded' ? withUsage(status.usage, event.attempts, at) : status.usage,
    endMs: status.endMs ?? (isPoolOver(fold) ? at : null),
    ...(state === status.state
      ? {}
      : { state, stateMs: at, previousState: status.state, previousStateMs: status.stateMs }),
  };
};

/** Folds one commit of a pool. @returns null when the pool is gone */
export const applyPoolCommit = (
  status: PoolStatus | undefined,
  { aggregateId, sequence, at, events }: RecordedCommit<PoolEvent>,
): PoolStatus | null => {
  let next = status ?? initialStatus(aggregateId, at);
  for (const event of events) {
    if (event.type === 'PoolDeleted') return null;
    next = applyEvent(next, event);
  }
  return { ...next, sequence };
};
