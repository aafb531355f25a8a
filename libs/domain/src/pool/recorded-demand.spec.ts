import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  aLease,
  anEnd,
  aTaskSpec,
  concluded,
  dispatched,
  requeued,
  submitted,
  waitingCancelled,
} from '../specs/facts.fixture.js';
import type { TaskEvent } from '../task/task.events.js';
import { demandChanges, recordedDemand, type TaskMoment } from './recorded-demand.js';

const moment = (at: number, ...events: readonly TaskEvent[]): TaskMoment => ({ at, events });
const task = (at: number, instances: string): TaskMoment => moment(at, submitted('task-1', aTaskSpec({ instances })));

const demandOf = (histories: readonly (readonly TaskMoment[])[], from: number, to: number) =>
  recordedDemand(histories.flatMap(demandChanges), from, to);

describe('the demand that the log has of tasks', () => {
  it('is what runs or waits: a repeated try changes nothing, an end and a cancellation do', () => {
    const history = [
      task(10, '0-3'),
      moment(20, dispatched(aLease(0), aLease(1))),
      moment(30, requeued(anEnd(0, { outcome: 'failure', cause: 'platform' }))),
      moment(40, concluded(anEnd(1))),
      moment(50, waitingCancelled('2-3')),
    ];
    expect(demandOf([history], 0, 100)).toEqual([
      { at: 0, instances: 0 },
      { at: 10, instances: 4 },
      { at: 40, instances: 3 },
      { at: 50, instances: 1 },
    ]);
  });

  it('begins with what was there already, adds tasks up, and ends in time', () => {
    const histories = [
      [task(10, '0-3'), moment(35, waitingCancelled('0-3'))],
      [task(30, '0-1'), moment(90, waitingCancelled('0-1'))],
    ];
    expect(demandOf(histories, 20, 80)).toEqual([
      { at: 20, instances: 4 },
      { at: 30, instances: 6 },
      { at: 35, instances: 2 },
    ]);
  });

  it('is nothing of a task that waits for others', () => {
    const held = submitted(
      'task-1',
      aTaskSpec({ instances: '0-3', dependencies: [{ taskId: 'x', on: ['success'], as: 'after' }] }),
    );
    const history = [moment(10, held), moment(30, { type: 'DependenciesFulfilled', ends: [], at: 30 })];
    expect(demandOf([history], 0, 100)).toEqual([
      { at: 0, instances: 0 },
      { at: 30, instances: 4 },
    ]);
  });

  it('is no more of a task than it lets run at once', () => {
    const limited = moment(10, submitted('task-1', aTaskSpec({ instances: '0-9', maxParallel: 2 })));
    const history = [
      limited,
      moment(20, dispatched(aLease(0))),
      moment(30, concluded(anEnd(0))),
      moment(40, waitingCancelled('1-9')),
    ];
    expect(demandOf([history], 0, 100)).toEqual([
      { at: 0, instances: 0 },
      { at: 10, instances: 2 },
      { at: 40, instances: 0 },
    ]);
  });

  it('at any moment is that of all tasks together', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ at: fc.nat(50), lasts: fc.integer({ min: 1, max: 50 }), size: fc.integer({ min: 1, max: 9 }) }),
        ),
        fc.nat(100),
        (tasks, when) => {
          const histories = tasks.map(({ at, lasts, size }) => [
            task(at, `0-${size - 1}`),
            moment(at + lasts, waitingCancelled(`0-${size - 1}`)),
          ]);
          const steps = demandOf(histories, 0, 1_000);
          const there = tasks.filter(({ at, lasts }) => at <= when && when < at + lasts);
          expect(steps.findLast(({ at }) => at <= when)?.instances).toBe(
            there.reduce((sum, { size }) => sum + size, 0),
          );
          expect(steps.map(({ at }) => at)).toEqual([...new Set(steps.map(({ at }) => at))].sort((a, b) => a - b));
        },
      ),
    ));
});
