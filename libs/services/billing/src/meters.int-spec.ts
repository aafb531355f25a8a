import { randomUUID } from 'node:crypto';
import { metersSchema, statementSchema } from '@fornax/contracts';
import type { BucketReading } from '@fornax/domain';
import { ProjectionHost } from '@fornax/service-kit';
import { aCommit } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { StandingAudit } from './audit/standing-audit.js';
import { billingRig, type BillingRig } from './billing-rig.fixture.js';

const HOUR = 3_600_000;
const DAY = Date.UTC(2026, 1, 3);
const GB_HOUR = 3_600_000_000_000n;
const PERIOD = 'from=2026-02-03&to=2026-02-04';

const reading = (bucket: string, owner: string, hour: number, gbHours: bigint, bytesOut = 0n): BucketReading => ({
  ...{ bucket, owner, projectUuid: owner, from: DAY + hour * HOUR, until: DAY + (hour + 1) * HOUR },
  ...{ byteSeconds: String(gbHours * GB_HOUR), bytesOut: String(bytesOut) },
});
const list = (change: object = {}): object => ({
  currency: 'EUR',
  work: { flex: '0.004', onDemand: '0.007', reserved: '0.006' },
  hardware: [{ match: '', flex: '0.01', onDemand: '0.02', reserved: '0.03' }],
  ...change,
});

