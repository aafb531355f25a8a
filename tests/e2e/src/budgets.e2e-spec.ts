import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownBudgetSchema, type WireOwnBudget } from '@fornax/contracts';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';
import { startListener } from './canary/listener.js';

/** What a GHz·core·hour costs here, so that a second of a core is worth cents. */
const DEAR = '100';
const CORES = 2;
const LONG = { timeoutMs: 60_000 };
const GRACE_S = 20;

describe('a budget', () => {
  let platform: RunningPlatform;
  let receiver: Awaited<ReturnType<typeof startListener>>;
  beforeAll(async () => {
    receiver = await startListener();
    platform = await startPlatform({
      env: {
        FORNAX_NODE_CORES: String(CORES),
        FORNAX_NODE_LEASES_AHEAD: '0',
        FORNAX_BUDGET_STOP_GRACE_S: String(GRACE_S),
        FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:*',
      },
    });
    const plans = { flex: DEAR, onDemand: DEAR, reserved: DEAR };
    const prices = { currency: 'EUR', work: plans, hardware: [{ match: '', ...plans }] };
    expect((await send('POST', '/fornax/v1/billing/prices', prices)).status).toBe(200);
  });
  afterAll(async () => {
    await receiver?.close();
    await platform?.stop();
  });

  const send = async (method: string, path: string, body?: object) => {
    const headers = { authorization: platform.token, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${platform.apiUrl}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    return { status: answer.status, body: JSON.parse(text || '{}') as Readonly<Record<string, unknown>> };
  };
  const task = (instanceCount: number) => ({
    name: 'spends',
    profile: 'docker-batch',
    instanceCount,
    constants: [{ key: 'DOCKER_CMD', value: 'sleep 0.5' }],
  });

  const made = async (body: object): Promise<{ readonly project: string; readonly uuid: string }> => {
    const project = String((await send('POST', '/fornax/v1/me/projects', { name: crypto.randomUUID() })).body['uuid']);
    const answer = await send('POST', '/fornax/v1/billing/budgets', { project, ...body });
    return { project, uuid: ownBudgetSchema.parse(answer.body).uuid };
  };
  const budgetOf = async (uuid: string): Promise<WireOwnBudget> =>
    ownBudgetSchema.parse((await send('GET', `/fornax/v1/billing/budgets/${uuid}`)).body);
  /** All cores for a second, in cents. */
  const centsPerSecond = async (task: string): Promise<number> => {
    const [line] = (await send('GET', `/fornax/v1/billing/tasks/${task}/lines?limit=1`)).body['lines'] as {
      readonly ghz: number;
    }[];
    return (Number(DEAR) * 100 * CORES * Number(line?.ghz)) / 3_600;
  };

  it('of the policy BlockNew stops what waits, refuses what is new, is overrun by no more than is said, and lets go when it is raised', async () => {
    const { project, uuid } = await made({ amount: '0.50', policy: 'BlockNew', thresholds: [50] });
    const budget = (): Promise<WireOwnBudget> => budgetOf(uuid);

    const submitted = await send('POST', '/tasks', { ...task(2_000), projectUuid: project });
    const id = String(submitted.body['uuid']);
    await eventually(async () => (await budget()).isExhausted, LONG);
    expect(await send('POST', '/tasks', { ...task(1), projectUuid: project })).toMatchObject({ status: 402 });
    const path = `/fornax/v1/tasks/${id}/waiting`;
    await eventually(async () => (await send('GET', path)).body['reason'] === 'budget-exhausted', LONG);
    // What was running ends, and nothing else begins.
    const running = async (): Promise<unknown> => (await send('GET', `/tasks/${id}`)).body['runningInstanceCount'];
    await eventually(async () => (await running()) === 0, LONG);
    const { consumedAmountInCents: consumed, totalAmountInCents: total } = await budget();
    // All cores for the seconds that the guide names, and as many more for this machine, which does other things as well.
    expect(consumed).toBeGreaterThanOrEqual(total);
    expect(consumed - total).toBeLessThan((await centsPerSecond(id)) * 8);
    expect(await running()).toBe(0);
    expect((await budget()).consumedAmountInCents).toBe(consumed);

    const raised = { amount: '1000' };
    expect((await send('PATCH', `/fornax/v1/billing/budgets/${uuid}`, raised)).body).toMatchObject({
      isExhausted: false,
    });
    await eventually(async () => Number(await running()) > 0, LONG);
    expect((await send('POST', '/tasks', { ...task(1), projectUuid: project })).status).toBe(200);
    expect((await send('POST', `/tasks/${id}/abort`)).status).toBe(200);
  });

  it('of the policy StopAndBlockAll tells its thresholds, saves and stops what runs, and is overrun by no more than is said', async () => {
    const { project, uuid } = await made({ amount: '0.50', policy: 'StopAndBlockAll', thresholds: [50] });
    const types = ['BudgetThresholdReached', 'BudgetExhausted', 'TaskCancelRequested'];
    expect((await send('POST', '/fornax/v1/webhooks', { url: receiver.url, types })).status).toBe(200);
    const buckets = { resultBucket: 'results', snapshotBucket: 'saved' };
    const endless = { ...task(CORES), ...buckets, projectUuid: project };
    const constants = [{ key: 'DOCKER_CMD', value: `sh -c 'echo so far > state; sleep 1000'` }];
    const submitted = await send('POST', '/tasks', { ...endless, constants });
    expect(submitted).toMatchObject({ status: 200 });
    const id = String(submitted.body['uuid']);
    const read = async () => (await send('GET', `/tasks/${id}`)).body;
    const ENDED = ['Cancelled', 'Failure', 'Success'];
    await eventually(async () => ENDED.includes(String((await read())['state'])), { timeoutMs: 90_000 }).catch(
      async (cause: unknown) => {
        const said = { task: await read(), budget: await budgetOf(uuid) };
        throw new Error(JSON.stringify(said), { cause });
      },
    );
    expect(await read()).toMatchObject({ state: 'Cancelled' });
    expect((await read())['errors']).toMatchObject([{ code: 'FX-BUDGET' }]);
    const snapshots = (await send('GET', `/fornax/v1/snapshots?task=${id}`)).body['snapshots'];
    expect(snapshots).toMatchObject([{ status: 'success' }]);
    const events = (await send('GET', `/fornax/v1/tasks/${id}/events`)).body['events'];
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'TaskCancelRequested', data: { because: 'budget-exhausted' } }),
    );
    const { consumedAmountInCents: consumed, totalAmountInCents: total, isExhausted } = await budgetOf(uuid);
    expect(isExhausted).toBe(true);
    expect(consumed).toBeGreaterThanOrEqual(total);
    expect(consumed - total).toBeLessThan((await centsPerSecond(id)) * (GRACE_S + 8));
    expect((await send('POST', '/tasks', { ...endless, constants })).status).toBe(402);
    const told = (): readonly (string | undefined)[] =>
      [
        ...receiver
          .heard()
          .toString()
          .matchAll(/"type":"(\w+)"/g),
      ].map(([, type]) => type);
    await eventually(() => Promise.resolve(types.every((type) => told().includes(type))), LONG);
    expect(told().indexOf('BudgetThresholdReached')).toBeLessThan(told().indexOf('BudgetExhausted'));
  });
});
