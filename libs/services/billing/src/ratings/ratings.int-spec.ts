import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { priceDocumentOf, ratingSchema, type WireRating } from '@fornax/contracts';
import { defaultPriceList } from '@fornax/domain';
import { createTestApp } from '@fornax/service-kit/specs';
import { aLease, anEnd, AT, concluded, dispatched, eventually, requeued, submitted } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';
import { BillingModule } from '../index.js';

const HOUR_MS = 3_600_000;
const PATH = '/fornax/v1/billing/ratings';
const document = priceDocumentOf(defaultPriceList);
const dearer = { ...document, work: { flex: '0.008', onDemand: '0.014', reserved: '0.012' } };
const period = { from: '1970-01-01', to: '1970-02-01' };

describe('ratings', () => {
  let rig: BillingRig;
  let db: DataSource;
  beforeAll(async () => {
    rig = await billingRig();
    db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    await rig.account('ada');
    await rig.account('root', 'operator');
    for (const [index, projectUuid] of ['p-1', 'p-1', 'p-2'].entries()) {
      const end = anEnd(0, { startedAt: AT, endedAt: AT + HOUR_MS, outcome: 'failure', cause: 'user' });
      const again = anEnd(0, { startedAt: AT + HOUR_MS, endedAt: AT + 2 * HOUR_MS, attempt: 2 });
      const id = `t-${index}`;
      await rig.append(
        'task',
        id,
        [submitted(id, { projectUuid })],
        [dispatched(aLease(0))],
        [requeued(end)],
        [concluded(again)],
      );
    }
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 1, ghz: 0 };
    const constrained = { hardwareConstraints: [{ discriminator: 'SSDHardwareConstraint' } as const] };
    const odd = anEnd(0, { startedAt: AT, endedAt: AT + HOUR_MS, hardware });
    await rig.append('task', 'odd', [submitted('odd', constrained)], [dispatched(aLease(0))], [concluded(odd)]);
  }, 120_000);
  afterAll(() => rig?.close());

  const begin = async (body: object): Promise<WireRating> => {
    const answer = await rig.send(PATH, { token: 'root-token', body });
    expect(answer).toMatchObject({ status: 200 });
    return ratingSchema.parse(answer.body);
  };
  const read = async (id: string, query = ''): Promise<WireRating> =>
    ratingSchema.parse((await rig.get(`${PATH}/${id}?${query}`, 'root-token')).body);
  const done = async (id: string): Promise<WireRating> => {
    await eventually(async () => (await read(id)).state === 'done');
    return read(id);
  };

  it('are for operators, and say what is wrong with what was asked', async () => {
    expect(await rig.send(PATH, { body: period })).toMatchObject({ status: 403 });
    const refused = async (body: object) => (await rig.send(PATH, { token: 'root-token', body })).body;
    expect(await refused({ ...period, list: 9 })).toMatchObject({
      errors: { list: [expect.stringMatching('no price list')] },
    });
    expect(await refused({ ...period, prices: { ...dearer, hardware: dearer.hardware.slice(0, 1) } })).toMatchObject({
      errors: { 'prices.hardware[0]': [expect.stringMatching('gap')] },
    });
    expect(await refused({ ...period, prices: { ...dearer, currency: 'CHF' } })).toMatchObject({
      errors: { 'prices.currency': [expect.any(String)] },
    });
    expect(await refused({ from: '1970-02', to: '1970-01' })).toMatchObject({ errors: { to: [expect.any(String)] } });
    const { id } = await begin(period);
    expect(await rig.get(`${PATH}/${id}`)).toMatchObject({ status: 403 });
    expect(await rig.get(`${PATH}/nothing`, 'root-token')).toMatchObject({ status: 404 });
    expect(await rig.send(`${PATH}/${id}/commit`, { body: {} })).toMatchObject({ status: 403 });
  });

  it('by the same list differ by nothing', async () => {
    for (const body of [period, { ...period, list: 1 }, { ...period, prices: document }]) {
      const rating = await done((await begin(body)).id);
      expect(rating).toMatchObject({
        total: 7,
        done: 7,
        unrated: 0,
        sums: { attempts: 7, difference: '0', nanos: '0', rest: '0' },
      });
      expect(rating.rows.every(({ nanos, rest }) => nanos === '0' && rest === '0')).toBe(true);
    }
  });

  it('by another one say the difference by project and task, and change nothing', async () => {
    const { body: before } = await rig.get('/fornax/v1/billing/tasks/t-0/lines');
    const { id } = await done((await begin({ ...period, prices: dearer })).id);
    const byProject = await read(id);
    expect(
      byProject.rows.map(({ project, before: is, after, difference }) => [project, is, after, difference]),
    ).toEqual(
      expect.arrayContaining([
        ['p-1', '0.04', '0.08', '0.04'],
        ['p-2', '0.02', '0.04', '0.02'],
      ]),
    );
    const byTask = await read(id, 'by=task&offset=1&limit=2');
    expect(byTask).toMatchObject({ count: 4, by: 'task' });
    expect(byTask.rows).toHaveLength(2);
    expect((await read(id, 'by=task')).rows).toContainEqual(
      expect.objectContaining({
        project: 'p-2',
        task: 't-2',
        attempts: 2,
        difference: '0.02',
        nanos: '20000000',
        rest: '0',
      }),
    );
    expect((await rig.get('/fornax/v1/billing/tasks/t-0/lines')).body).toEqual(before);
    // Half of the period: what started in it.
    const half = await done(
      (await begin({ from: new Date(AT + HOUR_MS).toISOString(), to: '1970-02-01', prices: dearer })).id,
    );
    expect(half.sums).toMatchObject({ attempts: 3, before: '0.03', after: '0.06' });
  });

  it('ask the minimum of an instance once, also where an earlier attempt is not of the period', async () => {
    const prices = { ...document, minimum: '0.025' };
    const half = await done((await begin({ from: new Date(AT + HOUR_MS).toISOString(), to: '1970-02-01', prices })).id);
    // 0.01 of an hour before the period, so the last attempt makes up 0.015.
    expect(half.sums).toMatchObject({ attempts: 3, after: '0.045' });
  });

  it('count once what an instance was charged before the period, though two attempts of it follow', async () => {
    const start = AT + 60 * 24 * HOUR_MS;
    const [first, second, third] = [1, 2, 3].map((attempt) =>
      anEnd(0, {
        ...{ attempt, startedAt: start + (attempt - 1) * HOUR_MS, endedAt: start + attempt * HOUR_MS },
        ...(attempt < 3 ? { outcome: 'failure' as const, cause: 'user' as const } : {}),
      }),
    );
    if (!first || !second || !third) throw new Error('there are three');
    const commits = [[submitted('thrice')], [dispatched(aLease(0))], [requeued(first)], [requeued(second)]];
    await rig.append('task', 'thrice', ...commits, [concluded(third)]);
    const prices = { ...document, minimum: '0.045' };
    const rating = await begin({
      from: new Date(start + HOUR_MS).toISOString(),
      to: new Date(start + 4 * HOUR_MS).toISOString(),
      prices,
    });
    // 0.01 of an hour before the period, 0.01 of the second attempt; the last one makes up 0.025.
    expect((await done(rating.id)).sums).toMatchObject({ attempts: 2, after: '0.035' });
  });

  it('fail with a reason after some tries, and hold up no other one', async () => {
    const { id } = await done((await begin({ ...period, prices: dearer })).id);
    const failed = await done((await begin({ ...period, list: 1 })).id);
    await db.query(`UPDATE rating_run SET state = 'running', list = 77 WHERE id = $1`, [failed.id]);
    await rig.get(`${PATH}/${failed.id}`, 'root-token');
    await eventually(async () => (await read(failed.id)).reason !== null);
    // It waits for its next try.
    expect((await done((await begin({ ...period, prices: dearer })).id)).sums).toEqual((await read(id)).sums);
    await eventually(async () => (await read(failed.id)).state === 'failed', { timeoutMs: 60_000 });
    expect(await read(failed.id)).toMatchObject({ reason: 'There is no price list 77' });
    expect(await rig.send(`${PATH}/${failed.id}/commit`, { token: 'root-token', body: {} })).toMatchObject({
      status: 409,
    });
  });

  it('fail with a reason where the log went back behind what they were asked of', async () => {
    const { id } = await done((await begin({ ...period, prices: dearer })).id);
    const beyond = (await rig.log.head()).sequence + 1_000;
    await db.query(`UPDATE rating_run SET state = 'running', through = $2 WHERE id = $1`, [id, beyond]);
    await begin({ ...period, list: 1 });
    await eventually(async () => (await read(id)).state === 'failed', { timeoutMs: 30_000 });
    expect(await read(id)).toMatchObject({ reason: expect.stringContaining(`ends before commit ${beyond}`) });
  });

  it('go on in another process when theirs was killed, and count nothing twice', async () => {
    const { id } = await done((await begin({ ...period, prices: dearer })).id);
    const whole = await read(id, 'by=task');
    // As a process leaves it that is killed in the middle: rows of some lines, and a state that says it runs.
    await db.query(`UPDATE rating_run SET state = 'running', done = 3 WHERE id = $1`, [id]);
    await db.query(`DELETE FROM rating_difference WHERE run_id = $1 AND task_id = 't-1'`, [id]);
    const replica = await createTestApp(BillingModule, { env: rig.env, name: 'billing' });
    try {
      await eventually(async () => {
        const [row] = await db.query<{ state: string }[]>('SELECT state FROM rating_run WHERE id = $1', [id]);
        return row?.state === 'done';
      });
    } finally {
      await replica.close();
    }
    expect(await read(id, 'by=task')).toEqual(whole);
  });
});
