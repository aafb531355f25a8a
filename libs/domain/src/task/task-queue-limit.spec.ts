import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import {
  aFailure,
  aLease,
  anEnd,
  AT as at,
  cancelRequested,
  concluded,
  dispatched,
  aRef,
  requeued,
  resourcesUpdateRequested,
  started,
  submitted,
  waitingCancelled,
  waitingExpired,
} from '../specs/facts.fixture.js';
import { publicStateOf } from './public-state.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './task.events.js';
import { queueDeadlineOf } from './task.state.js';

const { given } = specFor(taskDecider);
const fold = (...events: readonly TaskEvent[]) => events.reduce(taskDecider.evolve, taskDecider.initial);
const limited = submitted('task-1', { maxTimeQueueSeconds: 10 });
const later = at + 10_000;
const expire = (when: number) => ({ type: 'ExpireWaiting', at: when }) as const;

describe('a task that may wait for ten seconds', () => {
  it('fails with all its instances when none was dispatched by then', () => {
    given(limited).when(expire(later)).then(waitingExpired('0-1', later));
    expect(publicStateOf(fold(limited, waitingExpired('0-1', later)))).toBe('Failure');
  });
  it('is left alone before', () =>
    given(limited)
      .when(expire(later - 1))
      .thenNothing());
  it('is left alone while an instance of it is on a node, however long the others wait', () =>
    given(limited, dispatched(aLease(0)))
      .when(expire(later))
      .thenNothing());
  it('waits anew from when its last running instance came back', () => {
    const back: TaskEvent = { ...requeued(aFailure(0, { cause: 'node-lost' })), at: at + 5_000 };
    const history = [limited, dispatched(aLease(0)), back];
    given(...history)
      .when(expire(later))
      .thenNothing();
    given(...history)
      .when(expire(later + 5_000))
      .then(waitingExpired('0-1', later + 5_000));
  });
  it('keeps what succeeded before', () => {
    const state = fold(limited, dispatched(aLease(0)), concluded(anEnd(0)), waitingExpired('1', later + 1));
    expect([publicStateOf(state), state.succeeded.size, state.failed.size]).toEqual(['Failure', 1, 1]);
  });
  it('is not failed when it is being cancelled, nor twice', () => {
    given(limited, cancelRequested, waitingCancelled('0-1')).when(expire(later)).thenNothing();
    given(limited, waitingExpired('0-1', later))
      .when(expire(later + 1))
      .thenNothing();
  });
  it('fails when whoever measured the wait says so, whatever time it is, but only if it is still that wait', () => {
    const passed = later;
    given(limited)
      .when({ type: 'ExpireWaiting', passed, at: at - 3_600_000 })
      .then(waitingExpired('0-1', at - 3_600_000));
    given(limited)
      .when({ type: 'ExpireWaiting', passed: passed - 1, at: later + 3_600_000 })
      .thenNothing();
  });
  it('gets no retry', () =>
    expect(
      queueDeadlineOf(
        fold(submitted('task-1', { maxTimeQueueSeconds: 10, maxRetriesPerInstance: 5 }), waitingExpired('0-1', later)),
      ),
    ).toBeNull());
});

it('a task without a limit waits for ever', () => {
  given(submitted('task-1')).when(expire(1e15)).thenNothing();
  expect(queueDeadlineOf(fold(submitted('task-1')))).toBeNull();
});

describe('updating the resources of a task', () => {
  const update = { type: 'UpdateResources', at } as const;
  it('is asked of the nodes when an instance runs', () =>
    given(submitted('task-1'), dispatched(aLease(0)), started(aRef(0)))
      .when(update)
      .then(resourcesUpdateRequested));
  it('may be asked for again', () =>
    given(submitted('task-1'), dispatched(aLease(0)), started(aRef(0)), resourcesUpdateRequested)
      .when(update)
      .then(resourcesUpdateRequested));
  it('is rejected when nothing runs', () => {
    given(submitted('task-1')).when(update).thenRejected('task-not-running');
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(update)
      .thenRejected('task-not-running');
    given(submitted('task-1', { instances: '0' }), dispatched(aLease(0)), concluded(anEnd(0)))
      .when(update)
      .thenRejected('task-not-running');
    given(submitted('task-1'), dispatched(aLease(0)), started(aRef(0)), cancelRequested)
      .when(update)
      .thenRejected('task-not-running');
    given().when(update).thenRejected('task-not-found');
  });
  it('counts the requests', () =>
    expect(fold(submitted('task-1'), resourcesUpdateRequested, resourcesUpdateRequested).resourceUpdates).toBe(2));
});
