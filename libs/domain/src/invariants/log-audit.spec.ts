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
    const aggregate = /^(?:Slots|Pool)/.test(event.type) ? 'pool' : event.type.startsWith('Node') ? 'node' : 'task';
    const aggregateId = { node: 'node-1', pool: 'p', task: 't' }[aggregate];
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

describe('the audit of slots', () => {
  const slot = aLease(0, { leaseId: 's0' });
  const pool: Event = { type: 'PoolCreated', poolId: 'p' } as Event;
  const leased = (...leases: readonly (typeof slot)[]): Event => ({ type: 'SlotsDispatched', leases }) as Event;
  const ready: Event = { type: 'SlotsReady', leases: [{ instance: 0, leaseId: 's0', startedAt: AT }] } as Event;
  const ended: Event = { type: 'SlotsEnded', attempts: [anEnd(0, { leaseId: 's0' })] } as Event;
  const placed = dispatched(aLease(0, { inSlot: 's0' }));
  const task = submitted('t', { instances: '0', poolUuid: 'p' });

  it('finds nothing in a life that is right, nor in an instance that was placed when its slot ended', () => {
    const again = leased({ ...slot, leaseId: 's1', attempt: 2 });
    const end: Event = { type: 'PoolDeleted' } as Event;
    const last: Event = { type: 'SlotsEnded', attempts: [anEnd(0, { leaseId: 's1', attempt: 2 })] } as Event;
    expect(
      auditOf(pool, leased(slot), ready, task, ended, placed, concluded(anEnd(0)), again, last, end).all(),
    ).toEqual([]);
  });

  it('finds a slot that is leased twice at once', () => {
    expect(auditOf(pool, leased(slot), leased({ ...slot, leaseId: 's1', attempt: 2 })).all()).toEqual([
      ['ran twice at once', 0, [2, 3]],
    ]);
  });

  it('finds an instance on a slot that was not ready, on none, and on one of another pool', () => {
    const outside = (sequence: number) => [['ran outside its slot', 0, [sequence]]];
    expect(auditOf(pool, leased(slot), task, placed).all()).toEqual(outside(4));
    expect(auditOf(pool, leased(slot), ready, task, dispatched(aLease(0))).all()).toEqual(outside(5));
    const other = submitted('t', { instances: '0', poolUuid: 'q' });
    expect(auditOf(pool, leased(slot), ready, other, placed).all()).toEqual(outside(5));
    expect(auditOf(pool, leased(slot), ready, submitted('t', { instances: '0' }), placed).all()).toEqual(outside(5));
  });

  it('finds a slot that nobody ends: when its pool has ended, and when its node is gone', () => {
    const closed: Event = { type: 'PoolClosed' } as Event;
    expect(auditOf(pool, leased(slot), closed).all()).toEqual([['forgotten', 0, [2, 3]]]);
    const left = auditOf(nodeJoined('node-1'), pool, leased(slot), lost);
    expect(left.all()).toEqual([]);
    expect(left.all(AT + HOUR)).toEqual([['forgotten', 0, [3]]]);
  });

  it('finds a slot that ends and was not leased, and one that is leased when its pool is gone', () => {
    expect(auditOf(pool, leased(slot), ended, ended).all()).toEqual([['billed for nothing', 0, [4]]]);
    const gone: Event = { type: 'PoolDeleted' } as Event;
    expect(auditOf(pool, gone, leased(slot)).all()).toEqual([['ran after its end', 0, [3]]]);
  });
});
