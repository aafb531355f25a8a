import { describe, expect, it } from '@jest/globals';
import { dispatchMessageSchema, type DispatchOrder } from '@fornax/contracts';
import { aCommit, aLease, cancelRequested, dispatched, nodeJoined, started, submitted, aRef } from '@fornax/testing';
import { leaseOrders, ordersToRepeat, packOrders } from './orders.js';
import { SchedulerView } from './scheduler-view.js';

const fold = (
  view: SchedulerView,
  sequence: number,
  aggregate: 'task' | 'node',
  id: string,
  events: Parameters<typeof aCommit>[1],
): void => {
  view.fold({ ...aCommit(`c-${sequence}`, events), sequence, aggregate, aggregateId: id });
};
const cancel = (leaseId: string): DispatchOrder => ({ kind: 'cancel', leaseId, taskId: 't' });
const read = (data: Uint8Array): readonly DispatchOrder[] =>
  dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data)));

const entryMissing = (task: string): never => {
  throw new Error(`no task ${task}`);
};

describe('orders to nodes', () => {
  it('carries constants in clear and only the names of sealed ones', () => {
    const view = new SchedulerView();
    const constants = [
      { key: 'DOCKER_CMD', value: 'echo' },
      { key: 'QARNOT_SECRET_X', sealed: 'c2VhbGVk' },
    ];
    const echo = {
      forcedConstants: [{ constantName: 'RESOURCES_PATH', forcedValue: '/data', forceExportInEnvironment: false }],
    };
    fold(view, 1, 'task', 't', [submitted('t', { constants, echo, resultBucket: 'out', resultsPrefix: 'p/' })]);
    const entry = view.task('t');
    const [addressed] = entry ? leaseOrders(entry, [aLease(1)]) : [];
    expect(addressed).toMatchObject({
      node: 'node-1',
      order: {
        run: { constant: 'DOCKER_CMD', how: 'words' },
        network: 'none',
        constants: expect.arrayContaining([
          { key: 'DOCKER_CMD', value: 'echo' },
          { key: 'DOCKER_TAG', value: 'latest' },
          { key: 'RESOURCES_PATH', value: '/data', isExported: false },
        ]),
        secretKeys: ['QARNOT_SECRET_X'],
        instanceCount: 2,
        results: { bucket: 'out', prefix: 'p/' },
      },
    });
    expect(JSON.stringify(addressed)).not.toContain('c2VhbGVk');
  });

  it('says that secrets are to be asked for, of a task that may read some', () => {
    const view = new SchedulerView();
    fold(view, 1, 'task', 't', [submitted('t', { secretRights: { keys: ['a'], prefixes: [] } })]);
    fold(view, 2, 'task', 'u', [submitted('u')]);
    const ordersOf = (task: string) => leaseOrders(view.task(task) ?? entryMissing(task), [aLease(1)]);
    expect(ordersOf('t')).toMatchObject([{ order: { secrets: true, secretKeys: ['QARNOT_SECRETS_DIR'] } }]);
    expect(ordersOf('u')[0]?.order).not.toHaveProperty('secrets');
    expect(JSON.stringify(ordersOf('t'))).not.toContain('secretRights');
  });

  it('packs orders into as few messages as fit, in order, and schema-valid', () => {
    const orders = Array.from({ length: 10 }, (_, i) => cancel(`lease-${i}`));
    expect(packOrders(orders)).toHaveLength(1);
    const small = packOrders(orders, 200);
    expect(small.length).toBeGreaterThan(1);
    expect(small.flatMap(({ data }) => read(data))).toEqual(orders);
  });

  it('says once what the leases of a task share, also when they need several messages', () => {
    const view = new SchedulerView();
    fold(view, 1, 'task', 't', [submitted('t', { instances: '0-99' })]);
    fold(view, 2, 'task', 'u', [submitted('u', { instances: '0-99' })]);
    const [one, two] = [view.task('t'), view.task('u')];
    if (!one || !two) throw new Error('no tasks');
    const leases = Array.from({ length: 100 }, (_, instance) => aLease(instance));
    const orders = [...leaseOrders(one, leases), ...leaseOrders(two, leases)].map(({ order }) => order);
    orders.splice(50, 0, cancel('0/1'));
    const whole = packOrders(orders);
    expect(whole.map(({ data }) => new TextDecoder().decode(data).split('"shared"').length - 1)).toEqual([3]);
    expect(whole.flatMap(({ data }) => read(data))).toEqual(orders);
    const several = packOrders(orders, 4_096);
    expect(several.length).toBeGreaterThan(3);
    expect(several.flatMap(({ data }) => read(data))).toEqual(orders);
  });

  it('gives a message an id by its content, so that a repeat is the same and another batch with the same first order is not', () => {
    const idOf = (...orders: DispatchOrder[]): string | undefined => packOrders(orders)[0]?.msgId;
    expect(idOf(cancel('a'))).toBe(idOf(cancel('a')));
    expect(idOf(cancel('a'))).not.toBe(idOf(cancel('a'), cancel('b')));
  });

  it('repeats, for a new leader, leases that were never confirmed on the current session of their node, and cancels', () => {
    const view = new SchedulerView();
    fold(view, 1, 'node', 'node-1', [nodeJoined('node-1')]);
    fold(view, 2, 'node', 'node-2', [nodeJoined('node-2', {}, 2)]);
    fold(view, 3, 'task', 't', [submitted('t', { instances: '0-2' })]);
    fold(view, 4, 'task', 't', [
      dispatched(aLease(0), aLease(1), aLease(2, { node: 'node-2', nodeEpoch: 1 })),
      started(aRef(1)),
    ]);
    fold(view, 5, 'task', 'c', [submitted('c', { instances: '0' })]);
    fold(view, 6, 'task', 'c', [dispatched(aLease(0, { leaseId: 'c0' })), started({ instance: 0, leaseId: 'c0' })]);
    fold(view, 7, 'task', 'c', [cancelRequested]);
    expect(ordersToRepeat(view).map(({ order }) => [order.kind, 'leaseId' in order ? order.leaseId : ''])).toEqual([
      ['lease', '0/1'],
      ['cancel', 'c0'],
    ]);
  });
});
