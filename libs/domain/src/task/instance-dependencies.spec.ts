import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { difference, formatRanges, fromNumbers, has, iterate, rangesOf, union } from '../shared/ranges.js';
import {
  aFailure,
  aLease,
  anEnd,
  AT,
  cancelRequested,
  concluded,
  dispatched,
  requeued,
  submitted,
} from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import { outcomeOf } from './task.state.js';
import type { TaskDependency, TaskOutcome } from './dependencies.js';
import { readyOf, settledInstances, startableOf, type InstanceEnds } from './instance-dependencies.js';
import { publicStateOf } from './public-state.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './task.events.js';

const { given } = specFor(taskDecider);
const at = AT + 1_000;
const each = (taskId: string, ...on: readonly TaskOutcome[]): TaskDependency => ({
  taskId,
  on,
  as: 'after',
  each: true,
});
const ends = (taskId: string, size: number, own: Partial<Record<TaskOutcome, readonly number[]>>): InstanceEnds => ({
  taskId,
  all: rangesOf(size),
  success: fromNumbers(own.success ?? []),
  failure: fromNumbers(own.failure ?? []),
  cancelled: fromNumbers(own.cancelled ?? []),
});
const settle = (...known: readonly InstanceEnds[]) => ({ type: 'SettleInstances', ends: known, at }) as const;
const dispatch = (...instances: readonly number[]) =>
  ({ type: 'DispatchInstances', leases: instances.map((one) => aLease(one)), at }) as const;
const released = (instances: string): TaskEvent => ({ type: 'InstancesReleased', instances, at });
const unmet = (instances: string, taskId: string, outcome: TaskOutcome): TaskEvent => ({
  type: 'WaitingInstancesCancelled',
  instances,
  because: { taskId, outcome },
  at,
});

describe('a task whose instances wait for the same ones of another', () => {
  const waits = submitted('t', { instances: '0-3', dependencies: [each('a', 'success')] });

  it('starts those whose counterpart has ended as it is to, cancels those whose has not, and no other', () => {
    given(waits).when(dispatch(0)).thenNothing();
    given(waits).when(settle()).thenNothing();
    given(waits)
      .when(settle(ends('a', 4, {})))
      .thenNothing();
    given(waits)
      .when(settle(ends('a', 4, { success: [0, 3], failure: [1] })))
      .then(unmet('1', 'a', 'failure'), released('0,3'));
    given(waits, released('0'))
      .when(dispatch(0, 2))
      .then({ type: 'InstancesDispatched', leases: [aLease(0)], at });
  });

  it('decides each instance once, and none once it is cancelled as a whole', () => {
    const known = ends('a', 4, { success: [0], failure: [1] });
    given(waits, released('0'), unmet('1', 'a', 'failure'))
      .when(settle(known))
      .thenNothing();
    given(waits, cancelRequested).when(settle(known)).thenNothing();
    given(submitted('t')).when(settle(known)).thenNothing();
  });

  it('waits for all of several, and for nothing that another task does not have', () => {
    const both = submitted('t', { instances: '0-3', dependencies: [each('a', 'success'), each('b', 'failure')] });
    given(both)
      .when(settle(ends('a', 4, { success: [0, 1, 2] })))
      .thenNothing();
    given(both)
      .when(settle(ends('a', 4, { success: [0, 1, 2] }), ends('b', 3, { failure: [0], success: [1] })))
      .then(unmet('1', 'b', 'success'), released('0'));
    given(both)
      .when(settle(ends('a', 4, { success: [3] }), ends('b', 3, {})))
      .then(released('3'));
  });

  it('is cancelled when none of it could start, and failed when one of it has', () => {
    const none = given(waits, unmet('0-3', 'a', 'failure')).state;
    expect([publicStateOf(none), outcomeOf(none)]).toEqual(['Cancelled', 'cancelled']);
    expect(none.dependencyEnds).toEqual([{ taskId: 'a', outcome: 'failure' }]);
    const some = given(
      waits,
      unmet('1-3', 'a', 'failure'),
      released('0'),
      dispatched(aLease(0)),
      concluded(aFailure(0)),
    ).state;
    expect([publicStateOf(some), outcomeOf(some)]).toEqual(['Failure', 'failure']);
  });

  it('waits for whole tasks beside', () => {
    const both = submitted('t', {
      instances: '0-1',
      dependencies: [each('a', 'success'), { taskId: 'b', on: ['success'], as: 'after' }],
    });
    given(both, released('0-1')).when(dispatch(0)).thenNothing();
    const fulfilled: TaskEvent = { type: 'DependenciesFulfilled', ends: [{ taskId: 'b', outcome: 'success' }], at };
    given(both, fulfilled).when(dispatch(0)).thenNothing();
    expect(formatRanges(readyOf(given(both, fulfilled, released('0')).state))).toBe('0');
  });

  it('spends the time of its queue only on what waits for room', () => {
    const timed = submitted('t', { instances: '0-1', maxTimeQueueSeconds: 1, dependencies: [each('a', 'success')] });
    const late = { type: 'ExpireWaiting', at: at + 2_000 } as const;
    given(timed).when(late).thenNothing();
    given(timed, released('1'))
      .when(late)
      .then({ type: 'WaitingInstancesExpired', instances: '1', at: at + 2_000 });
  });

  it('settles each instance by its counterparts alone, however often it is asked', () => {
    const outcome = fc.constantFrom<TaskOutcome>('success', 'failure', 'cancelled');
    const lists = fc.array(fc.record({ on: fc.subarray<TaskOutcome>(['success', 'failure', 'cancelled']) }), {
      minLength: 1,
      maxLength: 3,
    });
    const happened = fc.array(fc.tuple(fc.nat(2), fc.nat(7), outcome), { maxLength: 40 });
    fc.assert(
      fc.property(lists, happened, (asked, steps) => {
        const dependencies = asked.map(({ on }, at_) => each(`d${at_}`, ...on));
        const known = new Map<string, TaskOutcome>();
        let held = rangesOf(8);
        const decided = new Map<number, 'released' | 'unmet'>();
        for (const [task, instance, end] of steps) {
          const key = `${task}/${instance}`;
          if (task >= dependencies.length || known.has(key)) continue;
          known.set(key, end);
          const facts = dependencies.map(({ taskId }, at_) => {
            const of = (wanted: TaskOutcome) => [...Array(8).keys()].filter((n) => known.get(`${at_}/${n}`) === wanted);
            return ends(taskId, 8, { success: of('success'), failure: of('failure'), cancelled: of('cancelled') });
          });
          const { released: free, unmet: not } = settledInstances(held, dependencies, facts);
          for (const n of iterate(free)) decided.set(n, 'released');
          for (const { instances } of not) for (const n of iterate(instances)) decided.set(n, 'unmet');
          held = difference(
            held,
            not.reduce((sum, { instances }) => union(sum, instances), free),
          );
          for (let n = 0; n < 8; n += 1) {
            const own = dependencies.map(({ on }, at_) => {
              const was = known.get(`${at_}/${n}`);
              return was === undefined ? 'waiting' : on.includes(was) ? 'met' : 'unmet';
            });
            const expected = own.includes('unmet') ? 'unmet' : own.includes('waiting') ? undefined : 'released';
            expect([n, decided.get(n)]).toEqual([n, expected]);
            expect(has(held, n)).toBe(expected === undefined);
          }
        }
      }),
    );
  });
});

