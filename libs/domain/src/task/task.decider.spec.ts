import type { TaskCommand } from './task.commands.js';
import type { AttemptEnd, TaskEvent } from './task.events.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { specFor } from '../specs/given.fixture.js';
import {
  aLease,
  anEnd as anAttempt,
  aTaskSpec,
  AT as at,
  cancelRequested,
  concluded,
  deleted,
  deleteRequested,
  dispatched,
  exited,
  aRef,
  requeued,
  started,
  submitted,
  waitingCancelled,
} from '../specs/facts.fixture.js';
import { taskDecider } from './task.decider.js';

/** Reported as soon as it was over. */
const anEnd = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd =>
  anAttempt(instance, { endedAt: at, ...overrides });
const aFailure = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(instance, { outcome: 'failure', cause: 'user', exitCode: 1, ...overrides });

const { given } = specFor(taskDecider);
const report = (...reports: Extract<TaskCommand, { type: 'RecordReports' }>['reports']): TaskCommand => ({
  type: 'RecordReports',
  reports,
  at,
});
const endOf = (end: ReturnType<typeof anEnd>) => ({ kind: 'ended', end }) as const;
const cancel: TaskCommand = { type: 'CancelTask', at };
const remove: TaskCommand = { type: 'DeleteTask', at };
const lost = (instance: number, attempt = 1) => aFailure(instance, { cause: 'node-lost', attempt });

describe('submitting a task', () => {
  const submit: TaskCommand = { type: 'SubmitTask', taskId: 'task-1', owner: 'ada', spec: aTaskSpec(), at };
  it('is accepted once', () => given().when(submit).then(submitted('task-1')));
  it('is rejected for an id that exists', () => given(submitted('task-1')).when(submit).thenRejected('task-exists'));
});

describe('updating a task', () => {
  it('changes tags', () =>
    given(submitted('task-1'))
      .when({ type: 'UpdateTask', tags: ['a'], at })
      .then({ type: 'TaskUpdated', tags: ['a'], at }));
  it('changes nothing when nothing is given', () =>
    given(submitted('task-1')).when({ type: 'UpdateTask', at }).thenNothing());
  it('is rejected for a deleted task', () =>
    given(submitted('task-1'), deleteRequested, waitingCancelled('0-1'), deleted)
      .when({ type: 'UpdateTask', tags: [], at })
      .thenRejected('task-not-found'));
});

describe('cancelling a task', () => {
  it('keeps why it is cancelled though nobody asked for that of this task', () =>
    given(submitted('task-1'))
      .when({ type: 'CancelTask', because: 'job-wall-time', at })
      .then({ type: 'TaskCancelRequested', because: 'job-wall-time', at }, waitingCancelled('0-1')));

  it('cancels what waits in the same commit', () =>
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(cancel)
      .then(cancelRequested, waitingCancelled('1')));
  it('only asks when nothing waits', () =>
    given(submitted('task-1'), dispatched(aLease(0), aLease(1)))
      .when(cancel)
      .then(cancelRequested));
  it('does nothing when it was asked for already', () =>
    given(submitted('task-1'), dispatched(aLease(0)), cancelRequested, waitingCancelled('1'))
      .when(cancel)
      .thenNothing());
  it('is rejected when the task is finished', () => {
    given(submitted('task-1', { instances: '0' }), dispatched(aLease(0)), concluded(anEnd(0)))
      .when(cancel)
      .thenRejected('task-over');
    expect(
      taskDecider.decide(
        [submitted('task-1'), cancelRequested, waitingCancelled('0-1')].reduce(taskDecider.evolve, taskDecider.initial),
        cancel,
      ),
    ).toEqual({
      rejection: { kind: 'forbidden', code: 'task-over', detail: 'Task task-1 is already finished' },
    });
  });
  it('is rejected for an unknown task', () => given().when(cancel).thenRejected('task-not-found'));
  it('turns what fails later into cancelled, and keeps what succeeds', () =>
    given(
      submitted('task-1'),
      dispatched(aLease(0), aLease(1)),
      started(aRef(0), aRef(1)),
      exited(aRef(0), aRef(1)),
      cancelRequested,
    )
      .when(report(endOf(aFailure(0)), endOf(anEnd(1))))
      .then(concluded(aFailure(0, { outcome: 'cancelled' }), anEnd(1))));
});

