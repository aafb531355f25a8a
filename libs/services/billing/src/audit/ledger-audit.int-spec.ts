import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  aLease,
  anEnd,
  AT,
  concluded,
  dispatched,
  eventually,
  poolCreated,
  requeued,
  slotsEnded,
  submitted,
} from '@fornax/testing';
import { setImmediate as immediate } from 'node:timers/promises';
import { systemMonotonicClock } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { DataSource } from 'typeorm';
import { getDataSourceToken } from '@nestjs/typeorm';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';
import { LedgerAudits } from './ledger-auditor.js';
import { StandingAudit, type AuditLogger } from './standing-audit.js';

const HOUR_MS = 3_600_000;

const lasting = (instance: number, ms: number) => anEnd(instance, { startedAt: AT, endedAt: AT + ms });

/** A second line, like that of instance 0 of task `t` but for some columns. */
const copied = (change: Readonly<Record<string, string>>): string => {
  const names = Object.keys(change);
  return `CREATE TEMP TABLE one ON COMMIT DROP AS SELECT * FROM bill_line WHERE task_id = 't' AND instance = 0;
    UPDATE one SET ${names.map((name) => `${name} = ${change[name] ?? ''}`).join(', ')};
    INSERT INTO bill_line SELECT * FROM one`;
};

