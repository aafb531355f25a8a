import { describe, expect, it } from '@jest/globals';
import { AT as at, aLease, anEnd, aRef, concluded, dispatched, started, submitted } from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import { storeTaskState } from './stored-task-state.js';
import { taskDecider } from './task.decider.js';
import type { TaskEvent } from './task.events.js';

const { given } = specFor(taskDecider);
const task = submitted('task-1', { instances: '0-1' });
const { leaseId } = aLease(0);
const session = {
  session: 's-1',
  instance: 0,
  leaseId,
  kind: 'exec',
  program: 'sh',
  hasTerminal: false,
  carrier: 'c',
} as const;
const open = { type: 'OpenSession', ...session, at } as const;
const opened = { type: 'TaskSessionOpened', ...session, at } as const;
const end = { session: 's-1', instance: 0, exitCode: 7, bytesIn: 1, bytesOut: 2, at } as const;

describe('a session in an instance', () => {
  it('is opened while that runs, under the lease that it runs under', () => {
    given(task, dispatched(aLease(0)), started(aRef(0)))
      .when(open)
      .then(opened);
    given(task, dispatched(aLease(0)), started(aRef(0)))
      .when({ ...open, leaseId: 'another' })
      .thenRejected('instance-not-running');
    given(task, dispatched(aLease(0)))
      .when(open)
      .thenRejected('instance-not-running');
    given(task, dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0)))
      .when(open)
      .thenRejected('instance-not-running');
    given(task, dispatched(aLease(0)), started(aRef(0)))
      .when({ ...open, instance: 1 })
      .thenRejected('instance-not-running');
  });

  it('ends whatever has become of the instance, and changes nothing of that', () => {
    given(task, dispatched(aLease(0)), started(aRef(0)), opened, concluded(anEnd(0)))
      .when({ type: 'EndSession', ...end })
      .then({ type: 'TaskSessionEnded', ...end });
  });

  it('ends once, whoever tells of it', () => {
    const lost = { ...end, exitCode: 0, bytesIn: 0, bytesOut: 0, because: 'carrier-lost' } as const;
    const running = [task, dispatched(aLease(0)), started(aRef(0))] as const;
    given(...running, opened)
      .when({ type: 'EndSession', ...lost })
      .then({ type: 'TaskSessionEnded', ...lost });
    given(...running, opened, { type: 'TaskSessionEnded', ...lost })
      .when({ type: 'EndSession', ...end })
      .thenNothing();
    given(...running)
      .when({ type: 'EndSession', ...end })
      .thenNothing();
    given(...running, opened, { ...opened, session: 's-2' }, { type: 'TaskSessionEnded', ...lost })
      .when({ type: 'EndSession', ...end, session: 's-2' })
      .then({ type: 'TaskSessionEnded', ...end, session: 's-2' });
  });

  it('leaves the fold of its task as it was, once it has ended', () => {
    const fold = (events: readonly TaskEvent[]) =>
      storeTaskState(events.reduce(taskDecider.evolve, taskDecider.initial));
    const before = [task, dispatched(aLease(0)), started(aRef(0))];
    expect(fold([...before, opened])).toMatchObject({
      openSessions: [{ session: 's-1', instance: 0, carrier: 'c' }],
    });
    expect(fold([...before, opened, { type: 'TaskSessionEnded', ...end }])).toEqual(fold(before));
  });

  it('leaves it as it was where nobody is said to carry it: rows that were folded before have none of those either', () => {
    const fold = (events: readonly TaskEvent[]) =>
      storeTaskState(events.reduce(taskDecider.evolve, taskDecider.initial));
    const before = [task, dispatched(aLease(0)), started(aRef(0))];
    const { carrier: _, ...ofBefore } = opened;
    expect(fold([...before, ofBefore])).toEqual(fold(before));
    expect(fold([...before, opened, { ...ofBefore, session: 's-2' }])).toEqual(fold([...before, opened]));
  });
});
