import { expect, it } from '@jest/globals';
import { nodeJoined, submitted } from '@fornax/domain/specs';
import { eventually } from '@fornax/testing';
import { poolCreated } from './leader-pools.fixture.js';
import { rig, startedReport } from './leader-rig.fixture.js';

const exhausted = {
  type: 'BudgetExhausted',
  budgetId: 'b',
  projectId: 'spent',
  policy: 'BlockNew',
  consumedMicros: 2,
  totalMicros: 2,
  at: 2,
} as const;

it('a task in a pool starts nothing while its project is held back, and others in the pool do', async () => {
  const one = await rig().lead();
  await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 2, slots: true }));
  await one.append('pool', 'p', 0, poolCreated({ size: { type: 'fixed', nodes: 2 } }));
  await eventually(() => one.leases().length === 2);
  await one.report('n1', 1, ...one.leases().map(startedReport));
  const sequence = await one.append('spending', 'b', 0, exhausted);
  await one.append('task', 'held', 0, submitted('held', { instances: '0', poolUuid: 'p', projectUuid: 'spent' }));
  await one.append('task', 'starts', 0, submitted('starts', { instances: '0', poolUuid: 'p', projectUuid: 'other' }));
  await eventually(() => one.leases().length > 2);
  expect(one.leases()[2]?.taskId).toBe('starts');
  expect(one.leadership?.reasons.of('held')).toMatchObject({ reason: 'budget-exhausted' });

  await one.append('spending', 'b', sequence, { type: 'BudgetReleased', budgetId: 'b', projectId: 'spent', at: 3 });
  await eventually(() => one.leases().length === 4);
  expect(one.leases()[3]?.taskId).toBe('held');
});

it('what a budget holds back starts when the time of the budget is over, though nobody says so', async () => {
  const one = await rig().lead();
  await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 2 }));
  await one.append('spending', 'b', 0, { ...exhausted, until: one.now + 200 });
  await one.append('task', 'held', 0, submitted('held', { instances: '0', projectUuid: 'spent' }));
  await eventually(() => one.leadership?.reasons.of('held')?.reason === 'budget-exhausted');
  expect(one.leases()).toEqual([]);
  one.now += 200;
  await eventually(() => one.leases().length === 1);
});
