import { describe, expect, it } from '@jest/globals';
import { aCommit, aLease, aRef, cancelRequested, dispatched, nodeJoined, started, submitted } from '@fornax/testing';
import { OverdueOrders } from './overdue-orders.js';
import { SchedulerView } from './scheduler-view.js';

type Events = Parameters<typeof aCommit>[1];
const fold = (
  view: SchedulerView,
  sequence: number,
  aggregate: 'task' | 'node',
  aggregateId: string,
  events: Events,
): void => {
  view.fold({ ...aCommit(`c${sequence}`, events), sequence, aggregate, aggregateId });
};
const world = (): SchedulerView => {
  const view = new SchedulerView();
  fold(view, 1, 'node', 'node-1', [nodeJoined('node-1')]);
  fold(view, 2, 'task', 't', [submitted('t', { instances: '0-1' })]);
  fold(view, 3, 'task', 't', [dispatched(aLease(0), aLease(1)), started(aRef(1))]);
  return view;
};
const taken = (overdue: OverdueOrders, view: SchedulerView, now: number): readonly unknown[] =>
  overdue.take(view, now).map(({ order }) => [order.kind, 'leaseId' in order ? order.leaseId : '']);

describe('overdue orders', () => {
  it('repeats a lease that was not started, ever more rarely, and none that runs', () => {
    const [view, overdue] = [world(), new OverdueOrders()];
    expect(taken(overdue, view, 0)).toEqual([]);
    expect(taken(overdue, view, 149_999)).toEqual([]);
    expect(taken(overdue, view, 150_000)).toEqual([['lease', '0/1']]);
    expect(taken(overdue, view, 449_999)).toEqual([]);
    expect(taken(overdue, view, 450_000)).toEqual([['lease', '0/1']]);
    fold(view, 4, 'task', 't', [started(aRef(0))]);
    expect(taken(overdue, view, 10_000_000)).toEqual([]);
  });

  it('repeats the cancel of what has not ended, after the lease if that may have been lost too', () => {
    const [view, overdue] = [world(), new OverdueOrders()];
    fold(view, 4, 'task', 't', [cancelRequested]);
    expect(taken(overdue, view, 0)).toEqual([]);
    expect(taken(overdue, view, 150_000)).toEqual([
      ['lease', '0/1'],
      ['cancel', '0/1'],
      ['cancel', '1/1'],
    ]);
  });
});
