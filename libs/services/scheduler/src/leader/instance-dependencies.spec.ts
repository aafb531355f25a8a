import { describe, expect, it } from '@jest/globals';
import type { TaskDependency, TaskEvent, TaskSpec } from '@fornax/domain';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { endedReport, rig, startedReport, type Rig } from './leader-rig.fixture.js';

const each = (taskId: string, on: TaskDependency['on'] = ['success']): TaskDependency => {
  return { taskId, on, as: 'after', each: true };
};
const submit = (one: Rig, taskId: string, spec: Partial<TaskSpec>): Promise<number> =>
  one.append('task', taskId, 0, submitted(taskId, spec));
const leaseOf = (one: Rig, taskId: string, instance: number) =>
  one.leases().findLast((lease) => lease.taskId === taskId && lease.instance === instance);
const leased = (one: Rig, taskId: string): readonly number[] =>
  one.leases().flatMap((lease) => (lease.taskId === taskId ? [lease.instance] : []));
const end = async (one: Rig, taskId: string, instance: number, outcome: 'success' | 'failure' = 'success') => {
  await eventually(() => leaseOf(one, taskId, instance) !== undefined);
  const lease = leaseOf(one, taskId, instance);
  if (!lease) throw new Error('no lease');
  const how = outcome === 'success' ? {} : ({ outcome, exitCode: 1, cause: 'user' } as const);
  await one.report('n1', 1, startedReport(lease), endedReport(lease, how));
};
const eventsOf = async <T extends TaskEvent['type']>(one: Rig, taskId: string, type: T) =>
  (await one.taskEvents(taskId)).filter((event): event is Extract<TaskEvent, { type: T }> => event.type === type);

describe('instances that wait for the same ones of another task', () => {
  it('start each when its own has ended, and those whose has not ended well are cancelled with the reason', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1'));
    await submit(one, 'a', { instances: '0-3' });
    await submit(one, 'b', { instances: '0-3', dependencies: [each('a')] });
    await end(one, 'a', 2);
    await eventually(() => leased(one, 'b').length > 0);
    expect(leased(one, 'b')).toEqual([2]);
    await end(one, 'a', 0, 'failure');
    await end(one, 'a', 1);
    await eventually(() => leased(one, 'b').length === 2);
    expect(leased(one, 'b')).toEqual([2, 1]);
    expect(await eventsOf(one, 'b', 'WaitingInstancesCancelled')).toMatchObject([
      { instances: '0', because: { taskId: 'a', outcome: 'failure' } },
    ]);
    await end(one, 'a', 3);
    for (const instance of [1, 2, 3]) await end(one, 'b', instance);
    await eventually(async () => (await one.stateOf('b')).succeeded.size === 3);
    expect(one.leadership?.view.instanceDependencies.size).toBe(0);
  });

  it('wait while their own is tried again', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1'));
    await submit(one, 'a', { instances: '0-1', maxRetriesPerInstance: 1 });
    await submit(one, 'b', { instances: '0-1', dependencies: [each('a')] });
    await end(one, 'a', 0, 'failure');
    await eventually(() => leased(one, 'a').filter((instance) => instance === 0).length === 2);
    expect((await one.stateOf('b')).held.size).toBe(2);
    await end(one, 'a', 0);
    await eventually(() => leased(one, 'b').length === 1);
    expect(leased(one, 'b')).toEqual([0]);
  });

  it('start also when their own had ended before they came, while the other task goes on and when it is over', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1'));
    await submit(one, 'a', { instances: '0-1' });
    await end(one, 'a', 0);
    await eventually(async () => (await one.stateOf('a')).succeeded.size === 1);
    await submit(one, 'b', { instances: '0-1', dependencies: [each('a')] });
    await eventually(() => leased(one, 'b').length === 1);
    await end(one, 'a', 1);
    await eventually(async () => (await one.stateOf('a')).succeeded.size === 2);
    await submit(one, 'c', { instances: '0-1', dependencies: [each('a'), each('b')] });
    await end(one, 'b', 0);
    await eventually(() => leased(one, 'c').length === 1);
    expect(leased(one, 'c')).toEqual([0]);
  });

  it('are released by the next leader when the first died before it could, and none of them twice', async () => {
    const first = await rig().lead();
    await first.append('node', 'n1', 0, nodeJoined('n1'));
    await submit(first, 'a', { instances: '0-2' });
    await end(first, 'a', 0);
    await end(first, 'a', 1, 'failure');
    await eventually(async () => (await first.stateOf('a')).failed.size === 1);
    await first.end();
    await submit(first, 'b', { instances: '0-2', dependencies: [each('a')] });
    const second = await rig(first.log, 'second').lead(2);
    await eventually(() => leased(second, 'b').length === 1);
    expect(leased(second, 'b')).toEqual([0]);
    expect((await second.stateOf('b')).cancelled.size).toBe(1);
    await second.end();
    const third = await rig(first.log, 'third').lead(3);
    await third.leadership?.catchUp();
    expect(await eventsOf(third, 'b', 'InstancesReleased')).toHaveLength(1);
  });

  it('cost a commit for each part of the other task that ends, not for each instance', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 500, memoryMB: 500_000 }));
    await submit(one, 'a', { instances: '0-199' });
    await submit(one, 'b', { instances: '0-199', dependencies: [each('a')] });
    await eventually(() => leased(one, 'a').length === 200);
    await one.report('n1', 1, ...one.leases().flatMap((lease) => [startedReport(lease), endedReport(lease)]));
    await eventually(() => leased(one, 'b').length === 200);
    expect((await eventsOf(one, 'b', 'InstancesReleased')).length).toBeLessThanOrEqual(
      (await eventsOf(one, 'a', 'InstancesConcluded')).length,
    );
  });
});

describe('a task of which so many instances may run at once', () => {
  it('never has more leased, says why the others wait, and goes on under the next leader', async () => {
    const first = await rig().lead();
    await first.append('node', 'n1', 0, nodeJoined('n1'));
    await submit(first, 'a', { instances: '0-4', maxParallel: 2 });
    await eventually(() => leased(first, 'a').length === 2);
    await eventually(() => first.leadership?.reasons.of('a')?.reason === 'max-parallel');
    await end(first, 'a', 0);
    await eventually(() => leased(first, 'a').length === 3);
    await first.end();
    const second = await rig(first.log, 'second').lead(2);
    const unended = (): readonly number[] => leased(second, 'a');
    await eventually(() => unended().length === 2);
    for (const instance of [1, 2, 3, 4]) await end(second, 'a', instance);
    const events = await second.taskEvents('a');
    let [now, most] = [0, 0];
    for (const event of events) {
      if (event.type === 'InstancesDispatched') now += event.leases.length;
      if (event.type === 'InstancesConcluded') now -= event.attempts.length;
      most = Math.max(most, now);
    }
    expect([now, most]).toEqual([0, 2]);
  });

  it('leaves what is free to others', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 4 }));
    await submit(one, 'a', { instances: '0-9', maxParallel: 1 });
    await submit(one, 'b', { instances: '0-9' });
    await eventually(() => leased(one, 'b').length === 3);
    expect(leased(one, 'a')).toEqual([0]);
  });
});