describe('deleting a task', () => {
  it('is done at once when nothing is in flight', () =>
    given(submitted('task-1')).when(remove).then(deleteRequested, waitingCancelled('0-1'), deleted));
  it('waits for what is in flight', () =>
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(remove)
      .then(deleteRequested, waitingCancelled('1')));
  it('is complete when the last attempt has ended', () =>
    given(
      submitted('task-1', { instances: '0-1' }),
      dispatched(aLease(0), aLease(1)),
      started(aRef(0), aRef(1)),
      exited(aRef(0), aRef(1)),
      deleteRequested,
    )
      .when(report(endOf(anEnd(0)), endOf(aFailure(1))))
      .then(concluded(anEnd(0), aFailure(1, { outcome: 'cancelled' })), deleted));
  it('is not complete while another attempt runs', () =>
    given(submitted('task-1'), dispatched(aLease(0), aLease(1)), started(aRef(0)), exited(aRef(0)), deleteRequested)
      .when(report(endOf(anEnd(0))))
      .then(concluded(anEnd(0))));
  it('is complete when the last lease is revoked', () =>
    given(submitted('task-1', { instances: '0' }), dispatched(aLease(0)), deleteRequested)
      .when({ type: 'RevokeLeases', attempts: [lost(0)], at })
      .then(concluded({ ...lost(0), outcome: 'cancelled' }), deleted));
  it('does nothing the second time, and is unknown afterwards', () => {
    given(submitted('task-1'), dispatched(aLease(0)), deleteRequested, waitingCancelled('1'))
      .when(remove)
      .thenNothing();
    given(submitted('task-1'), deleteRequested, waitingCancelled('0-1'), deleted)
      .when(remove)
      .thenRejected('task-not-found');
    given().when(remove).thenRejected('task-not-found');
  });
});

describe('dispatching instances', () => {
  const dispatch = (...leases: readonly ReturnType<typeof aLease>[]): TaskCommand => ({
    type: 'DispatchInstances',
    leases,
    at,
  });
  it('gives leases to instances that wait', () =>
    given(submitted('task-1'))
      .when(dispatch(aLease(0), aLease(1)))
      .then(dispatched(aLease(0), aLease(1))));
  it('drops those that no longer wait', () =>
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(dispatch(aLease(0, { attempt: 2 }), aLease(1)))
      .then(dispatched(aLease(1))));
  it('does nothing when the task was cancelled meanwhile', () =>
    given(submitted('task-1'), cancelRequested, waitingCancelled('0-1'))
      .when(dispatch(aLease(0)))
      .thenNothing());
  it('counts attempts without a gap', () => {
    given(submitted('task-1'))
      .when(dispatch(aLease(0, { attempt: 2 })))
      .thenRejected('wrong-attempt');
    given(submitted('task-1'), dispatched(aLease(0)), requeued(lost(0)))
      .when(dispatch(aLease(0, { attempt: 2 })))
      .then(dispatched(aLease(0, { attempt: 2 })));
  });
});

