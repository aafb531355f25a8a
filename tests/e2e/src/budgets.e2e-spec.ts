import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownBudgetSchema, type WireOwnBudget } from '@fornax/contracts';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';

/** What a GHz·core·hour costs here, so that a second of a core is worth cents. */
const DEAR = '100';
const CORES = 2;
const LONG = { timeoutMs: 60_000 };

describe('a budget of the policy BlockNew', () => {
  let platform: RunningPlatform;
  beforeAll(async () => {
    platform = await startPlatform({ env: { FORNAX_NODE_CORES: String(CORES), FORNAX_NODE_LEASES_AHEAD: '0' } });
  });
  afterAll(() => platform?.stop());

  const send = async (method: string, path: string, body?: object) => {
    const headers = { authorization: platform.token, ...(body ? { 'content-type': 'application/json' } : {}) };
    const answer = await fetch(`${platform.apiUrl}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> };
  };
  const task = (instanceCount: number) => ({
    name: 'spends',
    profile: 'docker-batch',
    instanceCount,
    constants: [{ key: 'DOCKER_CMD', value: 'sleep 0.5' }],
  });

  it('stops what waits, refuses what is new, is overrun by no more than is said, and lets go when it is raised', async () => {
    const plans = { flex: DEAR, onDemand: DEAR, reserved: DEAR };
    const prices = { currency: 'EUR', work: plans, hardware: [{ match: '', ...plans }] };
    expect((await send('POST', '/fornax/v1/billing/prices', prices)).status).toBe(200);
    const [project] = (await send('GET', '/fornax/v1/me/projects')).body as unknown as { readonly uuid: string }[];
    const body = { project: project?.uuid, amount: '0.50', policy: 'BlockNew', thresholds: [50] };
    const { uuid } = ownBudgetSchema.parse((await send('POST', '/fornax/v1/billing/budgets', body)).body);
    const budget = async (): Promise<WireOwnBudget> =>
      ownBudgetSchema.parse((await send('GET', `/fornax/v1/billing/budgets/${uuid}`)).body);

    const submitted = await send('POST', '/tasks', task(2_000));
    const id = String(submitted.body['uuid']);
    await eventually(async () => (await budget()).isExhausted, LONG);
    expect(await send('POST', '/tasks', task(1))).toMatchObject({ status: 402 });
    const path = `/fornax/v1/tasks/${id}/waiting`;
    await eventually(async () => (await send('GET', path)).body['reason'] === 'budget-exhausted', LONG);
    // What was running ends, and nothing else begins.
    const running = async (): Promise<unknown> => (await send('GET', `/tasks/${id}`)).body['runningInstanceCount'];
    await eventually(async () => (await running()) === 0, LONG);
    const { consumedAmountInCents: consumed, totalAmountInCents: total } = await budget();
    const [line] = (await send('GET', `/fornax/v1/billing/tasks/${id}/lines?limit=1`)).body['lines'] as {
      readonly ghz: number;
    }[];
    // All cores for the seconds that the guide names, and as many more for this machine, which does other things as well.
    const centsPerSecond = (Number(DEAR) * 100 * CORES * Number(line?.ghz)) / 3_600;
    expect(consumed).toBeGreaterThanOrEqual(total);
    expect(consumed - total).toBeLessThan(centsPerSecond * 8);
    expect(await running()).toBe(0);
    expect((await budget()).consumedAmountInCents).toBe(consumed);

    const raised = { amount: '1000' };
    expect((await send('PATCH', `/fornax/v1/billing/budgets/${uuid}`, raised)).body).toMatchObject({
      isExhausted: false,
    });
    await eventually(async () => Number(await running()) > 0, LONG);
    expect((await send('POST', '/tasks', task(1))).status).toBe(200);
  });
});
