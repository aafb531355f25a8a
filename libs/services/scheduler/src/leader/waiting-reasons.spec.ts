import { expect, it } from '@jest/globals';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { aCommit, nodeJoined, submitted } from '@fornax/testing';
import type { ReasonChange } from '../view/reason-changes.js';
import { SchedulerView } from '../view/scheduler-view.js';
import { poolCreated } from './leader-pools.fixture.js';
import { WaitingReasons } from './waiting-reasons.js';

const SUBMITTED_AT = 1_000;
const at = (sequence: number, aggregate: RecordedCommit['aggregate'], aggregateId: string, event: FornaxEvent) => ({
  ...aCommit(`c-${sequence}`, [event]),
  at: SUBMITTED_AT,
  sequence,
  aggregate,
  aggregateId,
});
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const withTasks = (now: number, isHeld = false) => {
  const view = new SchedulerView();
  view.fold(at(1, 'node', 'node-1', nodeJoined('node-1', { cores: 2 })));
  view.fold(at(2, 'task', 'fits', submitted('fits')));
  view.fold(at(3, 'task', 'too-large', submitted('too-large', { request: { cores: 64, memoryMB: 1 } })));
  const recorded: ReasonChange[] = [];
  const reasons = new WaitingReasons({
    view,
    writer: {
      isBusy: (taskId) => taskId === 'busy',
      recordReason: (change) => Promise.resolve(void recorded.push(change)),
    },
    now: () => now,
    isHeld: () => isHeld,
    logger,
    signal: new AbortController().signal,
  });
  reasons.record();
  return { view, reasons, recorded };
};

it('records why a task waits, and takes no room for those that could be placed', () => {
  const { view, reasons, recorded } = withTasks(SUBMITTED_AT + 2_000);
  expect(recorded.map(({ taskId, reason }) => [taskId, reason])).toEqual([['too-large', 'no-node-fits']]);
  expect(reasons.of('too-large')?.reason).toBe('no-node-fits');
  expect(reasons.of('fits')).toBeUndefined();
  expect([view.leases.size, view.queue.has('fits')]).toEqual([0, true]);
});

it('leaves short waits alone', () => {
  const short = withTasks(SUBMITTED_AT + 10);
  expect([short.recorded, short.reasons.of('too-large')?.reason]).toEqual([[], 'no-node-fits']);
});

it('gives all tasks one reason while nothing may be placed because the log has lost commits', () => {
  const held = withTasks(SUBMITTED_AT + 2_000, true);
  expect(held.recorded.map(({ taskId, reason }) => [taskId, reason])).toEqual([
    ['fits', 'settling'],
    ['too-large', 'settling'],
  ]);
  expect(held.reasons.of('fits')).toMatchObject({ reason: 'settling', detail: expect.stringContaining('given up') });
  expect(held.reasons.of('unknown')).toBeUndefined();
});

it('says of a task in a pool that no node fits the slots, as long as that is so', () => {
  const { view, reasons, recorded } = withTasks(SUBMITTED_AT + 2_000);
  recorded.length = 0;
  view.fold(at(4, 'pool', 'p', poolCreated({ request: { cores: 64, memoryMB: 1 } })));
  const [opened, closed] = ['0', ''];
  view.fold(at(5, 'pool', 'p', { type: 'PoolResized', opened, closed, policyName: null, at: SUBMITTED_AT }));
  view.fold(at(6, 'task', 'in-pool', submitted('in-pool', { poolUuid: 'p' })));
  reasons.record();
  expect(reasons.of('in-pool')).toMatchObject({ reason: 'no-node-fits', detail: expect.stringContaining('its pool') });
  expect(recorded.map(({ taskId, reason }) => [taskId, reason])).toContainEqual(['in-pool', 'no-node-fits']);
  view.fold(at(7, 'pool', 'p', { type: 'PoolResized', opened: '', closed: '0', policyName: null, at: SUBMITTED_AT }));
  reasons.record();
  expect(reasons.of('in-pool')?.reason).toBe('pool-busy');
});
