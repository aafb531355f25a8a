import type { InstanceReport, TaskCommand } from './task.commands.js';
import type { TaskEvent } from './task.events.js';
import type { TaskState } from './task.state.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatRanges, iterate, sizeOf } from '../shared/ranges.js';
import {
  aFailure,
  aLease,
  anEnd,
  AT as at,
  cancelRequested,
  concluded,
  deleteRequested,
  dispatched,
  exited,
  aRef,
  requeued,
  started,
  submitted,
  waitingCancelled,
} from '../specs/facts.fixture.js';
import { isTorn } from '../invariants/invariants.js';
import { publicStateOf } from './public-state.js';
import { restoreTaskState, storeTaskState, TASK_FOLD_FORMAT } from './stored-task-state.js';
import { taskDecider } from './task.decider.js';
import { isOver } from './task.state.js';

const fold = (...events: readonly TaskEvent[]): TaskState => events.reduce(taskDecider.evolve, taskDecider.initial);
const run = (state: TaskState, command: TaskCommand): TaskState => {
  const decision = taskDecider.decide(state, command);
  return 'events' in decision ? decision.events.reduce(taskDecider.evolve, state) : state;
};

const SIZE = 6;
type Step =
  | { readonly do: 'dispatch'; readonly count: number }
  | { readonly do: 'started' | 'exited'; readonly n: number }
  | { readonly do: 'success' | 'user' | 'platform' | 'limit'; readonly n: number; readonly stale: boolean }
  | { readonly do: 'lose' | 'cancel' | 'delete' | 'update' | 'expire' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('dispatch' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('started' as const, 'exited' as const), n: fc.nat(SIZE) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('success' as const, 'user' as const, 'platform' as const, 'limit' as const),
      n: fc.nat(SIZE),
      stale: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'delete' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('update' as const, 'expire' as const) }) },
);

const commandOf = (state: TaskState, what: Step): TaskCommand => {
  switch (what.do) {
    case 'dispatch':
      return {
        type: 'DispatchInstances',
        leases: [...iterate(state.waiting)]
          .slice(0, what.count)
          .map((n) => aLease(n, { attempt: (state.attempts.get(n) ?? 0) + 1 })),
        at,
      };
    case 'started':
    case 'exited': {
      const lease = aRef(what.n, state.inFlight.get(what.n)?.attempt ?? 1);
      const report: InstanceReport =
        what.do === 'started' ? { kind: 'started', ...lease, startedAt: at } : { kind: 'exited', ...lease };
      return { type: 'RecordReports', reports: [report], at };
    }
    case 'success':
    case 'user':
    case 'platform':
    case 'limit': {
      const attempt = (state.inFlight.get(what.n)?.attempt ?? 1) - (what.stale ? 1 : 0);
      const end = what.do === 'success' ? anEnd(what.n, { attempt }) : aFailure(what.n, { attempt, cause: what.do });
      return { type: 'RecordReports', reports: [{ kind: 'ended', end }], at };
    }
    case 'lose':
      return {
        type: 'RevokeLeases',
        attempts: [...state.inFlight].map(([n, lease]) => aFailure(n, { attempt: lease.attempt, cause: 'node-lost' })),
        at,
      };
    case 'cancel':
      return { type: 'CancelTask', at };
    case 'delete':
      return { type: 'DeleteTask', at };
    case 'update':
      return { type: 'UpdateResources', at };
    case 'expire':
      return { type: 'ExpireWaiting', at: at + 1_000 };
  }
};

describe('any life of a task', () => {
  it('keeps every instance in exactly one place, and survives being stored at any moment', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(2), fc.nat(4), (steps, perInstance, inAll) => {
        let state = fold(
          submitted('task-1', {
            instances: `0-${SIZE}`,
            maxRetriesPerInstance: perInstance,
            maxTotalRetries: inAll,
            maxTimeQueueSeconds: 1,
          }),
        );
        for (const what of steps) {
          state = run(state, commandOf(state, what));
          expect(isTorn(state)).toBe(false);
          expect(restoreTaskState(JSON.parse(JSON.stringify(storeTaskState(state))))).toEqual(state);
          if (perInstance > 0 || inAll > 0)
            for (const [, count] of state.userRetries) expect(count).toBeLessThanOrEqual(perInstance || inAll);
          if (inAll > 0) expect(state.totalRetries).toBeLessThanOrEqual(inAll);
          if (state.cancelRequested || state.deleteRequested) expect(sizeOf(state.waiting)).toBe(0);
          expect(state.queuedSince !== null).toBe(sizeOf(state.waiting) > 0 && state.inFlight.size === 0);
          if (state.deleted) expect(state.inFlight.size).toBe(0);
        }
      }),
    );
  });

  it('never comes back from a finished state', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let state = fold(submitted('task-1', { instances: '0-2' }));
        for (const what of steps) {
          const wasOver = isOver(state);
          const before = publicStateOf(state);
          state = run(state, commandOf(state, what));
          if (wasOver && !state.deleteRequested) expect(publicStateOf(state)).toBe(before);
        }
      }),
    );
  });
});

