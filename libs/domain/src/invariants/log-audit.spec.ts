import { describe, expect, it } from '@jest/globals';
import {
  aFailure,
  aLease,
  anEnd,
  AT,
  concluded,
  dispatched,
  nodeJoined,
  requeued,
  started,
  aRef,
  submitted,
  deleteRequested,
  deleted,
} from '../specs/facts.fixture.js';
import { LogAudit, type AuditFinding } from './log-audit.js';

type Event = { readonly type: string };
const HOUR = 3_600_000;

/** Commits of one event each, numbered from 1; about task `t` where it is not about a node. */
const auditOf = (...events: readonly (Event | readonly [event: Event, leaderEpoch: number])[]) => {
  const audit = new LogAudit();
  const found: AuditFinding[] = [];
  for (const [index, item] of events.entries()) {
    const [event, leaderEpoch] = 'type' in item ? [item, 1] : item;
    const aggregate = event.type.startsWith('Node') ? 'node' : 'task';
    const aggregateId = aggregate === 'node' ? 'node-1' : 't';
    found.push(...audit.fold({ sequence: index + 1, aggregate, aggregateId, at: AT, events: [event], leaderEpoch }));
  }
  return {
    audit,
    found,
    all: (now = AT) =>
      [...found, ...audit.end(now)].map(({ kind, instance, sequences }) => [kind, instance, sequences]),
  };
};

const lost: Event = { type: 'NodeLost', nodeId: 'node-1', epoch: 1, cause: 'heartbeat', at: AT } as Event;

describe('the audit of a log', () => {
  it('finds nothing in lives that are right: retries, a lost node, an end, a deletion', () => {
    const { audit, all } = auditOf(
      nodeJoined('node-1'),
      submitted('t', { instances: '0-2' }),
      dispatched(aLease(0), aLease(1)),
      started(aRef(0), aRef(1)),
      requeued(aFailure(0, { cause: 'node-lost' })),
      concluded(anEnd(1)),
      dispatched(aLease(0, { attempt: 2 })),
      concluded(aFailure(0, { attempt: 2 })),
      { type: 'WaitingInstancesCancelled', instances: '2', at: AT } as Event,
      deleteRequested,
      deleted,
    );
    expect(all()).toEqual([]);
    expect(audit.tasksUnderWay).toBe(0);
  });

  it('finds nothing in what is under way', () => {
    expect(auditOf(submitted('t'), dispatched(aLease(0))).all(AT + 24 * HOUR)).toEqual([]);
  });

  it('finds an attempt that ends twice, while the task is under way and when it is over', () => {
    const underWay = auditOf(submitted('t'), dispatched(aLease(0)), concluded(anEnd(0)), concluded(anEnd(0)));
    expect(underWay.all()).toEqual([['billed twice', 0, [4]]]);
    const over = auditOf(
      submitted('t', { instances: '0' }),
      dispatched(aLease(0)),
      concluded(anEnd(0)),
      concluded(anEnd(0)),
    );
    expect(over.all()).toEqual([['billed twice', 0, [4]]]);
  });

  it('finds one that ends twice before its instance ends', () => {
    const twice = auditOf(
      submitted('t', { instances: '0' }),
      dispatched(aLease(0)),
      requeued(aFailure(0)),
      requeued(aFailure(0)),
      dispatched(aLease(0, { attempt: 2 })),
      concluded(anEnd(0, { attempt: 2 })),
    );
    expect(twice.all()).toEqual([['billed twice', 0, [2, 3, 4, 5, 6]]]);
  });

  it('finds an instance that is dispatched while it is under way', () => {
    const { all } = auditOf(
      submitted('t'),
      dispatched(aLease(0)),
      dispatched(aLease(0, { attempt: 2, node: 'node-2' })),
    );
    expect(all()).toEqual([['ran twice at once', 0, [2, 3]]]);
  });

  it('finds an attempt that nobody billed', () => {
    const { all } = auditOf(
      submitted('t', { instances: '0' }),
      dispatched(aLease(0)),
      dispatched(aLease(0, { attempt: 2 })),
      concluded(anEnd(0, { attempt: 2 })),
    );
    expect(all()).toEqual([
      ['ran twice at once', 0, [2, 3]],
      ['not billed', 0, [2, 3, 4]],
    ]);
  });

  it('finds an end of what was never dispatched, and a dispatch after the end', () => {
    expect(auditOf(submitted('t'), concluded(anEnd(0))).found[0]).toMatchObject({
      kind: 'billed for nothing',
      instance: 0,
    });
    const again = auditOf(
      submitted('t'),
      dispatched(aLease(0)),
      concluded(anEnd(0)),
      dispatched(aLease(0, { attempt: 2 })),
    );
    expect(again.found).toMatchObject([{ kind: 'ran after its end', sequences: [4] }]);
  });

  it('finds a commit of a leader that was replaced', () => {
    const { found } = auditOf(submitted('t'), [dispatched(aLease(0)), 5], [started(aRef(0)), 4]);
    expect(found).toMatchObject([{ kind: 'written past the fence', sequences: [2, 3] }]);
  });

  it('finds a lease that is left on a node that has long gone, and waits for the scheduler first', () => {
    const { all } = auditOf(nodeJoined('node-1'), submitted('t'), dispatched(aLease(0)), lost);
    expect(all(AT + 1_000)).toEqual([]);
    expect(all(AT + HOUR)).toEqual([['forgotten', 0, [3]]]);
  });
});
