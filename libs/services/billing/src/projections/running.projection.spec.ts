import { describe, expect, it } from '@jest/globals';
import {
  aLease,
  anEnd,
  aRef,
  aCommit,
  concluded,
  dispatched,
  started,
  submitted,
  writesForUnwanted,
} from '@fornax/testing';
import { runningChange } from './running-rows.js';
import { RunningProjection } from './running.projection.js';

const commit = (sequence: number, event: Parameters<typeof aCommit>[1][number]) => ({
  ...aCommit(`c${sequence}`, [event]),
  sequence,
  aggregate: 'task' as const,
  aggregateId: 't',
});

describe('what is on nodes', () => {
  it('writes nothing for commits that it does not want, of every event that there is', async () => {
    const { unwanted, statements } = await writesForUnwanted(new RunningProjection());
    expect(unwanted).toEqual(expect.arrayContaining(['TaskDeleted', 'NodeLost']));
    expect(statements).toEqual([]);
  });

  it('does not change by what begins and ends in one batch, nor by what is in a slot', () => {
    const change = runningChange([
      commit(1, submitted('t')),
      commit(2, dispatched(aLease(0), aLease(1), aLease(2, { inSlot: 's' }))),
      commit(3, started(aRef(0), aRef(1), aRef(7))),
      commit(4, concluded(anEnd(0), anEnd(2, { inSlot: 's' }), anEnd(9))),
    ]);
    expect([...change.begun.values()]).toMatchObject([{ leaseId: '1/1', node: 'node-1', startedAt: 1_000 }]);
    expect([...change.started.values()]).toMatchObject([{ leaseId: '7/1' }]);
    expect([...change.ended.values()]).toEqual([{ taskId: 't', leaseId: '9/1' }]);
  });
});