describe('the public state', () => {
  const both = [dispatched(aLease(0), aLease(1))];
  const uploads = submitted('task-1', { uploadResultsOnCancellation: true });
  it.each<[string, readonly TaskEvent[]]>([
    ['Submitted', [submitted('task-1')]],
    ['PartiallyDispatched', [submitted('task-1'), dispatched(aLease(0))]],
    ['FullyDispatched', [submitted('task-1'), ...both]],
    ['PartiallyExecuting', [submitted('task-1'), ...both, started(aRef(0))]],
    ['PartiallyExecuting', [submitted('task-1'), dispatched(aLease(0)), started(aRef(0))]],
    ['FullyExecuting', [submitted('task-1'), ...both, started(aRef(0), aRef(1))]],
    ['FullyExecuting', [submitted('task-1'), ...both, started(aRef(0), aRef(1)), concluded(anEnd(0))]],
    ['UploadingResults', [submitted('task-1'), ...both, started(aRef(0), aRef(1)), exited(aRef(0), aRef(1))]],
    ['PartiallyExecuting', [submitted('task-1'), dispatched(aLease(0)), started(aRef(0)), exited(aRef(0))]],
    [
      'PartiallyExecuting',
      [submitted('task-1'), dispatched(aLease(0)), started(aRef(0)), exited(aRef(0)), concluded(anEnd(0))],
    ],
    // An instance was faster than the other's start: the task does not go back to "none runs yet".
    ['PartiallyExecuting', [submitted('task-1'), ...both, started(aRef(0)), exited(aRef(0))]],
    ['PartiallyExecuting', [submitted('task-1'), ...both, started(aRef(0)), concluded(anEnd(0))]],
    ['Success', [submitted('task-1'), ...both, concluded(anEnd(0), anEnd(1))]],
    ['Failure', [submitted('task-1'), ...both, concluded(anEnd(0), aFailure(1))]],
    ['Submitted', [submitted('task-1'), ...both, requeued(aFailure(0), aFailure(1))]],
    ['Cancelled', [submitted('task-1'), cancelRequested, waitingCancelled('0-1')]],
    ['PendingCancel', [submitted('task-1'), ...both, started(aRef(0)), cancelRequested]],
    [
      'PendingCancel',
      [submitted('task-1'), ...both, started(aRef(0), aRef(1)), exited(aRef(0), aRef(1)), cancelRequested],
    ],
    ['UploadingResults', [uploads, ...both, started(aRef(0), aRef(1)), exited(aRef(0), aRef(1)), cancelRequested]],
    ['PendingDelete', [submitted('task-1'), ...both, deleteRequested]],
  ])('is %s', (expected, events) => {
    expect(publicStateOf(fold(...events))).toBe(expected);
  });
});

describe('a task of 100,000 instances', () => {
  it('is folded through its whole life, 64 at a time, in about a second', () => {
    const total = 100_000;
    const events: TaskEvent[] = [submitted('task-1', { instances: `0-${total - 1}` })];
    for (let first = 0; first < total; first += 64) {
      const batch = Array.from({ length: Math.min(64, total - first) }, (_, k) => first + k);
      events.push(
        dispatched(...batch.map((n) => aLease(n))),
        started(...batch.map((n) => aRef(n))),
        exited(...batch.map((n) => aRef(n))),
      );
      events.push(concluded(...batch.map((n) => (n % 7 === 0 ? aFailure(n) : anEnd(n)))));
    }
    const begun = performance.now();
    const state = fold(...events);
    const elapsedMs = performance.now() - begun;
    expect(publicStateOf(state)).toBe('Failure');
    expect(sizeOf(state.failed) + sizeOf(state.succeeded)).toBe(total);
    expect(formatRanges(state.startedOnce)).toBe(`0-${total - 1}`);
    expect(elapsedMs).toBeLessThan(5_000);
  });
});

it('reads the stored form of its own version only', () => {
  const stored = storeTaskState(fold(submitted('task-1'))) as Record<string, unknown>;
  expect(restoreTaskState(stored)).toEqual(fold(submitted('task-1')));
  // Format 1 may lack the version of the task's profile.
  for (const format of [0, 1, TASK_FOLD_FORMAT + 1])
    expect(() => restoreTaskState({ ...stored, format })).toThrow('not a task state stored by this version');
});
