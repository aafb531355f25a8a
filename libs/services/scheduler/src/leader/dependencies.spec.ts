import { describe, expect, it } from '@jest/globals';
import type { TaskDependency, TaskOutcome } from '@fornax/domain';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { endedReport, rig, startedReport, type Rig } from './leader-rig.fixture.js';

const on = (taskId: string, ...outcomes: readonly TaskOutcome[]): TaskDependency => ({
  taskId,
  on: outcomes.length > 0 ? outcomes : ['success'],
  as: 'after',
});
const aTask = (taskId: string, ...dependencies: readonly TaskDependency[]) =>
  submitted(taskId, { instances: '0', ...(dependencies.length > 0 ? { dependencies } : {}) });

const join = (one: Rig) => one.append('node', 'n1', 0, nodeJoined('n1'));
const submit = (one: Rig, taskId: string, ...dependencies: readonly TaskDependency[]) =>
  one.append('task', taskId, 0, aTask(taskId, ...dependencies));
const leaseOf = async (one: Rig, taskId: string) => {
  const find = () => one.leases().find((lease) => lease.taskId === taskId);
  await eventually(() => find() !== undefined);
  const lease = find();
  if (!lease) throw new Error('no lease');
  return lease;
};
const run = async (one: Rig, taskId: string, outcome: 'success' | 'failure' = 'success') => {
  const lease = await leaseOf(one, taskId);
  const end = outcome === 'success' ? {} : ({ outcome, exitCode: 1, cause: 'user' } as const);
  await one.report('n1', 1, startedReport(lease), endedReport(lease, end));
};

describe('tasks that wait for others', () => {
  it('start one after the other, each when the one before has ended', async () => {
    const one = await rig().lead();
    await join(one);
    await submit(one, 'a');
    await submit(one, 'b', on('a'));
    await submit(one, 'c', on('a'), on('b'));
    await leaseOf(one, 'a');
    expect(one.leases().map(({ taskId }) => taskId)).toEqual(['a']);
    await run(one, 'a');
    await run(one, 'b');
    await leaseOf(one, 'c');
    expect(one.leases().map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c']);
    expect((await one.typesOf('c')).slice(0, 3)).toEqual([
      'TaskSubmitted',
      'DependenciesFulfilled',
      'InstancesDispatched',
    ]);
  });

  it('are cancelled one behind the other when the first does not end as it should', async () => {
    const one = await rig().lead();
    await join(one);
    await submit(one, 'a');
    await submit(one, 'b', on('a'));
    await submit(one, 'c', on('b'));
    await submit(one, 'cleanup', on('c', 'cancelled', 'failure'));
    await run(one, 'a', 'failure');
    await leaseOf(one, 'cleanup');
    for (const id of ['b', 'c'])
      expect(await one.typesOf(id)).toEqual(['TaskSubmitted', 'DependenciesFailed', 'WaitingInstancesCancelled']);
    expect(one.leases().map(({ taskId }) => taskId)).toEqual(['a', 'cleanup']);
  });

  it('start also when what they wait for had ended, and was deleted, before they came', async () => {
    const one = await rig().lead();
    await join(one);
    await submit(one, 'a');
    await run(one, 'a');
    await eventually(async () => (await one.stateOf('a')).succeeded.size === 1);
    const last = (await one.log.readAggregate('task', 'a')).at(-1)?.sequence ?? 0;
    await one.append('task', 'a', last, { type: 'TaskDeleteRequested', at: 1 }, { type: 'TaskDeleted', at: 1 });
    await submit(one, 'b', on('a'));
    await leaseOf(one, 'b');
  });

  it('are decided by the next leader when the first died before it could', async () => {
    const first = await rig().lead();
    await join(first);
    await submit(first, 'a');
    await run(first, 'a');
    await eventually(async () => (await first.stateOf('a')).succeeded.size === 1);
    await first.end();
    await submit(first, 'b', on('a'));
    const second = await rig(first.log, 'second').lead(2);
    await leaseOf(second, 'b');
    expect(await second.typesOf('b')).toContain('DependenciesFulfilled');
  });

  it('are not waited for any more once their owner cancels them', async () => {
    const one = await rig().lead();
    await join(one);
    await submit(one, 'a');
    const sequence = await submit(one, 'b', on('a'));
    await one.append(
      'task',
      'b',
      sequence,
      { type: 'TaskCancelRequested', at: 1 },
      { type: 'WaitingInstancesCancelled', instances: '0', at: 1 },
    );
    await run(one, 'a');
    await eventually(async () => (await one.stateOf('a')).succeeded.size === 1);
    expect(one.leadership?.view.dependencies.size).toBe(0);
    expect(one.leases().map(({ taskId }) => taskId)).toEqual(['a']);
  });
});