describe('the audit of the ledger', () => {
  let rig: BillingRig;
  let db: DataSource;
  beforeAll(async () => {
    rig = await billingRig();
    db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    await rig.account('ada');
    await rig.account('root', 'operator');
    const lost = anEnd(2, { outcome: 'failure', cause: 'node-lost' });
    await rig.append(
      'task',
      't',
      [submitted('t', { instances: '0-2' })],
      [dispatched(aLease(0), aLease(1), aLease(2))],
      [requeued(lost)],
      [concluded(lasting(0, 3_600_000), lasting(1, 70))],
    );
    await rig.append('pool', 'p', [poolCreated('p')], [slotsEnded(lasting(0, 5_000))]);
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 1, ghz: 0 };
    await rig.append('task', 'odd', [submitted('odd')], [dispatched(aLease(0))], [concluded(anEnd(0, { hardware }))]);
    const first = await rig.get('/fornax/v1/billing/prices/1');
    const later = { ...(first.body as object), validFrom: '2099-01-01T00:00:00Z' };
    const asRoot = { token: 'root-token' };
    expect(await rig.send('/fornax/v1/billing/prices', { ...asRoot, body: later })).toMatchObject({ status: 200 });
    for (const booking of [
      { kind: 'grant', amount: '5', note: 'first' },
      { kind: 'charge', amount: '1' },
    ])
      expect(await rig.send('/fornax/v1/billing/accounts/ada/credits', { ...asRoot, body: booking })).toMatchObject({
        status: 200,
      });
    const budget = await rig.send('/fornax/v1/billing/budgets', { ...asRoot, body: { project: 'ada', amount: '9' } });
    expect(budget).toMatchObject({ status: 200 });
    const closed = await rig.send('/fornax/v1/billing/months/1970-01/close', { ...asRoot, body: {} });
    expect(closed).toMatchObject({ status: 200 });
  }, 120_000);
  afterAll(() => rig?.close());

  const audit = async (): Promise<readonly Record<string, unknown>[]> => {
    const response = await fetch(`${rig.service.url}/fornax/v1/billing/audit`, {
      headers: { authorization: 'root-token' },
    });
    const text = await response.text();
    const told = [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, event, data = '']) => ({
      event,
      ...(JSON.parse(data) as Record<string, unknown>),
    }));
    const findings = told.filter(({ event }) => event === 'finding');
    expect(told.at(-1)).toMatchObject({ event: 'end', findings: findings.length });
    return findings;
  };
  /** Changes rows for one look at them, and puts them back. */
  const meanwhile = async (table: string, sql: string): Promise<readonly Record<string, unknown>[]> => {
    await db.query(`CREATE TABLE kept AS TABLE ${table}`);
    try {
      await db.transaction((tx) => tx.query(sql));
      return await audit();
    } finally {
      await db.query(`TRUNCATE ${table}`);
      await db.query(`INSERT INTO ${table} SELECT * FROM kept`);
      await db.query('DROP TABLE kept');
    }
  };

  it('is for operators, and finds nothing where nothing is wrong', async () => {
    expect(await rig.get('/fornax/v1/billing/audit')).toMatchObject({ status: 403 });
    expect(await rig.get('/fornax/v1/billing/tasks/t/lines')).toMatchObject({ body: { count: 3 } });
    expect(await audit()).toEqual([]);
    expect(await rig.service.app.get(StandingAudit).once()).toBe(0);
  });

  it.each<[string, string, string, object, number]>([
    [
      'an omission',
      'bill_line',
      `DELETE FROM bill_line WHERE task_id = 't' AND instance = 1`,
      { kind: 'not billed', taskId: 't', instance: 1 },
      5,
    ],
    [
      'a waiver that is gone',
      'bill_line',
      `DELETE FROM bill_line WHERE rule = 'free/node-lost'`,
      { kind: 'not billed', instance: 2 },
      4,
    ],
    [
      'a slot that is in no line',
      'bill_line',
      `DELETE FROM bill_line WHERE kind = 'pool'`,
      { kind: 'not billed', taskId: 'p' },
      5,
    ],
    ['a duplicate', 'bill_line', copied({ run: '1' }), { kind: 'billed twice', taskId: 't', instance: 0 }, 5],
    [
      'a line of an attempt that never was',
      'bill_line',
      copied({ attempt: '7' }),
      { kind: 'billed for nothing', taskId: 't', instance: 0 },
      5,
    ],
    [
      'a line of what waits for a price',
      'bill_line',
      copied({ task_id: `'odd'`, sequence: '(SELECT sequence FROM unrated_attempt)' }),
      { kind: 'billed for nothing', taskId: 'odd' },
      5,
    ],
    [
      'an altered amount',
      'bill_line',
      `UPDATE bill_line SET amount_nanos = amount_nanos + 1 WHERE task_id = 't' AND instance = 0`,
      { kind: 'billed otherwise', taskId: 't', instance: 0 },
      5,
    ],
    [
      'an altered fact',
      'bill_line',
      `UPDATE bill_line SET node = 'other' WHERE task_id = 't' AND instance = 0`,
      { kind: 'billed otherwise', detail: expect.stringContaining('node is other and follows as node-1') },
      5,
    ],
    [
      'a sum that its lines do not give',
      'month_usage',
      'UPDATE month_usage SET net_parts = net_parts + 1',
      { kind: 'billed otherwise', taskId: 'account ada' },
      1,
    ],
    [
      'an hour that its lines do not give',
      'usage_hour',
      'UPDATE usage_hour SET attempts = attempts + 1 WHERE parts > 0',
      { kind: 'billed otherwise', detail: expect.stringContaining('the hour from 1970-01-01T00:00:00.000Z') },
      1,
    ],
    [
      'an hour that is kept of another project',
      'usage_hour',
      `UPDATE usage_hour SET project = 'other' WHERE parts > 0`,
      { kind: 'billed otherwise', detail: expect.stringContaining('the hour from') },
      2,
    ],
    ...['instances', 'failures', 'billed_ms', 'core_ms'].map((sum): [string, string, string, object, number] => [
      `an hour whose ${sum} its lines do not give`,
      'usage_hour',
      `UPDATE usage_hour SET ${sum} = ${sum} + 1 WHERE parts > 0`,
      { kind: 'billed otherwise', detail: expect.stringContaining('the hour from') },
      1,
    ]),
    ...['attempts', 'instances', 'failures', 'billed_ms', 'core_ms', 'nanos', 'rest'].map(
      (sum): [string, string, string, object, number] => [
        `a day of a task whose ${sum} its lines do not give`,
        'usage_task_node_day',
        `UPDATE usage_task_node_day SET ${sum} = ${sum} + 1 WHERE task_id = 't'`,
        { kind: 'billed otherwise', taskId: 't', detail: expect.stringContaining('the day from 1970-01-01') },
        1,
      ],
    ),
    [
      'a day of a task that is not kept',
      'usage_task_node_day',
      `DELETE FROM usage_task_node_day WHERE task_id = 't'`,
      { kind: 'billed otherwise', taskId: 't', detail: expect.stringContaining('kept as nothing') },
      1,
    ],
    [
      'a sum of a project and a day that its lines do not give',
      'project_day',
      'UPDATE project_day SET net_parts = net_parts + 1',
      { kind: 'billed otherwise', taskId: 'project ada', detail: expect.stringContaining('1970-01-01') },
      1,
    ],
    [
      'a day of a project that is not kept',
      'project_day',
      'DELETE FROM project_day',
      { kind: 'billed otherwise', taskId: 'project ada', detail: expect.stringContaining('kept as nothing') },
      1,
    ],
    [
      'what counts for discounts and does not follow',
      'month_usage',
      'UPDATE month_usage SET gross_parts = gross_parts + 1',
      { kind: 'billed otherwise', taskId: 'account ada', detail: expect.stringContaining('discounts in 1970-01') },
      1,
    ],
    [
      'a number of lines that there are not',
      'month_usage',
      'UPDATE month_usage SET lines = lines + 1',
      { kind: 'billed otherwise', taskId: 'account ada', detail: expect.stringContaining('parts, lines') },
      1,
    ],
    ...[
      [`tags = '["other"]'`, 'tags is ["other"]'],
      [`labels = '{"team":"other"}'`, 'labels is {"team":"other"}'],
      [`shortname = 'other'`, 'shortname'],
      [`project_uuid = 'other'`, 'projectUuid'],
      [`plan = 'reserved'`, 'plan'],
      ['sequence = sequence + 1', 'sequence'],
    ].map(([change, detail]): [string, string, string, object, number] => [
      `what was submitted, where ${change}`,
      'usage_terms',
      `UPDATE usage_terms SET ${change} WHERE task_id = 't'`,
      { kind: 'billed otherwise', taskId: 't', detail: expect.stringContaining(String(detail)) },
      1,
    ]),
    [
      'what was submitted and is not kept',
      'usage_terms',
      `DELETE FROM usage_terms WHERE task_id = 't'`,
      { kind: 'billed otherwise', taskId: 't', detail: 'what was submitted is not kept' },
      1,
    ],
    [
      'what nobody submitted',
      'usage_terms',
      `CREATE TEMP TABLE one ON COMMIT DROP AS SELECT * FROM usage_terms WHERE task_id = 't'; UPDATE one SET task_id = 'u'; INSERT INTO usage_terms SELECT * FROM one`,
      { kind: 'billed otherwise', taskId: 'ledger', detail: expect.stringContaining('1 tasks') },
      1,
    ],
    ...[
      ['from_ms = from_ms + 1', 'from is'],
      [`document = jsonb_set(document, '{workMicrosPerGhzCoreHour,flex}', '1')`, 'document'],
      ['sequence = sequence + 1', 'sequence'],
    ].map(([change, detail]): [string, string, string, object, number] => [
      `a price list where ${change}`,
      'published_price_list',
      `UPDATE published_price_list SET ${change} WHERE version = 2`,
      { kind: 'billed otherwise', taskId: 'price list 2', detail: expect.stringContaining(String(detail)) },
      1,
    ]),
    [
      'a price list that is not kept',
      'published_price_list',
      'DELETE FROM published_price_list WHERE version = 2',
      { kind: 'billed otherwise', taskId: 'price list 2', detail: 'it is not kept' },
      1,
    ],
    [
      'a closed month that ends otherwise',
      'closed_month',
      'UPDATE closed_month SET until_ms = until_ms + 1',
      { kind: 'billed otherwise', taskId: 'month 1970-01', detail: expect.stringContaining('until is') },
      1,
    ],
    [
      'a closed month that is open',
      'closed_month',
      'DELETE FROM closed_month',
      { kind: 'billed otherwise', taskId: 'month 1970-01' },
      1,
    ],
    [
      'a month that nobody closed',
      'closed_month',
      `INSERT INTO closed_month VALUES ('1970-02', 5097600000, 1, 1)`,
      { kind: 'billed otherwise', taskId: 'month 1970-02' },
      1,
    ],
    [
      'what waits for a price and is of another length',
      'unrated_attempt',
      `UPDATE unrated_attempt SET attempt_end = jsonb_set(attempt_end, '{endedAt}', '1')`,
      { kind: 'billed otherwise', taskId: 'odd', detail: expect.stringContaining('waits for a price') },
      1,
    ],
    [
      'what waits for a price and never was',
      'unrated_attempt',
      `CREATE TEMP TABLE one ON COMMIT DROP AS SELECT * FROM unrated_attempt; UPDATE one SET attempt = 7, attempt_end = jsonb_set(attempt_end, '{attempt}', '7'); INSERT INTO unrated_attempt SELECT * FROM one`,
      { kind: 'billed otherwise', taskId: 'odd', detail: expect.stringContaining('attempt 7 of instance 0 waits') },
      1,
    ],
    ...[
      [`micros = micros + 1 WHERE kind = 'grant'`, 'micros is 5000001 and follows as 5000000'],
      [`note = 'other' WHERE kind = 'grant'`, 'note is "other"'],
      [`sequence = sequence + 1 WHERE kind = 'charge'`, 'sequence is'],
    ].map(([change, detail]): [string, string, string, object, number] => [
      `a booking of credits, where ${change}`,
      'credit_entry',
      `UPDATE credit_entry SET ${change}`,
      { kind: 'billed otherwise', taskId: 'account ada', detail: expect.stringContaining(String(detail)) },
      1,
    ]),
    [
      'a booking that is not kept',
      'credit_entry',
      `DELETE FROM credit_entry WHERE kind = 'charge'`,
      {
        kind: 'billed otherwise',
        taskId: 'account ada',
        detail: expect.stringMatching(/^the booking .* is not kept$/),
      },
      1,
    ],
    [
      'credits of somebody who was granted none',
      'spending',
      `INSERT INTO spending SELECT 'eve', kind, project_id, state FROM spending WHERE kind = 'credits'`,
      { kind: 'billed otherwise', taskId: 'account eve', detail: expect.stringContaining('the log knows nothing') },
      1,
    ],
    [
      'credits that are unlimited',
      'spending',
      `DELETE FROM spending WHERE kind = 'credits'`,
      { kind: 'billed otherwise', taskId: 'account ada', detail: 'what it has in credits is not kept' },
      1,
    ],
    [
      'a budget of another total',
      'spending',
      `UPDATE spending SET state = jsonb_set(state, '{totalMicros}', '1') WHERE kind = 'budget'`,
      {
        kind: 'billed otherwise',
        taskId: expect.stringMatching(/^budget /),
        detail: expect.stringContaining('totalMicros is 1 and follows as 9000000'),
      },
      1,
    ],
    [
      'what waits for a price and was dropped',
      'unrated_attempt',
      'DELETE FROM unrated_attempt',
      { kind: 'not billed', taskId: 'odd' },
      1,
    ],
  ])('finds %s', async (_what, table, sql, expected, count) => {
    const findings = await meanwhile(table, sql);
    expect(findings[0]).toMatchObject({ event: 'finding', ...expected });
    expect(findings).toHaveLength(count);
    expect(await audit()).toEqual([]);
  });

  it('counts what it finds by itself as well', async () => {
    await db.query(`UPDATE month_usage SET net_parts = net_parts + 7`);
    expect(await rig.service.app.get(StandingAudit).once()).toBe(1);
    await db.query(`UPDATE month_usage SET net_parts = net_parts - 7`);
  });

  /** Counts its audits; those with these numbers fail. */
  class Counted extends StandingAudit {
    ran = 0;

    constructor(
      waits: { readonly auditEveryMs: number; readonly auditSoonMs: number },
      private readonly failing: readonly number[] = [],
    ) {
      const { app } = rig.service;
      super(
        rig.log,
        app.get<AuditLogger>(LOGGER),
        systemMonotonicClock,
        { watchEveryMs: 1_000, grantMicros: 0, ...waits },
        app.get(LedgerAudits),
      );
    }

    override async once(): Promise<number> {
      this.ran += 1;
      if (this.failing.includes(this.ran)) throw new Error('the ledger stands still');
      return super.once();
    }
  }

  it('begins soon after the start, and again soon after it failed, but then takes its time', async () => {
    const audit = new Counted({ auditEveryMs: HOUR_MS, auditSoonMs: 1 }, [1, 2]);
    audit.onApplicationBootstrap();
    await eventually(() => Promise.resolve(audit.ran === 3));
    await audit.beforeApplicationShutdown();
    expect(audit.ran).toBe(3);
  });

  it('ends with its process, and not with one audit more', async () => {
    const audit = new Counted({ auditEveryMs: HOUR_MS, auditSoonMs: HOUR_MS });
    audit.onApplicationBootstrap();
    await audit.beforeApplicationShutdown();
    await immediate();
    expect(audit.ran).toBe(0);
  });
});
