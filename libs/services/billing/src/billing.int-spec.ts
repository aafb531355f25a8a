import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { apportion, defaultPriceList, PARTS_PER_MICRO } from '@fornax/domain';
import { ProjectionHost } from '@fornax/service-kit';
import { createTestApp } from '@fornax/service-kit/specs';
import {
  aLease,
  anEnd,
  aRef,
  AT,
  concluded,
  dispatched,
  eventually,
  nodeJoined,
  poolCreated,
  requeued,
  slotsEnded,
  submitted,
} from '@fornax/testing';
import { DataSource } from 'typeorm';
import { getDataSourceToken } from '@nestjs/typeorm';
import { billingRig, type BillingRig } from './billing-rig.fixture.js';
import { SpendingReader } from './queries/spending-reader.js';
import { carbonFactsSchema } from './queries/wire-carbon.js';
import { creditsSchema, ledgerPageSchema } from './queries/wire-ledger.js';
import { BillingModule } from './index.js';

const HOUR_MS = 3_600_000;
const ofAnHour = { startedAt: AT, endedAt: AT + HOUR_MS };

describe('billing', () => {
  let rig: BillingRig;
  let get: BillingRig['get'];
  let append: BillingRig['append'];
  beforeAll(async () => {
    rig = await billingRig();
    ({ get, append } = rig);
    await rig.account('ada');
    await rig.account('bob');
  }, 120_000);
  afterAll(() => rig?.close());

  it('publishes the default price list once, however often it starts', async () => {
    const replica = await createTestApp(BillingModule, { env: rig.env, name: 'billing' });
    await replica.close();
    const commits = await rig.log.readAggregate('pricing', 'default');
    expect(commits.map(({ events }) => events)).toEqual([
      [{ type: 'PriceListPublished', priceList: defaultPriceList, at: expect.any(Number) }],
    ]);
  });

  it('knows the cost of a task as soon as its end is in the log', async () => {
    const end = anEnd(0, ofAnHour);
    await append('task', 'fresh', [submitted('fresh')], [dispatched(aLease(0))], [concluded(end)]);
    expect(await get('/credits/v1/tasks/fresh/credits')).toEqual({ status: 200, body: { credits: 0.01 } });
  });

  it('writes one line for each attempt, with the event, the rule and the price list behind it', async () => {
    const lost = anEnd(0, { ...ofAnHour, outcome: 'failure', cause: 'node-lost' });
    const second = anEnd(0, { ...ofAnHour, attempt: 2, cores: 2 });
    const other = anEnd(1, { ...ofAnHour, outcome: 'failure', cause: 'user' });
    const spec = {
      hardwareConstraints: [{ discriminator: 'SSDHardwareConstraint' } as const],
      plan: 'onDemand' as const,
    };
    const sequence = await append(
      'task',
      'lines',
      [submitted('lines', spec)],
      [dispatched(aLease(0), aLease(1))],
      [requeued(lost)],
      [concluded(second, other)],
    );
    const { status, body } = await get('/fornax/v1/billing/tasks/lines/lines');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      taskId: 'lines',
      plan: 'onDemand',
      constrained: true,
      count: 3,
      totalMicros: 60_000,
      lines: [
        { instance: 0, attempt: 1, amountMicros: 0, rule: 'free/node-lost', billedMs: 0, sequence: sequence - 1 },
        {
          instance: 0,
          attempt: 2,
          amountMicros: 40_000,
          rule: 'hardware/onDemand/xeon',
          billedMs: HOUR_MS,
          priceListVersion: 1,
          currency: 'EUR',
          sequence,
        },
        { instance: 1, attempt: 1, amountMicros: 20_000, outcome: 'failure', cause: 'user', leaseId: '1/1', sequence },
      ],
    });
    expect(await get('/fornax/v1/billing/tasks/lines/lines?limit=1&offset=2')).toMatchObject({
      body: { count: 3, lines: [{ instance: 1 }] },
    });
    expect(await get('/fornax/v1/billing/tasks/lines/lines?limit=0')).toMatchObject({ status: 400 });
  });

  it('subtracts what was consumed from the grant', async () => {
    await append(
      'task',
      'bobs',
      [submitted('bobs', {}, 'bob')],
      [dispatched(aLease(0))],
      [concluded(anEnd(0, ofAnHour))],
    );
    expect(await get('/credits/v1/accounts/credits', 'bob-token')).toEqual({ status: 200, body: { credits: 999.99 } });
  });

  it('finds a task by its short name, the latest one of that name', async () => {
    await append(
      'task',
      'id-1',
      [submitted('id-1', { shortname: 'mine' })],
      [dispatched(aLease(0))],
      [concluded(anEnd(0, ofAnHour))],
    );
    await append('task', 'id-2', [submitted('id-2', { shortname: 'mine' })]);
    expect(await get('/credits/v1/tasks/mine/credits')).toEqual({ status: 200, body: { credits: 0 } });
  });

  it("knows nothing of tasks that are unknown or somebody else's", async () => {
    await append('task', 'secret', [submitted('secret')]);
    for (const path of [
      '/credits/v1/tasks/secret/credits',
      '/fornax/v1/billing/tasks/secret/lines',
      '/carbon/v1/tasks/secret/carbon-facts',
    ]) {
      expect(await get(path, 'bob-token')).toEqual({ status: 404, body: { message: 'No such task: secret' } });
    }
    expect(await get('/credits/v1/tasks/nowhere/credits')).toEqual({
      status: 404,
      body: { message: 'No such task: nowhere' },
    });
    expect(await get('/credits/v1/tasks/a%00b/credits')).toMatchObject({ status: 400 });
  });

  it('shows members of a project the bills of its tasks and pools, and of no others of their owner', async () => {
    const [acme, project] = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of ['vera', 'carl']) await rig.account(id);
    await append('account', acme, [
      {
        type: 'OrganisationCreated',
        organisationId: acme,
        name: 'Acme',
        quotas: { maxInstances: 9, maxCores: 9 },
        at: AT,
      },
      {
        ...{ type: 'ProjectCreated', projectId: project, ownerId: acme, ownerKind: 'organisation' },
        ...{ name: 'Wind', slug: 'wind', description: '', at: AT },
      },
      { type: 'ProjectMemberSet', projectId: project, accountId: 'vera', role: 'viewer', at: AT },
    ]);
    for (const accountId of ['ada', 'vera', 'carl'])
      await append('account', accountId, [
        { type: 'OrganisationChanged', accountId, organisationId: acme, at: Date.now() },
      ]);
    await append('task', 'shared', [submitted('shared', { projectUuid: project })], [dispatched(aLease(0))]);
    await append('task', 'shared', [concluded(anEnd(0, ofAnHour))]);
    await append('pool', 'shared-pool', [poolCreated('shared-pool', { projectUuid: project })]);
    await append('task', 'private', [submitted('private', { projectUuid: crypto.randomUUID() })]);
    const seen = async (token: string): Promise<readonly number[]> => {
      const paths = ['tasks/shared/lines', 'tasks/shared/cost', 'pools/shared-pool/lines', 'tasks/private/lines'];
      const answers = await Promise.all(paths.map((path) => get(`/fornax/v1/billing/${path}`, token)));
      return answers.map(({ status }) => status);
    };
    await eventually(async () => (await seen('vera-token'))[0] === 200);
    expect(await seen('vera-token')).toEqual([200, 200, 200, 404]);
    expect(await seen('carl-token')).toEqual([404, 404, 404, 404]);
    expect(await get('/credits/v1/tasks/shared/credits', 'vera-token')).toMatchObject({ body: { credits: 0.01 } });
    // What somebody spent is not seen by that.
    const statement = '/fornax/v1/billing/statements?from=2020-01-01&groupby=task&account=ada%40example.org';
    expect((await get(statement, 'vera-token')).status).toBe(404);
    const at = Date.now();
    await append('account', acme, [{ type: 'ProjectMemberRemoved', projectId: project, accountId: 'vera', at }]);
    await eventually(async () => (await seen('vera-token'))[0] === 404);
  });

  it('knows what a task has drawn and emitted, by what its node says it draws, beside a datacenter', async () => {
    await append('task', 'green', [submitted('green', { instances: '0-1' })]);
    expect(await get('/carbon/v1/tasks/green/carbon-facts')).toMatchObject({
      status: 200,
      body: { total_consumed_energy_Wh: 0, saved_carbon_footprint_percent: 0, PUE: 1.56, ERF: 0 },
    });
    const power = { idleMilliwatts: 40_000, coreMilliwatts: 5_000 };
    const join = nodeJoined('node-green', { cores: 4, power, site: 'default' });
    // What was found out later holds from then on.
    const again = nodeJoined('node-green', { cores: 4, power: { ...power, coreMilliwatts: 9_000 } });
    await append('node', 'node-green', [{ ...join, at: AT - 1 }], [{ ...again, at: AT + 1 }]);
    const at = { ...ofAnHour, node: 'node-green' };
    const waived = anEnd(1, { ...at, outcome: 'failure', cause: 'node-lost' });
    await append('task', 'green', [dispatched(aLease(0), aLease(1))], [concluded(anEnd(0, at), waived)]);
    const { status, body } = await get('/carbon/v1/Tasks/green/carbon-facts?comparisonDataCenter=european_dc');
    expect(status).toBe(200);
    const facts = carbonFactsSchema.parse(body);
    // Twice an hour of a quarter of 40 W and of 5 W, whoever pays for it.
    expect(facts).toMatchObject({
      total_energy_it_Wh: 30,
      totalEnergyITWh: 30,
      equivalent_datacenter_name: 'Common European Datacenter',
    });
    expect(facts.total_consumed_energy_Wh).toBeCloseTo(30 * 1.56, 6);
    expect(facts.qarnot_carbon_footprint).toBeGreaterThan(0);
    expect(facts.saved_carbon_footprint_compute).toBe(0);
    expect(await get('/carbon/v1/tasks/green/carbon-facts?comparisonDatacenter=moon')).toMatchObject({ status: 400 });
  });

  it('tells what runs has cost so far, and counts it once when it has ended', async () => {
    await append('node', 'node-1', [nodeJoined('node-1', { ghz: 2.5 })]);
    const startedAt = Date.now() - HOUR_MS;
    const start = { type: 'InstancesStarted', leases: [{ ...aRef(0), startedAt }], at: startedAt } as const;
    await append(
      'task',
      'long',
      [submitted('long', { instances: '0-1' })],
      [dispatched(aLease(0), aLease(1))],
      [start],
    );
    const { body } = await get('/fornax/v1/billing/tasks/long/lines');
    const page = ledgerPageSchema.parse(body);
    expect(page).toMatchObject({ count: 0, totalMicros: 0, running: { attempts: 1 } });
    expect(page.running.micros).toBeGreaterThanOrEqual(10_000);
    expect(page.running.micros).toBeLessThan(11_000);
    const { credits } = creditsSchema.parse((await get('/credits/v1/tasks/long/credits')).body);
    expect(credits).toBeGreaterThanOrEqual(0.01);
    const before = creditsSchema.parse((await get('/credits/v1/accounts/credits')).body).credits;

    await append('task', 'long', [concluded(anEnd(0, { startedAt, endedAt: startedAt + HOUR_MS / 2 }))]);
    expect((await get('/fornax/v1/billing/tasks/long/lines')).body).toMatchObject({
      count: 1,
      totalMicros: 5_000,
      running: { attempts: 0, micros: 0 },
    });
    const after = creditsSchema.parse((await get('/credits/v1/accounts/credits')).body).credits;
    expect(after - before).toBeGreaterThan(0.0049);
    const report = await rig.service.app.get(ProjectionHost).runner('running').rebuild({ verify: true });
    // The second lease is on its node.
    expect(report).toMatchObject({ differences: [], rows: { node_hardware: 2, node_power: 3 } });
  });

  it('counts what ends while it is asked once: what runs and what is billed are of one moment', async () => {
    const startedAt = Date.now() - HOUR_MS;
    const start = { type: 'InstancesStarted', leases: [{ ...aRef(0), startedAt }], at: startedAt } as const;
    await append('node', 'node-7', [nodeJoined('node-7', { ghz: 2.5 })]);
    await append(
      'task',
      'meanwhile',
      [submitted('meanwhile', {}, 'carl')],
      [dispatched({ ...aLease(0), node: 'node-7' })],
      [start],
    );
    const reader = rig.service.app.get(SpendingReader);
    const running = (await reader.credits('carl')).consumedMicros;
    expect(running).toBeGreaterThanOrEqual(10_000);

    const db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    const asked = await db.transaction(async (tx) => {
      // The sum of what was billed waits for this lock; what runs has been read by then.
      await tx.query('LOCK TABLE month_usage IN ACCESS EXCLUSIVE MODE');
      const answer = reader.credits('carl');
      await eventually(async () => {
        const [row] = await db.query<{ count: string }[]>(
          "SELECT count(*) AS count FROM pg_locks WHERE relation = 'month_usage'::regclass AND NOT granted",
        );
        return Number(row?.count) > 0;
      });
      await tx.query(
        `INSERT INTO month_usage (owner, month, net_parts, gross_parts, lines) VALUES ('carl', '2026-01', $1, $1, 1)`,
        [String(PARTS_PER_MICRO * 1_000_000n)],
      );
      return { answer };
    });
    expect((await asked.answer).consumedMicros).toBeLessThan(11_000);
    await db.query("DELETE FROM month_usage WHERE owner = 'carl'");
  });

  it('bills the slots of a pool while they are held, and knows what they draw', async () => {
    expect(await get('/credits/v1/pools/p-1/credits')).toEqual({ status: 404, body: { message: 'No such pool: p-1' } });
    const held = anEnd(0, { ...ofAnHour, cores: 2, leaseId: 'slot-1' });
    const { startedAt: _never, ...broken } = anEnd(1, { outcome: 'failure', cause: 'platform' });
    await append(
      'pool',
      'p-1',
      [poolCreated('p-1', { shortname: 'warm' })],
      [slotsEnded(held, broken)],
      [slotsEnded(anEnd(0, { ...ofAnHour, attempt: 2 }))],
    );
    expect(await get('/credits/v1/pools/warm/credits')).toEqual({ status: 200, body: { credits: 0.03 } });
    expect(await get('/credits/v1/pools/warm/credits', 'bob-token')).toMatchObject({ status: 404 });
    expect(await get('/credits/v1/tasks/warm/credits')).toMatchObject({ status: 404 });
    const { body } = await get('/fornax/v1/billing/pools/p-1/lines');
    expect(body).toMatchObject({
      count: 3,
      totalMicros: 30_000,
      unrated: 0,
      lines: [
        { instance: 0, attempt: 1, amountMicros: 20_000, amountNanos: '20000000', cores: 2, memoryMB: 512, ghz: 2.5 },
        { instance: 0, attempt: 2, amountMicros: 10_000 },
        { instance: 1, attempt: 1, amountMicros: 0, rule: 'free/platform' },
      ],
    });
    // Three hours of a core of a node that does not say what it draws: 3.5 W.
    const carbon = await get('/carbon/v1/pools/p-1/carbon-facts');
    expect(carbonFactsSchema.parse(carbon.body).total_energy_it_Wh).toBeCloseTo(10.5, 6);
    expect(await get('/carbon/v1/pools/p-2/carbon-facts')).toMatchObject({ status: 404 });
  });

  it('rounds the total of a task once, and shares it out among its lines as the domain does', async () => {
    const lasting = [100, 100, 100, 37, 1, 1, 1, 250, 999, 13];
    const ends = lasting.map((ms, n) => anEnd(n, { startedAt: AT, endedAt: AT + ms }));
    await append(
      'task',
      'short',
      [submitted('short', { instances: '0-9' })],
      [dispatched(...ends.map((_end, n) => aLease(n)))],
      ...ends.map((end) => [concluded(end)]),
    );
    // A millisecond of a core of 2.5 GHz is 2.78 nano-euros.
    const exact = lasting.map((ms) => (BigInt(ms) * 2_500n * 4_000n * PARTS_PER_MICRO) / 3_600_000_000n);
    const { body } = await get('/fornax/v1/billing/tasks/short/lines');
    const { lines, totalMicros } = ledgerPageSchema.parse(body);
    expect(lines.map(({ amountMicros }) => amountMicros)).toEqual(apportion(exact, PARTS_PER_MICRO).map(Number));
    expect(totalMicros).toBe(4);
    expect(lines.reduce((sum, { amountMicros }) => sum + amountMicros, 0)).toBe(4);
    const pages = await Promise.all(
      [0, 4, 8].map(async (offset) => {
        const page = await get(`/fornax/v1/billing/tasks/short/lines?limit=4&offset=${offset}`);
        return ledgerPageSchema.parse(page.body).lines;
      }),
    );
    expect(pages.flat()).toEqual(lines);
  });

  it('counts nothing of tasks in the slots of a pool, beside others that it counts', async () => {
    const inSlot = { inSlot: 'slot-1' };
    const submittedIn = submitted('in-pool', { poolUuid: 'p-1' });
    const lost = requeued(anEnd(0, { ...ofAnHour, ...inSlot, outcome: 'failure', cause: 'node-lost' }));
    const again = dispatched(aLease(0, { attempt: 2, ...inSlot }));
    const end = concluded(anEnd(0, { ...ofAnHour, ...inSlot, attempt: 2 }));
    await append('task', 'in-pool', [submittedIn], [dispatched(aLease(0, inSlot))], [lost], [again], [end]);
    await append('task', 'beside', [submitted('beside')], [dispatched(aLease(0))], [concluded(anEnd(0, ofAnHour))]);
    expect(await get('/credits/v1/tasks/in-pool/credits')).toEqual({ status: 200, body: { credits: 0 } });
    expect((await get('/fornax/v1/billing/tasks/in-pool/lines')).body).toMatchObject({ lines: [] });
    expect(await get('/credits/v1/tasks/beside/credits')).toEqual({ status: 200, body: { credits: 0.01 } });
  });

  it('bills a large task in a few statements, and the same when it is rebuilt', async () => {
    const instances = Array.from({ length: 5_000 }, (_, n) => n);
    const batches = Array.from({ length: 50 }, (_, k) => instances.slice(k * 100, k * 100 + 100));
    await append(
      'task',
      'large',
      [submitted('large', { instances: '0-4999' })],
      [dispatched(...instances.map((n) => aLease(n)))],
      ...batches.map((batch) => [concluded(...batch.map((n) => anEnd(n, ofAnHour)))]),
    );
    expect(await get('/credits/v1/tasks/large/credits')).toEqual({ status: 200, body: { credits: 50 } });
    const report = await rig.service.app.get(ProjectionHost).runner('ledger').rebuild({ verify: true });
    expect(report).toMatchObject({ differences: [], rows: { published_price_list: 1 } });
    expect(report.rows['bill_line']).toBeGreaterThanOrEqual(5_000);
  });
});