describe('a task of which so many instances may be on nodes at once', () => {
  const limited = submitted('t', { instances: '0-9', maxParallel: 2, maxRetriesPerInstance: 9 });

  it('is dispatched up to that, whatever is asked', () => {
    given(limited)
      .when(dispatch(0, 1, 2))
      .then({ type: 'InstancesDispatched', leases: [aLease(0), aLease(1)], at });
    given(limited, dispatched(aLease(0), aLease(1)))
      .when(dispatch(2))
      .thenNothing();
    given(limited, dispatched(aLease(0), aLease(1)), concluded(anEnd(0)))
      .when(dispatch(2, 3))
      .then({ type: 'InstancesDispatched', leases: [aLease(2)], at });
    given(limited, dispatched(aLease(0), aLease(1)), requeued(aFailure(0)))
      .when(dispatch(5))
      .then({ type: 'InstancesDispatched', leases: [aLease(5)], at });
  });

  it('never has more of them there, and always some while any waits', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('dispatch' as const), instances: fc.array(fc.nat(9), { maxLength: 5 }) }),
      fc.record({ do: fc.constantFrom('end' as const, 'fail' as const, 'lose' as const), pick: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (maxParallel, steps) => {
        let { state } = given(submitted('t', { instances: '0-9', maxParallel, maxRetriesPerInstance: 100 }));
        const apply = (command: Parameters<typeof taskDecider.decide>[1]): void => {
          const decision = taskDecider.decide(state, command);
          if ('events' in decision) state = decision.events.reduce(taskDecider.evolve, state);
        };
        for (const one of steps) {
          if (one.do === 'dispatch') {
            const leases = one.instances.map((n) => aLease(n, { attempt: state.attempts.countOf(n) + 1 }));
            apply({ type: 'DispatchInstances', leases, at });
          } else {
            const [instance, lease] = [...state.inFlight][one.pick % Math.max(1, state.inFlight.size)] ?? [];
            if (instance === undefined || !lease) continue;
            const { attempt } = lease;
            if (one.do === 'lose')
              apply({ type: 'RevokeLeases', attempts: [aFailure(instance, { attempt, cause: 'node-lost' })], at });
            else {
              const end = one.do === 'end' ? anEnd(instance, { attempt }) : aFailure(instance, { attempt });
              apply({ type: 'RecordReports', reports: [{ kind: 'ended', end }], at });
            }
          }
          expect(state.inFlight.size).toBeLessThanOrEqual(maxParallel);
          const room = maxParallel - state.inFlight.size;
          expect(startableOf(state).size).toBe(Math.min(room, state.waiting.size));
        }
      }),
    );
  });
});
