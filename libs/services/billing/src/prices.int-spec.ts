import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPriceList } from '@fornax/domain';
import { priceDocumentOf } from '@fornax/contracts';
import { aLease, anEnd, AT, concluded, dispatched, submitted } from '@fornax/testing';
import { ProjectionHost } from '@fornax/service-kit';
import { LedgerAudits } from './audit/ledger-auditor.js';
import { StandingAudit } from './audit/standing-audit.js';
import { billingRig, type BillingRig } from './billing-rig.fixture.js';

const HOUR_MS = 3_600_000;
const document = priceDocumentOf(defaultPriceList);

describe('price lists', () => {
  let rig: BillingRig;
  beforeAll(async () => {
    rig = await billingRig();
    await rig.account('ada');
    await rig.account('root', 'operator');
  }, 120_000);
  afterAll(() => rig?.close());

  const publish = (body: unknown, token = 'root-token') => rig.send('/fornax/v1/billing/prices', { token, body });
  const prices = async () => (await rig.get('/fornax/v1/billing/prices')).body;

  it('are published by operators only, and seen by everybody', async () => {
    expect(await publish(document, 'ada-token')).toMatchObject({ status: 403 });
    expect(await prices()).toMatchObject([{ version: 1, validUntil: null }]);
    expect((await rig.get('/fornax/v1/billing/prices/1')).body).toEqual(document);
    // 'simulate' is a path for POST alone: with GET it is the name of no list.
    for (const version of ['9', '1.0', 'simulate'])
      expect(await rig.get(`/fornax/v1/billing/prices/${version}`)).toMatchObject({ status: 404 });
    expect((await rig.get('/fornax/v1/billing/prices/schema')).body).toMatchObject({ title: 'Fornax price list' });
  });

  it.each<[string, object, string, RegExp]>([
    ['a negative rate', { work: { ...document.work, flex: '-1' } }, 'work.flex', /must not be negative/],
    ['an unknown plan', { work: { ...document.work, spot: '1' } }, 'work.spot', /no such field/],
    ['a gap in its hardware', { hardware: document.hardware.slice(0, 1) }, 'hardware[0]', /gap/],
    ['another currency', { currency: 'CHF' }, 'currency', /are in EUR/],
    ['a beginning in the past', { validFrom: '2020-01-01T00:00:00Z' }, 'validFrom', /overlaps/],
  ])('are refused with %s, by its place, and nothing is published', async (_what, change, place, text) => {
    const { status, body } = await publish({ ...document, ...change });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { errors: { [place]: [expect.stringMatching(text)] } },
    });
    expect(await prices()).toHaveLength(1);
  });

  it('rate what had no price, which was seen meanwhile and never free', async () => {
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 1, ghz: 0 };
    const end = anEnd(0, { startedAt: AT, endedAt: AT + HOUR_MS, hardware });
    const sequence = await rig.append('task', 'odd', [submitted('odd')], [dispatched(aLease(0))], [concluded(end)]);
    expect((await rig.get('/fornax/v1/billing/tasks/odd/lines')).body).toMatchObject({
      count: 0,
      unrated: 1,
      lines: [],
    });
    expect(await rig.get('/fornax/v1/billing/unrated')).toMatchObject({ status: 403 });
    const waiting = { taskId: 'odd', instance: 0, attempt: 1, owner: 'ada', reason: 'unknown-frequency', sequence };
    expect((await rig.get('/fornax/v1/billing/unrated', 'root-token')).body).toEqual({
      ...{ count: 1, attempts: [waiting], readings: 0 },
    });
    // What the metric and the standing audit tell.
    expect(await rig.service.app.get(LedgerAudits).unrated()).toBe(1);
    expect(await rig.service.app.get(StandingAudit).once()).toBe(0);

    expect(await publish({ ...document, assumedGhz: '2.5', minimum: '0.00001' })).toMatchObject({
      status: 200,
      body: { version: 2, currency: 'EUR', validUntil: null },
    });
    expect((await rig.get('/fornax/v1/billing/unrated', 'root-token')).body).toEqual({
      ...{ count: 0, attempts: [], readings: 0 },
    });
    expect(await rig.service.app.get(LedgerAudits).unrated()).toBe(0);
    expect((await rig.get('/fornax/v1/billing/tasks/odd/lines')).body).toMatchObject({
      unrated: 0,
      totalMicros: 10_000,
      lines: [{ sequence, priceListVersion: 1, amountMicros: 10_000, rule: 'work/flex' }],
    });
    const report = await rig.service.app.get(ProjectionHost).runner('ledger').rebuild({ verify: true });
    expect(report).toMatchObject({ differences: [], rows: { unrated_attempt: 0, bill_line: 1 } });
  });

  it('hold from the instant that they say, also with discounts', async () => {
    const change = {
      validFrom: '2099-01-01T00:00:00Z',
      discounts: { volume: [{ from: '100', percent: '12.5' }], projects: [{ project: 'p', percent: '5' }] },
    };
    expect(await publish({ ...document, ...change })).toMatchObject({
      body: { version: 3, validFrom: '2099-01-01T00:00:00Z' },
    });
    expect((await rig.get('/fornax/v1/billing/prices/3', 'root-token')).body).toEqual({ ...document, ...change });
  });

  it('tell an account nothing of the projects of others', async () => {
    const { body } = await rig.get('/fornax/v1/billing/prices/3');
    expect(body).toMatchObject({ discounts: { volume: [{ from: '100', percent: '12.5' }] } });
    expect(body).not.toHaveProperty('discounts.projects');
  });

  it('may follow at once although one was published for a far year', async () => {
    expect(await prices()).toMatchObject([{}, {}, { version: 3, replacedBy: null, endsAt: null }]);
    const { status, body } = await publish(document);
    expect({ status, body }).toMatchObject({ status: 200, body: { version: 4, replacedBy: null } });
    const from = (body as { readonly validFrom: string }).validFrom;
    // What was to hold in that year will not, and nobody is to believe that it does.
    expect(await prices()).toMatchObject([
      ...[{ version: 1 }, { version: 2, endsAt: from, replacedBy: null }],
      { version: 3, validFrom: '2099-01-01T00:00:00Z', endsAt: null, replacedBy: 4 },
      { version: 4, endsAt: null, replacedBy: null },
    ]);
  });
});
