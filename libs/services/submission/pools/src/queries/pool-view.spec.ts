import { describe, expect, it } from '@jest/globals';
import { poolDecider, type PoolEvent, type PublicPoolState } from '@fornax/domain';
import { aLease, anEnd, aRef } from '@fornax/domain/specs';
import { aCommit } from '@fornax/testing';
import { applyPoolCommit, type PoolStatus } from '../model/pool-status.js';
import { poolView } from './pool-view.js';

const [CREATED, READY, ENDED, NOW] = [1_000, 2_000, 6_000, 12_000];
const created: PoolEvent = {
  type: 'PoolCreated',
  poolId: 'p',
  owner: 'ada',
  spec: {
    ...poolDecider.initial.spec,
    size: { type: 'fixed', nodes: 2 },
    slotsPerNode: 2,
    instanceCount: 2,
    request: { cores: 1.5, memoryMB: 100 },
  },
  at: CREATED,
};
const opened: PoolEvent = { type: 'PoolResized', opened: '0-1', closed: '', policyName: null, at: CREATED };
const dispatched = (...slots: readonly number[]): PoolEvent => ({
  type: 'SlotsDispatched',
  leases: slots.map((slot) => aLease(slot)),
  at: CREATED,
});
const ready = (...slots: readonly number[]): PoolEvent => ({
  type: 'SlotsReady',
  leases: slots.map((slot) => ({ ...aRef(slot), startedAt: READY })),
  at: READY,
});
const bothEnded: PoolEvent = {
  type: 'SlotsEnded',
  attempts: [0, 1].map((slot) => anEnd(slot, { outcome: 'cancelled', startedAt: READY, endedAt: ENDED, cores: 3 })),
  at: ENDED,
};
const error = { code: 'FX-EXIT', message: 'exit code 3', debug: '' };
const open = [created, opened, dispatched(0, 1), ready(0, 1)];

const viewAfter = (...events: readonly PoolEvent[]) => {
  let status: PoolStatus | null = null;
  for (const [index, event] of events.entries()) {
    const commit = {
      ...aCommit(`c-${index}`, [event], { at: event.at }),
      aggregate: 'pool',
      aggregateId: 'p',
    } as const;
    status = applyPoolCommit(status ?? undefined, { ...commit, sequence: index + 1 });
  }
  if (!status) throw new Error('the pool is gone');
  return poolView(status, { waiting: 1, running: 2 }, NOW, new Map());
};

interface Figures {
  readonly running: number;
  readonly cores: number;
  readonly target: number;
  /** Seconds that slots have been ready, in all. */
  readonly ready: number;
  readonly wall: number;
  /** What `status` says; null: nothing was leased yet. */
  readonly status: { readonly instanceCount: number; readonly startedOnce: string } | null;
}

describe('the figures of a pool', () => {
  const nothing = { running: 0, cores: 0, ready: 0, wall: 11 };
  const both = { running: 2, cores: 6, ready: 20, wall: 11, status: { instanceCount: 2, startedOnce: '0-1' } };
  const over = { running: 0, cores: 0, target: 0, ready: 8, wall: 5, status: { instanceCount: 0, startedOnce: '0-1' } };
  const unstarted = { instanceCount: 0, startedOnce: '' };
  it.each<[PublicPoolState, readonly PoolEvent[], Figures]>([
    ['Submitted', [created], { ...nothing, target: 2, status: null }],
    ['PartiallyDispatched', [created, opened, dispatched(0)], { ...nothing, target: 2, status: unstarted }],
    ['FullyDispatched', [created, opened, dispatched(0, 1)], { ...nothing, target: 2, status: unstarted }],
    [
      'PartiallyExecuting',
      [created, opened, dispatched(0, 1), ready(0)],
      { running: 1, cores: 3, target: 2, ready: 10, wall: 11, status: { instanceCount: 1, startedOnce: '0' } },
    ],
    ['FullyExecuting', open, { ...both, target: 2 }],
    ['Closing', [...open, { type: 'PoolCloseRequested', at: READY }], { ...both, target: 0 }],
    [
      'Closed',
      [...open, { type: 'PoolCloseRequested', at: READY }, bothEnded, { type: 'PoolClosed', at: ENDED }],
      over,
    ],
    ['Failure', [...open, { type: 'PoolFailed', error, at: READY }, bothEnded], over],
    ['PendingDelete', [...open, { type: 'PoolDeleteRequested', at: READY }], { ...both, target: 0 }],
  ])(
    'are what its slots do in the state %s',
    (state, events, { running, cores, target, ready: readyS, wall, status }) => {
      const seconds = (count: number): string => `00:00:${String(count).padStart(2, '0')}`;
      const view = viewAfter(...events);
      expect(view).toMatchObject({
        state,
        runningInstanceCount: running,
        runningCoreCount: cores,
        targetRunningInstanceCount: target,
        executionTime: seconds(readyS),
        wallTime: seconds(wall),
        totalSlotCapacity: 4,
        queuedOrRunningTaskInstancesCount: 3,
        poolUsage: 0.75,
      });
      if (!status) expect(view.status).toBeNull();
      else
        expect(view.status).toMatchObject({
          instanceCount: status.instanceCount,
          startedOnceRange: status.startedOnce,
          executionTimeSec: readyS,
          wallTimeSec: wall,
        });
    },
  );
});
