import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RPC } from '@fornax/contracts';
import { NATS } from '@fornax/service-kit';
import { aLease, anEnd } from '@fornax/testing';
import type { Nats } from '@fornax/event-store';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({}, { commitsAt: 'event' });
}, 120_000);
afterAll(() => harness.close());

const waiting = async (id: string, query = ''): Promise<Record<string, unknown>> =>
  (await harness.call('GET', `/fornax/v1/tasks/${id}/waiting${query}`)).json();

describe('why a task waits', () => {
  it('is known from the log while nobody schedules, also for a moment of the past', async () => {
    const id = await submitTo(harness, { instanceCount: 1 });
    const [first] = await harness.log.readAggregate('task', id);
    const at = first?.at ?? 0;
    await harness.happen(id, {
      type: 'WaitingReasonChanged',
      reason: 'no-node',
      detail: 'no node is online',
      at: at + 1_000,
    });
    await harness.happen(id, { type: 'WaitingReasonChanged', reason: 'fleet-full', detail: null, at: at + 5_000 });
    expect(await waiting(id)).toMatchObject({
      taskId: id,
      state: 'Submitted',
      waiting: 1,
      reason: 'fleet-full',
      since: new Date(at).toISOString(),
      source: 'log',
      text: 'No scheduler answers just now, so nothing is started. As it was recorded last: 1 instance of 1 waits: the nodes that fit are busy.',
      dependsOn: [],
      history: [{ reason: 'no-node' }, { reason: 'fleet-full' }],
    });
    expect(await waiting(id, `?asOf=${new Date(at + 2_000).toISOString()}`)).toMatchObject({
      reason: 'no-node',
      detail: 'no node is online',
      text: '1 instance of 1 waits: no node is there to run anything (no node is online).',
    });
    await harness.happen(id, { type: 'InstancesDispatched', leases: [aLease(0)], at: at + 6_000 });
    expect(await waiting(id)).toMatchObject({
      waiting: 0,
      reason: null,
      since: null,
      text: expect.stringContaining('Nothing waits'),
    });
    await harness.happen(id, { type: 'InstancesConcluded', attempts: [anEnd(0)], at: at + 7_000 });
    expect(await waiting(id)).toMatchObject({ state: 'Success', text: 'Nothing waits: the task is over (Success).' });
    expect((await harness.call('GET', `/fornax/v1/tasks/${id}/waiting?asOf=0`)).status).toBe(404);
    expect((await harness.call('GET', `/fornax/v1/tasks/${id}/waiting?asOf=soon`)).status).toBe(400);
    expect((await harness.call('GET', '/fornax/v1/tasks/nobody/waiting')).status).toBe(404);
  });

  it('is asked of the scheduler while it answers', async () => {
    const id = await submitTo(harness, { instanceCount: 2 });
    const nats = harness.test.app.get<Nats>(NATS);
    const since = Date.UTC(2026, 0, 1);
    const reply = {
      known: true,
      taskId: id,
      owner: '?',
      waiting: 2,
      reason: 'quota',
      detail: 'full',
      waitingSince: since,
    };
    const subscription = nats.subscribe(RPC.waiting, {
      callback: (_, message) => void message.respond(JSON.stringify({ ok: reply })),
    });
    await nats.flush();
    expect(await waiting(id)).toMatchObject({
      source: 'scheduler',
      reason: 'quota',
      detail: 'full',
      since: '2026-01-01T00:00:00.000Z',
      waiting: 2,
    });
    subscription.unsubscribe();
  });

  it('is nobody else’s business', async () => {
    const id = await submitTo(harness);
    const token = await harness.addAccount();
    expect((await harness.call('GET', `/fornax/v1/tasks/${id}/waiting`, undefined, { token })).status).toBe(404);
  });
});
