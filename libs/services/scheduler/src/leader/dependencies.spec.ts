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

const inOrder = ['TaskSubmitted', 'DependenciesFulfilled', 'InstancesDispatched'];

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
    expect((await one.typesOf('c')).slice(0, 3)).toEqual(inOrder);
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

  it('are one that waits for a thousand, and a thousand that wait for one, with a commit for each that is decided', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 2_000, memoryMB: 2_000_000 }));
    const names = (kind: string) => Array.from({ length: 1_000 }, (_, n) => `${kind}-${n}`);
    const [before, behind] = [names('in'), names('out')];
    for (const id of before) await submit(one, id);
    await submit(one, 'middle', ...before.map((id) => on(id)));
    for (const id of behind) await submit(one, id, on('middle'));
    const leased = () => new Map(one.leases().map((lease) => [lease.taskId, lease]));
    const until = (count: number) => eventually(() => leased().size === count, { timeoutMs: 30_000 });
    const end = async (ids: readonly string[]): Promise<void> => {
      const orders = leased();
      const reports = ids.flatMap((id) => {
        const lease = orders.get(id);
        return lease ? [startedReport(lease), endedReport(lease)] : [];
      });
      for (let from = 0; from < reports.length; from += 500)
        await one.report('n1', 1, ...reports.slice(from, from + 500));
    };
    await until(1_000);
    expect(leased().has('middle')).toBe(false);
    await end(before.slice(1));
    expect(leased().has('middle')).toBe(false);
    await end(before.slice(0, 1));
    await until(1_001);
    await end(['middle']);
    await until(2_001);
    expect(one.leases()).toHaveLength(2_001);
    // Ends that decide nothing leave no trace: the edges are in the log twice, as they were asked for and as they were met.
    const events = await one.taskEvents('middle');
    expect(events.filter(({ type }) => type === 'DependenciesFulfilled')).toHaveLength(1);
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual(inOrder);
    expect((await one.typesOf('out-999')).slice(0, 3)).toEqual(inOrder);
    expect(one.leadership?.view.dependencies.size).toBe(0);
  }, 60_000);
});