describe('recording reports', () => {
  it('folds a whole batch into a handful of events', () => {
    const instances = Array.from({ length: 100 }, (_, n) => n);
    const reports = instances.flatMap((n) => [
      { kind: 'started', ...aRef(n), startedAt: at } as const,
      { kind: 'exited', ...aRef(n) } as const,
      endOf(anEnd(n)),
    ]);
    given(submitted('task-1', { instances: '0-99' }), dispatched(...instances.map((n) => aLease(n))))
      .when(report(...reports))
      .then(
        started(...instances.map((n) => aRef(n))),
        exited(...instances.map((n) => aRef(n))),
        concluded(...instances.map((n) => anEnd(n))),
      );
  });
  it('ignores a report under a lease that was superseded', () =>
    given(submitted('task-1'), dispatched(aLease(0)), requeued(lost(0)), dispatched(aLease(0, { attempt: 2 })))
      .when(report({ kind: 'started', ...aRef(0, 1), startedAt: at }, endOf(anEnd(0))))
      .thenNothing());
  it('ignores doubled reports, also within one batch', () =>
    given(submitted('task-1'), dispatched(aLease(0)), started(aRef(0)))
      .when(
        report(
          { kind: 'started', ...aRef(0), startedAt: at },
          { kind: 'exited', ...aRef(0) },
          { kind: 'exited', ...aRef(0) },
          endOf(anEnd(0)),
          endOf(anEnd(0)),
        ),
      )
      .then(exited(aRef(0)), concluded(anEnd(0))));
  it('ignores reports about a task that is unknown', () =>
    given()
      .when(report(endOf(anEnd(0))))
      .thenNothing());
  it('states the phases that were never reported', () =>
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(report(endOf(anEnd(0))))
      .then(started(aRef(0)), exited(aRef(0)), concluded(anEnd(0))));
  describe('of a node that lies', () => {
    const HOUR = 3_600_000;
    const later = at + 10_000;
    const reported = (...reports: Extract<TaskCommand, { type: 'RecordReports' }>['reports']): TaskCommand => ({
      type: 'RecordReports',
      reports,
      at: later,
    });
    const concludedLater = (...ends: readonly ReturnType<typeof anEnd>[]) => ({ ...concluded(...ends), at: later });
    const running = [submitted('task-1'), dispatched(aLease(0)), started(aRef(0))];

    it.each([
      ['in the future', at, at + HOUR],
      ['before its lease', at - HOUR, later],
      ['with another start than it told', at - HOUR, at + HOUR],
    ])('bills no more than from lease to receipt: %s', (_what, startedAt, endedAt) =>
      given(...running)
        .when(reported({ kind: 'exited', ...aRef(0) }, endOf(anEnd(0, { startedAt, endedAt }))))
        .then({ ...exited(aRef(0)), at: later }, concludedLater(anEnd(0, { startedAt: at, endedAt: later }))),
    );

    it('bills nothing for an end before its start', () =>
      given(...running)
        .when(reported({ kind: 'exited', ...aRef(0) }, endOf(anEnd(0, { startedAt: at + 5, endedAt: at - 5 }))))
        .then({ ...exited(aRef(0)), at: later }, concludedLater(anEnd(0, { startedAt: at, endedAt: at }))));

    it('keeps the first of two starts', () =>
      given(...running)
        .when(reported({ kind: 'started', ...aRef(0), startedAt: at - HOUR }))
        .thenNothing());

    it('bills the time that a node with a wrong clock measured', () =>
      given(submitted('task-1'), dispatched(aLease(0)))
        .when(reported(endOf(anEnd(0, { startedAt: at - HOUR, endedAt: at - HOUR + 3_000 }))))
        .then(
          { ...started(aRef(0)), at: later },
          { ...exited(aRef(0)), at: later },
          concludedLater(anEnd(0, { startedAt: at, endedAt: at + 3_000 })),
        ));

    it.each([HOUR, -HOUR, 26 * HOUR])(
      'bills what the command took although the clock is set by %i ms meanwhile',
      (set) => {
        const end = anEnd(0, { startedAt: at + 5, endedAt: at + 3_005 });
        const whole = [{ ...exited(aRef(0)), at: later + set }];
        const expected = { ...concluded(anEnd(0, { startedAt: at, endedAt: at + 3_000 })), at: later + set };
        given(...running)
          .when({ type: 'RecordReports', reports: [{ kind: 'ended', end, heldMs: 3_100 }], at: later + set })
          .then(...whole, expected);
        // The clock of the node, or of both: the platform has measured the lease, and nobody pays for more than it.
        const stepped = { ...end, endedAt: end.endedAt + Math.abs(set) };
        const bounded = { ...concluded(anEnd(0, { startedAt: at, endedAt: at + 3_104 })), at: later + set };
        given(...running)
          .when({ type: 'RecordReports', reports: [{ kind: 'ended', end: stepped, heldMs: 3_100 }], at: later + set })
          .then(...whole, bounded);
      },
    );

    it('never bills an honest node for less or more, whatever clocks are set to, and no lie for more than the lease', () => {
      const instant = fc.integer({ min: -26 * HOUR, max: 26 * HOUR });
      const times = fc.record({ before: fc.nat(HOUR), took: fc.nat(HOUR), after: fc.nat(HOUR), lie: instant });
      const clocks = fc.record({ node: instant, started: instant, ended: instant });
      fc.assert(
        fc.property(
          times,
          clocks,
          fc.boolean(),
          ({ before, took, after, lie }, { node, started: s, ended: e }, told) => {
            const heldMs = before + took + after;
            const billed = (lasted: number): number => {
              const startedAt = at + before + node;
              const reports: Extract<TaskCommand, { type: 'RecordReports' }>['reports'] = [
                { kind: 'ended', end: anEnd(0, { startedAt, endedAt: startedAt + lasted }), heldMs },
              ];
              const first = {
                type: 'RecordReports',
                reports: [{ kind: 'started', ...aRef(0), startedAt }],
                at: at + s,
              } as const;
              let state = [submitted('task-1'), dispatched(aLease(0))].reduce(taskDecider.evolve, taskDecider.initial);
              const decided = told ? taskDecider.decide(state, first) : { events: [] };
              if ('events' in decided) state = decided.events.reduce(taskDecider.evolve, state);
              const last = taskDecider.decide(state, { type: 'RecordReports', reports, at: at + e });
              const ends = 'events' in last ? last.events : [];
              const [end] = ends.flatMap((event) => (event.type === 'InstancesConcluded' ? event.attempts : []));
              return (end?.endedAt ?? NaN) - (end?.startedAt ?? NaN);
            };
            expect(billed(took)).toBe(took);
            const lied = billed(lie);
            expect(lied).toBeGreaterThanOrEqual(0);
            expect(lied).toBeLessThanOrEqual(heldMs * 1.001 + 1);
          },
        ),
      );
    });

    it('counts no more work than the lease can have had', () => {
      const huge = { cpuMs: 1e15, downloadMs: 1e15, environmentMs: 1e15, uploadMs: 1e15, averageGHz: 1e3 };
      const most = {
        cpuMs: 80_000,
        downloadMs: 10_000,
        environmentMs: 10_000,
        uploadMs: 10_000,
        averageGHz: 7.5,
      };
      given(...running, exited(aRef(0)))
        .when(reported(endOf(anEnd(0, { ...huge, startedAt: at, endedAt: at }))))
        .then(concludedLater(anEnd(0, { ...most, startedAt: at, endedAt: at })));
    });

    it('hears nothing of an instance that the task does not have', () =>
      given(...running)
        .when(reported({ kind: 'started', ...aRef(7), startedAt: at }, endOf(anEnd(7))))
        .thenNothing());
  });
  it('states no phase for a command that never started', () => {
    const { startedAt: _never, ...end } = aFailure(0, { cause: 'platform' });
    given(submitted('task-1'), dispatched(aLease(0)))
      .when(report(endOf(end)))
      .then(requeued(end));
  });
});

