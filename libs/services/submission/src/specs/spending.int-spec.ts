import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SpendingEvent } from '@fornax/domain';
import { startReceiver, type Receiver } from '@fornax/notify/specs';
import { aCommit, eventually } from '@fornax/testing';
import { minimal, startHarness, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
let receiver: Receiver;
let me: string;
beforeAll(async () => {
  harness = await startHarness({ FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*' });
  receiver = await startReceiver();
  const projects = (await harness.call('GET', '/fornax/v1/me/projects')).json() as unknown as {
    readonly uuid: string;
  }[];
  me = String(projects[0]?.uuid);
}, 120_000);
afterAll(async () => {
  await receiver?.close();
  await harness?.close();
});

/** What billing says, with nobody of it here: nothing but the log tells submission. */
const say = async (id: string, ...events: readonly SpendingEvent[]): Promise<void> => {
  const last = (await harness.log.readAggregate('spending', id)).at(-1)?.sequence ?? 0;
  await harness.log.append('spending', id, aCommit(randomUUID(), events), last);
};
const pool = { name: 'pool', profile: 'docker-batch', instanceCount: 1 };
const exhausted = { policy: 'BlockNew', consumedMicros: 10_000, totalMicros: 10_000, at: 1 } as const;
const until = (status: number, path: string, body: object): Promise<Answer> =>
  eventually(async () => {
    const answer = await harness.call('POST', path, body);
    return answer.status === status ? answer : undefined;
  });

describe('while credits or a budget are used up', () => {
  it('tasks, pools and tasks of a list are refused with 402, and the clients do not take it for another refusal', async () => {
    await say(me, { type: 'CreditsExhausted', accountId: me, consumedMicros: 5, remainingMicros: 0, at: 1 });
    const refused = await until(402, '/tasks', minimal);
    expect(refused.text).toContain('Not enough credits');
    expect(refused.text).not.toMatch(/hardware constraint/i);
    expect((await harness.call('POST', '/pools', pool)).status).toBe(402);
    const bulk = await harness.call('POST', '/tasks', [minimal]);
    expect(bulk.json()).toMatchObject([{ statusCode: 402 }]);
    await say(me, { type: 'CreditsRestored', accountId: me, at: 2 });
    await until(200, '/tasks', minimal);
    expect((await harness.call('POST', '/pools', pool)).status).toBe(200);
  });

  it('only its project is held back, by policies that hold back', async () => {
    const other = (await harness.call('POST', '/fornax/v1/me/projects', { name: 'Other' })).json()['uuid'];
    const about = { budgetId: 'b1', projectId: String(other) };
    await say('b1', { type: 'BudgetExhausted', ...about, ...exhausted });
    await until(402, '/tasks', { ...minimal, projectUuid: other });
    expect((await harness.call('POST', '/pools', { ...pool, projectUuid: other })).status).toBe(402);
    expect((await harness.call('POST', '/tasks', minimal)).status).toBe(200);
    await say('b1', { type: 'BudgetReleased', ...about, at: 2 });
    await until(200, '/tasks', { ...minimal, projectUuid: other });
    await say('b1', { type: 'BudgetExhausted', ...about, ...exhausted, policy: 'AlertOnly' });
    expect((await harness.call('POST', '/tasks', { ...minimal, projectUuid: other })).status).toBe(200);
  });

  it('webhooks of the account are told of thresholds and of the end', async () => {
    const types = ['BudgetThresholdReached', 'BudgetExhausted'];
    const made = await harness.call('POST', '/fornax/v1/webhooks', { url: receiver.url, types });
    expect(made.status).toBe(200);
    const about = { budgetId: 'b2', projectId: me };
    const terms = { alias: '', totalMicros: 10_000, policy: 'AlertOnly', until: null, thresholds: [80] } as const;
    await say('b2', { type: 'BudgetCreated', ...about, owner: me, from: 0, ...terms, at: 1 });
    const reached = { percent: 80, consumedMicros: 8_000, totalMicros: 10_000, at: 2 };
    await say('b2', { type: 'BudgetThresholdReached', ...about, ...reached });
    await say('b2', { type: 'BudgetExhausted', ...about, ...exhausted, policy: 'AlertOnly' });
    await eventually(() => Promise.resolve(receiver.taken.length === 2));
    expect(receiver.taken.map(({ type, data }) => ({ type, data }))).toMatchObject([
      { type: 'BudgetThresholdReached', data: { aggregate: 'spending', data: { percent: 80, budgetId: 'b2' } } },
      { type: 'BudgetExhausted' },
    ]);
  });
});
