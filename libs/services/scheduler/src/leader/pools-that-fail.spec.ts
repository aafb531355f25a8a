import { describe, expect, it } from '@jest/globals';
import { poolDecider, type PoolEvent } from '@fornax/domain';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { endedReport, rig, type Rig } from './leader-rig.fixture.js';

/** As many failures in a row as a pool takes. */
const SLOTS = 5;
const created: PoolEvent = {
  type: 'PoolCreated',
  poolId: 'p',
  owner: 'ada',
  spec: {
    ...poolDecider.initial.spec,
    profile: 'docker-batch',
    request: { cores: 1, memoryMB: 1 },
    size: { type: 'fixed', nodes: SLOTS },
    preparation: 'exit 3',
  },
  at: 1,
};
const errorsOf = async (one: Rig, taskId: string) =>
  (await one.taskEvents(taskId)).flatMap((event) => (event.type === 'WaitingInstancesExpired' ? [event.error] : []));

describe('a pool whose slots cannot be prepared', () => {
  it('tells the tasks that wait for it why it failed', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8, slots: true }));
    await one.append('pool', 'p', 0, created);
    await one.append('task', 't', 0, submitted('t', { instances: '0', poolUuid: 'p' }));
    await eventually(() => one.leases().length === SLOTS);
    const end = { outcome: 'failure', exitCode: 3, cause: 'user', startedAt: undefined } as const;
    await one.report('n1', 1, ...one.leases().map((lease) => endedReport(lease, end)));
    await eventually(async () => (await errorsOf(one, 't')).length > 0);
    const [error] = await errorsOf(one, 't');
    expect(error?.message).toContain('slots in a row could not be prepared');
  });
});