describe('meters of storage in the bill', () => {
  let rig: BillingRig;
  let part = 0;
  const meter = async (...readings: readonly BucketReading[]): Promise<void> => {
    const before = await rig.log.readAggregate('meter', 'storage');
    part += 1;
    const until = Math.max(...readings.map((one) => one.until));
    const event = { type: 'StorageMetered', part, until, readings, at: until } as const;
    await rig.log.append('meter', 'storage', aCommit(randomUUID(), [event]), before.at(-1)?.sequence ?? 0);
  };
  const meters = async (query = '', token = 'root-token') =>
    metersSchema.parse((await rig.get(`/fornax/v1/billing/meters?${PERIOD}${query}`, token)).body);
  const creditsOf = async (token: string): Promise<number> =>
    ((await rig.get('/credits/v1/accounts/credits', token)).body as { readonly credits: number }).credits;
  const publish = async (document: object): Promise<void> =>
    expect(await rig.send('/fornax/v1/billing/prices', { token: 'root-token', body: document })).toMatchObject({
      status: 200,
    });
  const db = (): DataSource => rig.service.app.get<DataSource>(getDataSourceToken('billing'));
  const audit = (): Promise<number> => rig.service.app.get(StandingAudit).once();

  beforeAll(async () => {
    rig = await billingRig();
    for (const id of ['ada', 'bob']) await rig.account(id);
    await rig.account('root', 'operator');
    await meter(
      reading('data', 'ada', 1, 4n, 2_500_000_000n),
      reading('data', 'ada', 2, 4n),
      reading('other', 'bob', 1, 1n),
    );
  }, 120_000);
  afterAll(() => rig?.close());

  it('are shown by bucket, apart from computing, and cost nothing by the list that ships', async () => {
    const { rows, totals } = await meters('&groupBy=user,bucket');
    expect(rows.map(({ by, meter: name, gb, quantity, amount }) => [by['bucket'], name, gb, quantity, amount])).toEqual(
      [
        ['data', 'egress', '2.5', '2500000000', '0'],
        ['data', 'storage', '8', String(8n * GB_HOUR), '0'],
        ['other', 'storage', '1', String(GB_HOUR), '0'],
      ],
    );
    expect(totals.map(({ meter: name, gb }) => [name, gb])).toEqual([
      ['storage', '9'],
      ['egress', '2.5'],
    ]);
    const statement = statementSchema.parse(
      (await rig.get(`/fornax/v1/billing/statements?${PERIOD}`, 'ada-token')).body,
    );
    expect(statement).toMatchObject({
      rows: [],
      meters: [
        { meter: 'storage', gb: '8' },
        { meter: 'egress', gb: '2.5' },
      ],
    });
    expect(await audit()).toBe(0);
  });

  it('are seen by whom they are of', async () => {
    expect((await meters('', 'bob-token')).rows.map(({ by }) => by['bucket'])).toEqual(['other']);
    for (const query of ['&account=ada', '&project=ada'])
      expect((await rig.get(`/fornax/v1/billing/meters?${PERIOD}${query}`, 'bob-token')).status).toBe(404);
    const csv = await fetch(`${rig.service.url}/fornax/v1/billing/meters?${PERIOD}&format=csv&groupBy=bucket`, {
      headers: { authorization: 'ada-token' },
    });
    expect(await csv.text()).toBe(
      `bucket,meter,quantity,gb,amount,nanos,rest,currency\r\ndata,egress,2500000000,2.5,0,0,0,EUR\r\ndata,storage,${8n * GB_HOUR},8,0,0,0,EUR\r\n`,
    );
  });

  it('cost exactly what a list says, in credits and in lines, also beyond what a number of JSON holds', async () => {
    const before = await creditsOf('ada-token');
    // It holds from now on: what began before it keeps its price.
    await publish(list({ storage: '0.000031507', egress: '0.09' }));
    const begins = Date.now() + HOUR;
    const later = { ...reading('data', 'ada', 0, 0n), from: begins, until: begins + HOUR };
    const byteSeconds = 2n ** 63n * 3_600n + 1n;
    await meter({ ...later, byteSeconds: String(byteSeconds), bytesOut: '1000000001' });
    const of = `from=${new Date(begins).toISOString()}&to=${new Date(begins + 1).toISOString()}&groupBy=bucket`;
    const { totals } = metersSchema.parse((await rig.get(`/fornax/v1/billing/meters?${of}`, 'ada-token')).body);
    const parts = byteSeconds * 31_507n * 10n;
    const perNano = 36_000_000_000_000n;
    expect(totals).toMatchObject([
      {
        meter: 'storage',
        quantity: String(byteSeconds),
        nanos: String(parts / perNano),
        rest: String(parts % perNano),
      },
      { meter: 'egress', quantity: '1000000001', nanos: '90000000', rest: String(90_000_000n * 36_000n) },
    ]);
    const owed = Number(
      ((parts + 90_000_000n * 1_000_000_001n * 36_000n) * 2n + perNano * 1_000n) / (perNano * 2_000n),
    );
    expect((await creditsOf('ada-token')) - before).toBeCloseTo(-owed / 1e6, 3);
    expect(await creditsOf('bob-token')).toBe(before);
    expect(await audit()).toBe(0);
  });

  it('wait for a price where no list holds, are told to operators, and are priced by the list that fills the gap', async () => {
    const ends = Date.now() + 2_000;
    const iso = (at: number): string => new Date(at).toISOString();
    await publish(list({ validFrom: iso(ends), validUntil: iso(ends + HOUR), storage: '0.1' }));
    await meter({ ...reading('late', 'bob', 0, 10n), from: ends + 2 * HOUR, until: ends + 3 * HOUR });
    const unrated = () => rig.get('/fornax/v1/billing/unrated', 'root-token');
    expect(await unrated()).toMatchObject({ body: { count: 1, attempts: [], readings: 1 } });
    expect((await rig.get('/fornax/v1/billing/unrated', 'bob-token')).status).toBe(403);
    const of = `from=${iso(ends + 2 * HOUR)}&to=${iso(ends + 3 * HOUR)}`;
    const seen = async () => metersSchema.parse((await rig.get(`/fornax/v1/billing/meters?${of}`, 'bob-token')).body);
    expect(await seen()).toMatchObject({ rows: [], unrated: 1 });
    expect(await audit()).toBe(0);
    await publish(list({ validFrom: iso(ends + HOUR), storage: '0.2' }));
    expect(await seen()).toMatchObject({ rows: [{ amount: '2' }], unrated: 0 });
    expect(await unrated()).toMatchObject({ body: { count: 0 } });
    expect(await audit()).toBe(0);
  });

  it('are audited: an omission, an altered amount and a line for nothing are found', async () => {
    const meanwhile = async (change: string): Promise<number> => {
      await db().query('CREATE TABLE kept AS TABLE meter_line');
      try {
        await db().query(change);
        return await audit();
      } finally {
        await db().query('TRUNCATE meter_line');
        await db().query('INSERT INTO meter_line SELECT * FROM kept');
        await db().query('DROP TABLE kept');
      }
    };
    // The line, and what its account and project used.
    expect(await meanwhile(`DELETE FROM meter_line WHERE bucket = 'other'`)).toBe(3);
    expect(await meanwhile(`UPDATE meter_line SET quantity = quantity + 1 WHERE bucket = 'other'`)).toBe(1);
    // In the line, in the month of its account and in the day of its project.
    expect(await meanwhile(`UPDATE meter_line SET amount_nanos = amount_nanos + 1 WHERE bucket = 'late'`)).toBe(3);
    expect(
      await meanwhile(
        `INSERT INTO meter_line SELECT sequence, 77, ${'meter, bucket, owner, project, from_at, until_at, quantity, 0, 0, currency, rule, price_list_version, commit_id, rated_sequence, counts_at'} FROM meter_line WHERE bucket = 'late'`,
      ),
    ).toBe(1);
    expect(await audit()).toBe(0);
  });

  it('are on the invoice, with the total of all', async () => {
    const answer = await fetch(`${rig.service.url}/fornax/v1/billing/invoices/ada/2026-02`, {
      headers: { authorization: 'ada-token' },
    });
    const page = await answer.text();
    expect(page).toContain('<td>Storage held</td><td class="number">8 GB hours</td>');
    expect(page).toContain('Total of all');
  });

  it('follow from the log alone: a rebuild gives the same rows', async () => {
    const report = await rig.service.app.get(ProjectionHost).runner('ledger').rebuild({ verify: true });
    expect(report).toMatchObject({ differences: [], rows: { meter_line: 7, unrated_meter: 0 } });
  });
});
