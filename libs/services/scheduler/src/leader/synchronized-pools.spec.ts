import { describe, expect, it } from '@jest/globals';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { rig, startedReport } from './leader-rig.fixture.js';

const twoSlots = poolCreated({
  size: { type: 'fixed', nodes: 2 },
  resources: [{ bucket: 'data', prefix: '', stripPrefix: '' }],
});

describe('a task that waits for the resources of its pool', () => {
  it('starts once every slot has the newest ones, and others start at once', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 2, slots: true }));
    const created = await one.append('pool', 'p', 0, twoSlots);
    await eventually(() => one.leases().length === 2);
    const slots = one.leases();
    await one.report('n1', 1, ...slots.map(startedReport));
    const readyAt = (await one.log.readAggregate('pool', 'p', created)).at(-1)?.sequence ?? 0;
    await one.append('pool', 'p', readyAt, { type: 'PoolResourcesUpdateRequested', at: 2 });
    await one.append(
      'task',
      'waits',
      0,
      submitted('waits', { instances: '0', poolUuid: 'p', waitsForPoolResources: true }),
    );
    await one.append('task', 'starts', 0, submitted('starts', { instances: '0', poolUuid: 'p' }));
    await eventually(() => one.leases().length === 3);
    expect(one.leases()[2]?.taskId).toBe('starts');

    const refreshedReport = ({ leaseId, taskId, instance }: (typeof slots)[number]) =>
      ({ kind: 'refreshed', leaseId, taskId, instance, update: 1 }) as const;
    const [first, second] = slots.map(refreshedReport);
    if (!first || !second) throw new Error('no slots');
    await one.report('n1', 1, first);
    expect(one.leadership?.reasons.of('waits')).toMatchObject({ reason: 'pool-synchronizing' });
    expect(one.leases()).toHaveLength(3);
    const error = { code: 'FX-INPUT', message: 'The bucket data does not exist any more', debug: '' };
    const failed = { ...second, kind: 'refresh-failed', error } as const;
    for (const [isFinal, said] of [
      [false, /^slot 1 of its pool could not fetch .* it tries again: The bucket data does not exist any more$/],
      [true, /when the resources of the pool are updated again: The bucket data does not exist any more$/],
    ] as const) {
      await one.report('n1', 1, { ...failed, isFinal });
      await eventually(() => said.test(one.leadership?.reasons.of('waits')?.detail ?? '') || undefined);
    }
    await one.report('n1', 1, second);
    await eventually(() => one.leases().length === 4);
    expect(one.leases()[3]?.taskId).toBe('waits');
  });
});