describe('retrying', () => {
  const failed = (
    retries: { maxRetriesPerInstance?: number; maxTotalRetries?: number },
    ...before: readonly TaskEvent[]
  ) =>
    given(
      submitted('task-1', retries),
      ...before,
      dispatched(aLease(0, { attempt: before.length / 2 + 1 }), aLease(1)),
      started(aRef(0, before.length / 2 + 1), aRef(1)),
      exited(aRef(0, before.length / 2 + 1), aRef(1)),
    );
  const oneRetry = [dispatched(aLease(0)), requeued(aFailure(0))];

  it('is not done unless the user asked for it', () =>
    failed({})
      .when(report(endOf(aFailure(0))))
      .then(concluded(aFailure(0))));
  it('is done while the instance has retries left', () => {
    failed({ maxRetriesPerInstance: 1 })
      .when(report(endOf(aFailure(0))))
      .then(requeued(aFailure(0)));
    const second = aFailure(0, { attempt: 2 });
    failed({ maxRetriesPerInstance: 1 }, ...oneRetry)
      .when(report(endOf(second)))
      .then(concluded(second));
  });
  it('is done while the task has retries left', () =>
    failed({ maxTotalRetries: 1 })
      .when(report(endOf(aFailure(0)), endOf(aFailure(1))))
      .then(concluded(aFailure(1)), requeued(aFailure(0))));
  it('obeys the stricter of both limits', () => {
    const second = aFailure(0, { attempt: 2 });
    failed({ maxRetriesPerInstance: 1, maxTotalRetries: 9 }, ...oneRetry)
      .when(report(endOf(second)))
      .then(concluded(second));
    failed({ maxRetriesPerInstance: 9, maxTotalRetries: 1 }, ...oneRetry)
      .when(report(endOf(second)))
      .then(concluded(second));
  });
  it('is not done after a limit was reached', () => {
    const end = aFailure(0, { cause: 'limit' });
    failed({ maxRetriesPerInstance: 3 })
      .when(report(endOf(end)))
      .then(concluded(end));
  });
  it('is done three times for a failure of the platform, whatever the user asked for', () => {
    const tries = (n: number) =>
      Array.from({ length: n }, (_, k) => [
        dispatched(aLease(0, { attempt: k + 1 })),
        requeued(aFailure(0, { cause: 'platform', attempt: k + 1 })),
      ]).flat();
    const third = aFailure(0, { cause: 'platform', attempt: 3 });
    const fourth = aFailure(0, { cause: 'platform', attempt: 4 });
    failed({}, ...tries(2))
      .when(report(endOf(third)))
      .then(requeued(third));
    failed({}, ...tries(3))
      .when(report(endOf(fourth)))
      .then(concluded(fourth));
  });
  it('is always done after a lost node, and uses up no retry', () => {
    const history = [
      dispatched(aLease(0)),
      requeued(lost(0)),
      dispatched(aLease(0, { attempt: 2 })),
      requeued(lost(0, 2)),
    ];
    const third = aFailure(0, { attempt: 3 });
    failed({ maxRetriesPerInstance: 1 }, ...history)
      .when(report(endOf(third)))
      .then(requeued(third));
  });
});

