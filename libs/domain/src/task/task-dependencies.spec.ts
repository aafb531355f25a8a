import { describe, expect, it } from '@jest/globals';
import { aLease, AT, cancelRequested, deleteRequested, submitted } from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import type { DependencyEnd, TaskDependency, TaskOutcome } from './dependencies.js';
import { publicStateOf } from './public-state.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './task.events.js';
import { queueDeadlineOf } from './task.state.js';

const { given } = specFor(taskDecider);
const after = (taskId: string, ...on: readonly TaskOutcome[]): TaskDependency => ({ taskId, on, as: 'dependsOn' });
const held = (...dependencies: readonly TaskDependency[]): TaskEvent =>
  submitted('t', { instances: '0-1', maxTimeQueueSeconds: 60, dependencies });
const waits = held(after('a', 'success'), after('b', 'failure', 'cancelled'));
const at = AT + 1_000;
const settle = (...ends: readonly DependencyEnd[]) => ({ type: 'SettleDependencies', ends, at }) as const;
const end = (taskId: string, outcome: TaskOutcome): DependencyEnd => ({ taskId, outcome });
const good = [end('a', 'success'), end('b', 'cancelled')];

describe('a task that waits for others', () => {
  it('is not dispatched before they have ended', () => {
    const dispatch = { type: 'DispatchInstances', leases: [aLease(0)], at } as const;
    given(waits).when(dispatch).thenNothing();
    given(waits, { type: 'DependenciesFulfilled', ends: good, at })
      .when(dispatch)
      .then({ type: 'InstancesDispatched', leases: [aLease(0)], at });
  });

  it('starts when all have ended as they should, and not before', () => {
    given(waits)
      .when(settle(end('a', 'success')))
      .thenNothing();
    given(waits)
      .when(settle(...good))
      .then({ type: 'DependenciesFulfilled', ends: good, at });
  });

  it('is cancelled as soon as one has ended as it should not have', () => {
    const ends = [end('a', 'failure')];
    const decided = [
      { type: 'DependenciesFailed', ends, at },
      { type: 'WaitingInstancesCancelled', instances: '0-1', at },
    ] as const;
    given(waits)
      .when(settle(...ends))
      .then(...decided);
    expect(publicStateOf(given(waits, ...decided).state)).toBe('Cancelled');
  });

  it('is decided once', () => {
    given(waits, { type: 'DependenciesFulfilled', ends: good, at })
      .when(settle(...good))
      .thenNothing();
    given(submitted('t'))
      .when(settle(...good))
      .thenNothing();
    given(waits, cancelRequested)
      .when(settle(...good))
      .thenNothing();
    given(waits, deleteRequested)
      .when(settle(...good))
      .thenNothing();
  });

  it('spends the time of its queue only from then on', () => {
    expect(queueDeadlineOf(given(waits).state)).toBeNull();
    expect(queueDeadlineOf(given(waits, { type: 'DependenciesFulfilled', ends: good, at }).state)).toBe(at + 60_000);
  });
});
