import { describe, expect, it } from '@jest/globals';
import { AT, cancelRequested, deleteRequested, submitted, waitingCancelled } from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import type { TaskDependency, TaskOutcome } from './dependencies.js';
import { decidedVerdictOf, decidedVerdictOfAll, dependencyFactsOf } from './instance-dependencies.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './task.events.js';

const { given } = specFor(taskDecider);
const at = AT + 1_000;
const after = (taskId: string, each = false): TaskDependency => ({ taskId, on: ['success'], as: 'after', each });
const waiting = (...dependencies: readonly TaskDependency[]): TaskEvent =>
  submitted('t', { instances: '0-3', dependencies });

/** What is said of each dependency, and of all of them. */
const verdictsOf = (history: readonly TaskEvent[], known: Readonly<Record<string, TaskOutcome>> = {}) => {
  const { state } = given(...history);
  const [facts, { dependencies = [] }] = [dependencyFactsOf(state), state.spec];
  return [
    decidedVerdictOfAll(facts, dependencies, (taskId) => known[taskId]),
    ...dependencies.map((one) => decidedVerdictOf(facts, one, known[one.taskId])),
  ];
};

describe('what became of what a task waits for', () => {
  it('is waiting while it waits', () => {
    expect(verdictsOf([waiting(after('a'), after('b'))], { a: 'success' })).toEqual([
      'waiting',
      'fulfilled',
      'waiting',
    ]);
    expect(verdictsOf([waiting(after('a', true))])).toEqual(['waiting', 'waiting']);
  });

  it('is not waiting any more once the task was cancelled, whatever the others do later', () => {
    const cancelled = [waiting(after('a'), after('b')), cancelRequested, waitingCancelled('0-3')];
    expect(verdictsOf(cancelled)).toEqual(['notFulfilled', 'notFulfilled', 'notFulfilled']);
    expect(verdictsOf(cancelled, { a: 'success' })).toEqual(['notFulfilled', 'fulfilled', 'notFulfilled']);
    expect(verdictsOf(cancelled, { a: 'success', b: 'success' })[0]).toBe('notFulfilled');
    expect(verdictsOf([waiting(after('a')), deleteRequested, waitingCancelled('0-3')])).toEqual([
      'notFulfilled',
      'notFulfilled',
    ]);
  });

  it('is not waiting either in a pool that was closed', () => {
    const error = { code: 'FX-POOL-CLOSED', message: 'closed', debug: '' };
    const expired: TaskEvent = { type: 'WaitingInstancesExpired', instances: '0-3', error, at };
    for (const each of [false, true])
      expect(verdictsOf([waiting(after('a', each)), expired])).toEqual(['notFulfilled', 'notFulfilled']);
  });

  it('is not fulfilled of instances that were cancelled before those that they waited for had ended', () => {
    const each = waiting(after('a', true));
    const released: TaskEvent = { type: 'InstancesReleased', instances: '0-1', at };
    expect(verdictsOf([each, released, cancelRequested, waitingCancelled('0-3')])).toEqual([
      'notFulfilled',
      'notFulfilled',
    ]);
    const all: TaskEvent = { type: 'InstancesReleased', instances: '0-3', at };
    expect(verdictsOf([each, all, cancelRequested, waitingCancelled('0-3')])).toEqual(['fulfilled', 'fulfilled']);
  });

  it('stays as it was decided', () => {
    const fulfilled: TaskEvent = { type: 'DependenciesFulfilled', ends: [{ taskId: 'a', outcome: 'success' }], at };
    expect(verdictsOf([waiting(after('a')), fulfilled, cancelRequested, waitingCancelled('0-3')])).toEqual([
      'fulfilled',
      'fulfilled',
    ]);
    const because = { taskId: 'a', outcome: 'failure' } as const;
    const unmet: TaskEvent = { type: 'WaitingInstancesCancelled', instances: '0-3', because, at };
    expect(verdictsOf([waiting(after('a', true)), unmet])).toEqual(['notFulfilled', 'notFulfilled']);
  });
});