describe('revoking leases', () => {
  const revoke = (...attempts: readonly ReturnType<typeof anEnd>[]): TaskCommand => ({
    type: 'RevokeLeases',
    attempts,
    at,
  });
  it('lets the instances wait again', () =>
    given(submitted('task-1'), dispatched(aLease(0), aLease(1)), started(aRef(0)))
      .when(revoke(lost(0), lost(1)))
      .then(requeued(lost(0), lost(1))));
  it('cancels them when the task is being cancelled', () =>
    given(submitted('task-1'), dispatched(aLease(0)), cancelRequested, waitingCancelled('1'))
      .when(revoke(lost(0)))
      .then(concluded({ ...lost(0), outcome: 'cancelled' })));
  it('leaves alone what has ended or runs elsewhere by now', () =>
    given(submitted('task-1'), dispatched(aLease(0)), concluded(anEnd(0)))
      .when(revoke(lost(0), lost(1)))
      .thenNothing());
});

describe('the reason for waiting', () => {
  const record = (reason: string | null): TaskCommand => ({ type: 'RecordWaitingReason', reason, detail: null, at });
  const changed = (reason: string | null): TaskEvent => ({ type: 'WaitingReasonChanged', reason, detail: null, at });
  it('is recorded when it changes', () => {
    given(submitted('task-1')).when(record('fleet-full')).then(changed('fleet-full'));
    given(submitted('task-1'), changed('fleet-full')).when(record('fleet-full')).thenNothing();
    given(submitted('task-1'), changed('fleet-full')).when(record(null)).then(changed(null));
  });
});
