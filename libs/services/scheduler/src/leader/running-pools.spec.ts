import { describe, expect, it } from '@jest/globals';
import type { AccountQuotas } from '@fornax/domain';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { endedReport, rig, startedReport } from './leader-rig.fixture.js';

const quotas: AccountQuotas = {
  maxTasks: 9,
  maxBuckets: 9,
  maxStorageBytes: 9,
  maxInstances: 99,
  maxCores: 99,
  maxRunningPools: 1,
};
const ada = { type: 'AccountCreated', accountId: 'ada', email: 'a@b.c', role: 'user', quotas, at: 1 } as const;
const twoNodes = { size: { type: 'fixed', nodes: 2 } } as const;

describe('pools beyond those of an account that may have slots at once', () => {
  it('wait, and so do their tasks, with the reason, until another one has no slot left', async () => {
    const one = await rig().lead();
    await one.append('account', 'ada', 0, ada);
    const first = await one.append('pool', 'p', 0, poolCreated(twoNodes));
    await one.append('pool', 'q', 0, poolCreated(twoNodes, { poolId: 'q' }));
    await one.append('pool', 'r', 0, poolCreated(twoNodes, { poolId: 'r', owner: 'bob' }));
    await one.append('task', 'waits', 0, submitted('waits', { instances: '0', poolUuid: 'q' }));
    // All three wait when the node comes: one round could place them all.
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 16, slots: true }));
    await eventually(() => one.leases().length === 4);
    expect(one.leases().map(({ taskId }) => taskId)).toEqual(expect.arrayContaining(['p', 'p', 'r', 'r']));
    await one.report('n1', 1, ...one.leases().map(startedReport));
    expect(one.leadership?.reasons.of('q')).toEqual({
      reason: 'quota',
      detail: 'the account has as many pools with slots as it may at once',
    });
    expect(one.leadership?.reasons.of('waits')).toEqual({
      reason: 'quota',
      detail: 'a slot of its pool cannot be opened: the account has as many pools with slots as it may at once',
    });

    const slots = one.leases().filter(({ taskId }) => taskId === 'p');
    const { sequence = first } = (await one.log.readAggregate('pool', 'p')).at(-1) ?? {};
    await one.append('pool', 'p', sequence, { type: 'PoolDeleteRequested', at: 2 });
    await one.report('n1', 1, ...slots.slice(0, 1).map((slot) => endedReport(slot)));
    expect(one.leases()).toHaveLength(4);
    await one.report('n1', 1, ...slots.slice(1).map((slot) => endedReport(slot)));
    await eventually(() => one.leases().length === 6);
    expect(
      one
        .leases()
        .slice(4)
        .map(({ taskId }) => taskId),
    ).toEqual(['q', 'q']);
  });

  it('are opened when more may be', async () => {
    const one = await rig().lead();
    const known = await one.append('account', 'ada', 0, { ...ada, quotas: { ...quotas, maxRunningPools: 0 } });
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 16, slots: true }));
    await one.append('pool', 'p', 0, poolCreated());
    await eventually(() => one.leadership?.reasons.of('p')?.reason === 'quota');
    expect(one.leases()).toEqual([]);
    await one.append('account', 'ada', known, { type: 'QuotasChanged', accountId: 'ada', quotas, at: 2 });
    await eventually(() => one.leases().length === 1);
  });
});
