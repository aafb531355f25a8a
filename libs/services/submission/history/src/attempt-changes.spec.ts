import { describe, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import { aCommit, aLease, anEnd, aRef, concluded, dispatched, requeued, started, submitted } from '@fornax/testing';
import { attemptChanges } from './attempt-changes.js';

const recorded = (event: TaskEvent, sequence: number): RecordedCommit<TaskEvent> => ({
  ...aCommit(`c-${sequence}`, [event]),
  at: event.at,
  sequence,
  aggregate: 'task',
  aggregateId: 't',
});
const events: readonly TaskEvent[] = [
  submitted('t', { instances: '0-1' }),
  dispatched(aLease(0), aLease(1)),
  started(aRef(0)),
  { type: 'WaitingReasonChanged', reason: null, detail: null, at: 2_000 },
  requeued(anEnd(0, { outcome: 'failure', cause: 'node-lost' })),
  concluded(anEnd(1)),
  { type: 'WaitingInstancesCancelled', instances: '0', at: 9_000 },
];
const commits = events.map((event, index) => recorded(event, index + 1));

describe('changes of attempts', () => {
  it('are told in the order of the log, with node, outcome and times; what is told of many is told as ranges', () => {
    const { changes, next } = attemptChanges(commits, 100);
    expect(next).toBeNull();
    expect(changes.map(({ sequence, kind, instances }) => [sequence, kind, instances])).toEqual([
      [1, 'waiting', '0-1'],
      [2, 'dispatched', null],
      [3, 'started', null],
      [5, 'requeued', null],
      [6, 'ended', null],
      [7, 'dropped', '0'],
    ]);
    expect(changes[1]?.attempts).toMatchObject([
      { instance: 0, attempt: 1, node: aLease(0).node, startedAt: null, outcome: null },
      { instance: 1 },
    ]);
    expect(changes[3]?.attempts).toMatchObject([{ instance: 0, outcome: 'failure', cause: 'node-lost' }]);
  });

  it('come in pages of whole commits, each going on behind the one before', () => {
    const first = attemptChanges(commits, 2);
    expect([first.changes.length, first.next]).toEqual([2, 2]);
    expect(attemptChanges(commits.slice(2), 100).changes.map(({ sequence }) => sequence)).toEqual([3, 5, 6, 7]);
  });

  it('begin with what they wait for where a task has dependencies', () => {
    const waits = submitted('t', {
      instances: '0-1',
      dependencies: [{ taskId: 'a', on: ['success'] }],
    } as never);
    const page = attemptChanges(
      [recorded(waits, 1), recorded({ type: 'DependenciesFulfilled', ends: [], at: 5_000 }, 2)],
      100,
    );
    expect(page.changes).toMatchObject([
      { sequence: 2, kind: 'waiting', instances: null, at: '1970-01-01T00:00:05.000Z' },
    ]);
  });
});
