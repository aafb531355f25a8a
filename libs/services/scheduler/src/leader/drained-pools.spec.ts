import { describe, expect, it } from '@jest/globals';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { endedReport, rig, startedReport } from './leader-rig.fixture.js';

describe('a pool with slots on a node that is drained', () => {
  it('lets the instance in a slot end, closes the slot, and opens another one elsewhere for what waits', async () => {
    const one = await rig().lead();
    const joined = await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8, slots: true }));
    await one.append('pool', 'p', 0, poolCreated());
    await eventually(() => one.leases().length === 1);
    const [slot] = one.leases();
    if (!slot) throw new Error('no slot');
    await one.report('n1', 1, startedReport(slot));
    await one.append('task', 't', 0, submitted('t', { instances: '0-1', poolUuid: 'p' }));
    await eventually(() => one.leases().length === 2);
    const first = one.leases()[1];
    if (!first) throw new Error('no instance');

    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8, slots: true }));
    await one.append('node', 'n1', joined, { type: 'NodeDrained', nodeId: 'n1', at: 2 });
    await one.report('n1', 1, startedReport(first));
    expect(one.orders.filter(({ order }) => order.kind === 'cancel')).toEqual([]);
    await one.report('n1', 1, endedReport(first));

    await eventually(() => one.orders.some(({ node, order }) => node === 'n2' && order.kind === 'lease'));
    const { leaseId, taskId } = slot;
    expect(one.orders).toContainEqual({ node: 'n1', order: { kind: 'cancel', leaseId, taskId } });
    const other = one.leases()[2];
    if (!other) throw new Error('no other slot');
    await one.report('n2', 1, startedReport(other));
    await eventually(() => one.leases().length === 4);
    expect(one.orders.at(-1)?.node).toBe('n2');
  });
});
