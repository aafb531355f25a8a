import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { creditsOfAccountSchema, ownBudgetSchema } from '@fornax/contracts';
import type { SpendingEvent } from '@fornax/domain';
import { getDataSourceToken } from '@nestjs/typeorm';
import { ProjectionHost } from '@fornax/service-kit';
import { createTestApp } from '@fornax/service-kit/specs';
import { aLease, anEnd, aRef, concluded, dispatched, eventually, nodeJoined, submitted } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { billingRig, type BillingRig } from './billing-rig.fixture.js';
import { BillingModule } from './index.js';
import { readLimits } from './projections/spending-rows.js';
import { SpendingLook } from './spending/spending-watch.js';

const HOUR_MS = 3_600_000;
const API = '/fornax/v1/billing';

describe('credits and budgets', () => {
  let rig: BillingRig;
  beforeAll(async () => {
    rig = await billingRig({ FORNAX_BILLING_WATCH_MS: '100', FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: '2000' });
    for (const id of ['ada', 'bob', 'carl']) await rig.account(id);
    await rig.account('op', 'operator');
    await rig.append('node', 'node-1', [nodeJoined('node-1', { ghz: 2.5 })]);
  }, 120_000);
  afterAll(() => rig?.close());

  let tasks = 0;
  /** A cent. */
  const anHour = async (owner: string, projectUuid = owner, at = Date.now() - HOUR_MS): Promise<void> => {
    const id = `spent-${(tasks += 1)}`;
    const end = anEnd(0, { startedAt: at, endedAt: at + HOUR_MS });
    await rig.append('task', id, [submitted(id, { projectUuid }, owner)], [dispatched(aLease(0))], [concluded(end)]);
  };
  const runs = async (owner: string, startedAt = Date.now() - HOUR_MS): Promise<string> => {
    const id = `running-${(tasks += 1)}`;
    const start = { type: 'InstancesStarted', leases: [{ ...aRef(0), startedAt }], at: startedAt } as const;
    const spec = { projectUuid: owner };
    await rig.append('task', id, [submitted(id, spec, owner)], [dispatched({ ...aLease(0), node: 'node-1' })], [start]);
    return id;
  };
  const told = async (id: string): Promise<readonly SpendingEvent[]> =>
    (await rig.log.readAggregate('spending', id)).flatMap(({ events }) => events as readonly SpendingEvent[]);
  const typesOf = async (id: string): Promise<readonly string[]> => (await told(id)).map(({ type }) => type);
  const untilTold = (id: string, type: string) =>
    eventually(async () => (await told(id)).find((event) => event.type === type));
  const book = (account: string, body: object, token = 'op-token') =>
    rig.send(`${API}/accounts/${account}/credits`, { token, body });

  it('leave an account alone that was never granted anything', async () => {
    await anHour('bob');
    const { body } = await rig.get(`${API}/accounts/me/credits`, 'bob-token');
    expect(body).toMatchObject({
      isUnlimited: true,
      isExhausted: false,
      consumed: '0.01',
      remaining: null,
      entries: [],
    });
    expect(await rig.get('/credits/v1/accounts/credits', 'bob-token')).toMatchObject({ body: { credits: 999.99 } });
  });

  it('are granted, charged and adjusted by operators alone, each entry once, and are used up by what runs', async () => {
    await anHour('ada');
    expect(await book('ada', { kind: 'grant', amount: '1' }, 'ada-token')).toMatchObject({ status: 403 });
    expect(await book('nobody', { kind: 'grant', amount: '1' })).toMatchObject({ status: 404 });
    expect(await book('ada', { kind: 'charge', amount: '1' })).toMatchObject({ status: 400 });
    for (const amount of ['-1', '0', 'x', 1])
      expect(await book('ada', { kind: 'grant', amount })).toMatchObject({ status: 400 });
    const id = '0198a000-0000-7000-8000-0000000000aa';
    for (let time = 0; time < 2; time += 1)
      expect(await book('ada', { kind: 'grant', amount: '0.02', note: 'first', id })).toMatchObject({ status: 200 });
    expect(await book('ada', { kind: 'grant', amount: '0.03', id })).toMatchObject({ status: 409 });
    expect(await book('ada', { kind: 'charge', amount: '0.004' })).toMatchObject({ status: 200 });
    const { body } = await book('ada', { kind: 'adjustment', amount: '-0.001' });
    // What was used before the first grant is not taken from it.
    expect(creditsOfAccountSchema.parse(body)).toMatchObject({
      isUnlimited: false,
      consumed: '0.01',
      remaining: '0.015',
      entries: [{ id, kind: 'grant', amount: '0.02', note: 'first' }, { amount: '-0.004' }, { amount: '-0.001' }],
    });
    expect(await rig.get('/credits/v1/accounts/credits')).toMatchObject({ body: { credits: 0.015 } });
    expect(await rig.get(`${API}/accounts/ada/credits`, 'bob-token')).toMatchObject({ status: 404 });

    await anHour('ada');
    await runs('ada');
    const exhausted = await untilTold('ada', 'CreditsExhausted');
    expect(exhausted).toMatchObject({ consumedMicros: expect.any(Number) });
    expect((await book('ada', { kind: 'grant', amount: '100' })).body).toMatchObject({ isExhausted: false });
    expect((await typesOf('ada')).slice(-2)).toEqual(['CreditsGranted', 'CreditsRestored']);
  });

  it('say what is wrong with an amount or an alias', async () => {
    const wrong = async (change: object): Promise<unknown> =>
      (await rig.send(`${API}/budgets`, { token: 'op-token', body: { project: 'carl', amount: '1', ...change } })).body;
    const digits = 'an amount with at most nine digits before the point and at most six decimals.';
    for (const amount of ['', '1234567890', '1.0000001', 'x'])
      expect(await wrong({ amount })).toMatchObject({ errors: { amount: [`The value must be ${digits}`] } });
    expect(await wrong({ amount: '-1' })).toMatchObject({ errors: { amount: ['The value must not be negative.'] } });
    expect(await wrong({ alias: 'half \ud800' })).toMatchObject({
      errors: { alias: [expect.stringContaining('half of a character')] },
    });
  });

  it('know a project that was made a moment ago by another process', async () => {
    for (let time = 0; time < 20; time += 1) {
      const projectId = crypto.randomUUID();
      const made = { type: 'ProjectCreated', projectId, ownerId: 'carl', ownerKind: 'account' } as const;
      await rig.append('account', 'carl', [
        { ...made, name: projectId, slug: projectId, description: '', at: Date.now() },
      ]);
      const body = { project: projectId, amount: '1' };
      expect(await rig.send(`${API}/budgets`, { token: 'op-token', body })).toMatchObject({ status: 200 });
    }
    const begun = performance.now();
    expect(
      await rig.send(`${API}/budgets`, { token: 'op-token', body: { project: 'nothing', amount: '1' } }),
    ).toMatchObject({ status: 404 });
    // It is known to be nobody's, and not only unknown for as long as somebody waits.
    expect(performance.now() - begun).toBeLessThan(1_500);
  });

  it('are budgets of projects, whose thresholds and end are told once, in order', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const body = { project: 'carl', amount: '0.04', policy: 'BlockNew', alias: 'Q1', from: '2026-01-01' };
    expect(await rig.send(`${API}/budgets`, { token: 'carl-token', body })).toMatchObject({ status: 403 });
    expect(await rig.send(`${API}/budgets`, { token: 'op-token', body: { ...body, project: 'x' } })).toMatchObject({
      status: 404,
    });
    await anHour('carl', 'carl', Date.parse('2025-12-31T23:30:00Z'));
    await anHour('carl', 'carl', Date.parse('2026-01-01T00:00:00Z'));
    const made = await rig.send(`${API}/budgets`, { token: 'op-token', body });
    const budget = ownBudgetSchema.parse(made.body);
    expect(budget).toMatchObject({
      consumedAmountInCents: 1,
      totalAmountInCents: 4,
      remainingAmountInCents: 3,
      startDateUtc: expect.stringContaining('2026-01-01T00:00:00'),
      budgetOverrunPolicy: 'BlockNew',
      isArchived: false,
      isActive: true,
      isExhausted: false,
      thresholds: [50, 80, 95],
    });
    await anHour('carl');
    await untilTold(budget.uuid, 'BudgetThresholdReached');
    await anHour('carl');
    await runs('carl');
    await untilTold(budget.uuid, 'BudgetExhausted');
    expect((await told(budget.uuid)).map((event) => ('percent' in event ? event.percent : event.type))).toEqual([
      'BudgetCreated',
      50,
      80,
      95,
      'BudgetExhausted',
    ]);
    const list = (query: string, token = 'carl-token') => rig.get(`/credits/v1/projects/carl/budgets${query}`, token);
    expect(await list('')).toMatchObject({
      status: 200,
      body: { budgets: [{ uuid: budget.uuid, remainingAmountInCents: 0 }] },
    });
    expect(await list('', 'bob-token')).toEqual({ status: 404, body: { message: 'No such project: carl' } });

    const change = async (method: string, patch?: object): Promise<unknown> => {
      const response = await fetch(`${rig.service.url}${API}/budgets/${budget.uuid}`, {
        method,
        headers: { authorization: 'op-token', ...(patch ? { 'content-type': 'application/json' } : {}) },
        ...(patch ? { body: JSON.stringify(patch) } : {}),
      });
      return response.json();
    };
    expect(await change('PATCH', { amount: '10', until: '2099-01-01' })).toMatchObject({
      isExhausted: false,
      isActive: true,
    });
    expect(await list('?activeOnly=True')).toMatchObject({
      body: { budgets: [{ expirationDateUtc: expect.any(String) }] },
    });
    expect(await change('PATCH', { until: today })).toMatchObject({ isActive: false });
    expect(await list('?activeOnly=true')).toMatchObject({ body: { budgets: [] } });
    expect(await change('DELETE')).toMatchObject({ isArchived: true });
    expect(await list('?activeOnly=False')).toMatchObject({ body: { budgets: [{ isArchived: true }] } });
  });

  it('are made once by a request that is sent again under its key, also when its answer was lost', async () => {
    const body = { project: 'carl', amount: '7', policy: 'StopAndBlockAll', alias: 'once' };
    const create = async (key: string, more: object = {}) => {
      const response = await fetch(`${rig.service.url}${API}/budgets`, {
        method: 'POST',
        headers: { authorization: 'op-token', 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ ...body, ...more }),
      });
      return { status: response.status, uuid: ((await response.json()) as { readonly uuid?: string }).uuid };
    };
    const [first, beside] = await Promise.all([create('k1'), create('k1')]);
    expect(first).toMatchObject({ status: 200 });
    expect([beside, await create('k1')]).toEqual([first, first]);
    expect(await create('k1', { amount: '8' })).toMatchObject({ status: 409 });
    // The process ended before it could keep its answer.
    await rig.service.app.get<DataSource>(getDataSourceToken('billing')).query('DELETE FROM idempotency_key');
    expect(await create('k1')).toEqual(first);
    expect((await create('k2')).uuid).not.toBe(first.uuid);
    const { body: listed } = await rig.get(`${API}/budgets?project=carl`, 'op-token');
    expect((listed as readonly { readonly alias: string }[]).filter(({ alias }) => alias === 'once')).toHaveLength(2);
    expect(await typesOf(String(first.uuid))).toEqual(['BudgetCreated']);
  });

  it('are told of once where several processes watch', async () => {
    await rig.account('emil');
    const twin = await createTestApp(BillingModule, { env: rig.env, name: 'billing' });
    try {
      const made = await rig.send(`${API}/budgets`, {
        token: 'op-token',
        body: { project: 'emil', amount: '0.02', policy: 'BlockNew', thresholds: [50] },
      });
      const { uuid } = ownBudgetSchema.parse(made.body);
      await book('emil', { kind: 'grant', amount: '0.02' });
      const looks = [rig.service, twin].map(({ app }) => app.get(SpendingLook));
      await anHour('emil');
      await untilTold(uuid, 'BudgetThresholdReached');
      await anHour('emil');
      await untilTold(uuid, 'BudgetExhausted');
      await untilTold('emil', 'CreditsExhausted');
      for (let round = 0; round < 5; round += 1) await Promise.allSettled(looks.map((look) => look.once()));
      expect(await typesOf(uuid)).toEqual(['BudgetCreated', 'BudgetThresholdReached', 'BudgetExhausted']);
      expect(await typesOf('emil')).toEqual(['CreditsGranted', 'CreditsExhausted']);
    } finally {
      await twin.close();
    }
  }, 60_000);

  it('are not restored by an attempt that is on no node any more and not in the ledger yet', async () => {
    await rig.account('dora');
    const id = await runs('dora');
    await book('dora', { kind: 'grant', amount: '0.01' });
    const startedAt = Date.now() - 2 * HOUR_MS;
    const second = await runs('dora', startedAt);
    await untilTold('dora', 'CreditsExhausted');
    const db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    const look = rig.service.app.get(SpendingLook);
    const onNodes = async (): Promise<number> =>
      (await db.query<unknown[]>('SELECT FROM running_attempt WHERE task_id = ANY($1)', [[id, second]])).length;
    await db.transaction(async (tx) => {
      // The ledger can be read, and cannot be written.
      await tx.query('LOCK TABLE month_usage IN SHARE MODE');
      const end = anEnd(0, { startedAt, endedAt: startedAt + 2 * HOUR_MS });
      await rig.append('task', second, [concluded(end)]);
      await eventually(async () => (await onNodes()) === 1);
      const [looked] = await Promise.allSettled([look.once()]);
      expect(await typesOf('dora')).toEqual(['CreditsGranted', 'CreditsExhausted']);
      expect(looked).toMatchObject({ status: 'rejected', reason: { code: 'ledger-behind' } });
    });
    expect((await rig.get(`${API}/accounts/me/credits`, 'dora-token')).body).toMatchObject({ isExhausted: true });
    await look.once();
    expect(await typesOf('dora')).toEqual(['CreditsGranted', 'CreditsExhausted']);
  });

  it('are the same when they are folded anew', async () => {
    const host = rig.service.app.get(ProjectionHost);
    for (const name of ['spending', 'ledger'])
      expect(await host.runner(name).rebuild({ verify: true })).toMatchObject({ differences: [] });
    await host.rebuild('ledger', { verify: false, force: false });
    const db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    // Of several grants, charges and adjustments, too; none of which the watch reads.
    const credits = async () => creditsOfAccountSchema.parse((await rig.get(`${API}/accounts/me/credits`)).body);
    const before = await credits();
    expect(before.entries.map(({ kind }) => kind)).toEqual(['grant', 'charge', 'adjustment', 'grant']);
    await host.rebuild('spending', { verify: false, force: false });
    const after = await credits();
    expect(after.entries).toEqual(before.entries);
    expect(after).toMatchObject({ isUnlimited: false, isExhausted: before.isExhausted });
    const limits = await readLimits(db);
    expect(limits.map(({ spendingId }) => spendingId)).toContain('ada');
    expect(limits.flatMap((row) => (row.kind === 'credits' ? row.state.entries : []))).toEqual([]);
    // What runs is looked up by its lease among all lines of its task, at each look.
    const byLease = await db.query<{ tablename: string }[]>(
      "SELECT tablename FROM pg_indexes WHERE schemaname = current_schema() AND indexdef ~* 'lease_?id' ORDER BY 1",
    );
    expect(byLease.map(({ tablename }) => tablename)).toEqual(['bill_line', 'running_attempt', 'unrated_attempt']);
  });
});
