import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  priceDocumentOf,
  ratingProgressSchema,
  ratingSchema,
  statementSchema,
  taskCostSchema,
  type WireRating,
  type WireRatingProgress,
  type WireStatement,
} from '@fornax/contracts';
import { defaultPriceList } from '@fornax/domain';
import { aCommit, aLease, anEnd, AT, concluded, dispatched, eventually, requeued, submitted } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { openCursor } from '../queries/cursor.js';
import { RatingCommits } from './rating-commits.js';
import { linesSql } from './rating-rows.js';
import { RatingRuns } from './rating-runs.js';
import { RatingWork } from './rating-work.js';

const HOUR_MS = 3_600_000;
const PATH = '/fornax/v1/billing/ratings';
const token = 'root-token';
const dearer = {
  ...priceDocumentOf(defaultPriceList),
  work: { flex: '0.008', onDemand: '0.014', reserved: '0.012' },
  validFrom: '2099-01-01T00:00:00Z',
};
const period = { from: '1970-01-01', to: '1970-02-01' };

describe('the difference of a rating', () => {
  let rig: BillingRig;
  let db: DataSource;
  /** A task of two attempts of an hour each, in January 1970. */
  const run = (id: string, projectUuid: string) => {
    const end = anEnd(0, { startedAt: AT, endedAt: AT + HOUR_MS, outcome: 'failure', cause: 'user' });
    const again = anEnd(0, { startedAt: AT + HOUR_MS, endedAt: AT + 2 * HOUR_MS, attempt: 2 });
    const commits = [[submitted(id, { projectUuid })], [dispatched(aLease(0))], [requeued(end)], [concluded(again)]];
    return rig.append('task', id, ...commits);
  };
  beforeAll(async () => {
    rig = await billingRig();
    db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    await rig.account('ada');
    await rig.account('root', 'operator');
    for (const [index, project] of ['p-1', 'p-1', 'p-2'].entries()) await run(`t-${index}`, project);
    expect(await rig.send('/fornax/v1/billing/prices', { token, body: dearer })).toMatchObject({ status: 200 });
  }, 120_000);
  afterAll(() => rig?.close());

  const until = async (id: string, state: WireRating['state']): Promise<WireRating> => {
    const read = async () => ratingSchema.parse((await rig.get(`${PATH}/${id}`, token)).body);
    await eventually(async () => (await read()).state === state, { timeoutMs: 60_000 });
    return read();
  };
  const rated = async (body: object): Promise<WireRating> => {
    const { id } = ratingSchema.parse((await rig.send(PATH, { token, body })).body);
    return until(id, 'done');
  };
  const commit = (id: string) => rig.send(`${PATH}/${id}/commit`, { token, body: {} });
  const booked = async (body: object): Promise<WireRating> => {
    const { id } = await rated(body);
    expect(await commit(id)).toMatchObject({ status: 200 });
    return until(id, 'committed');
  };
  const statement = async (groupBy: string, query = 'from=1970-01-01&to=1970-02-01'): Promise<WireStatement> =>
    statementSchema.parse((await rig.get(`/fornax/v1/billing/statements?${query}&groupBy=${groupBy}`, token)).body);
  const amounts = async (groupBy: string, query?: string) =>
    Object.fromEntries((await statement(groupBy, query)).rows.map(({ by, amount }) => [by[groupBy], amount]));
  const audit = async (): Promise<string> => {
    const response = await fetch(`${rig.service.url}/fornax/v1/billing/audit`, { headers: { authorization: token } });
    return response.text();
  };
  const used = async (account: string) =>
    db.query('SELECT month, net_parts, gross_parts, lines FROM month_usage WHERE owner = $1 ORDER BY month', [account]);

  it('is nothing by the lists that lines have, and then nothing is booked', async () => {
    const before = await rig.get('/fornax/v1/billing/tasks/t-0/lines');
    expect(await booked(period)).toMatchObject({ sums: { difference: '0' } });
    expect((await rig.get('/fornax/v1/billing/tasks/t-0/lines')).body).toEqual(before.body);
    expect(await audit()).not.toContain('event: finding');
  });

  it('is in statements, lines and credits once it is booked, and gone when the first list is booked again', async () => {
    const before = await statement('task');
    const usedBefore = await used('ada');
    expect(await amounts('project')).toEqual({ 'p-1': '0.04', 'p-2': '0.02' });
    const stale = await rated({ ...period, list: 2 });
    const { id, sums } = await booked({ ...period, list: 2 });
    expect(sums).toMatchObject({ before: '0.06', after: '0.12', difference: '0.06' });
    for (const query of [undefined, 'from=1970-01'])
      expect(await amounts('project', query)).toEqual({ 'p-1': '0.08', 'p-2': '0.04' });
    // Of an interval that cuts an hour, what started in it.
    const cut = 'from=1970-01-01T00:30:00Z&to=1970-01-31T00:30:00Z';
    expect(await amounts('project', cut)).toEqual({ 'p-1': '0.04', 'p-2': '0.02' });
    expect(await amounts('task')).toEqual({ 't-0': '0.04', 't-1': '0.04', 't-2': '0.04' });
    const after = await statement('node');
    // What was used is what it was: an adjustment is no attempt.
    expect(after.total).toMatchObject({
      attempts: before.total.attempts,
      seconds: before.total.seconds,
      amount: '0.12',
    });
    const lines = (await rig.get('/fornax/v1/billing/tasks/t-0/lines')).body;
    expect(lines).toMatchObject({ count: 4, totalMicros: 40_000 });
    // What it has cost, and by what list, is what its lines say.
    const cost = taskCostSchema.parse((await rig.get('/fornax/v1/billing/tasks/t-0/cost')).body);
    expect(cost).toMatchObject({ spentMicros: 40_000, totalMicros: 40_000 });
    expect(cost.whatIf.filter(({ isOwn }) => isOwn)).toMatchObject([{ micros: 40_000 }]);
    expect(cost.whatIf).toContainEqual({ plan: 'onDemand', hardware: null, micros: 70_000, isOwn: false });
    expect(lines).toMatchObject({
      lines: [
        { attempt: 1, run: 0, amountMicros: 10_000, corrects: null, priceListVersion: 1 },
        { attempt: 1, run: 2, amountMicros: 10_000, corrects: '1970-01', priceListVersion: 2, rule: 'work/flex' },
        { attempt: 2, run: 0 },
        { attempt: 2, run: 2 },
      ],
    });
    const [day] = await db.query(`SELECT net_parts FROM project_day WHERE project_uuid = 'p-1'`);
    expect(day).toEqual({ net_parts: String(80_000_000n * 36_000_000_000_000n) });
    expect(await audit()).not.toContain('event: finding');

    expect(await commit(id)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('is booked already') },
    });
    expect(await commit(stale.id)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('rated or corrected since') },
    });
    // By the lists that lines have now there is no difference.
    expect((await rated(period)).sums).toMatchObject({ difference: '0', before: '0.12' });
    await booked({ ...period, list: 1 });
    expect(await statement('task')).toEqual({ ...before, through: expect.any(Number), proof: expect.anything() });
    expect(await used('ada')).toEqual(usedBefore);
    expect(await audit()).not.toContain('event: finding');
  });

  it('is not booked of a list that was never published, or twice at a time', async () => {
    const { validFrom: _, ...prices } = dearer;
    const what = await rated({ ...period, prices });
    expect(await commit(what.id)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('was never published') },
    });
    expect(await commit('nothing')).toMatchObject({ status: 404 });
    const { id } = await rated({ ...period, list: 2 });
    const answers = await Promise.all([commit(id), commit(id), commit(id)]);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    await until(id, 'committed');
    expect(await amounts('project')).toEqual({ 'p-1': '0.08', 'p-2': '0.04' });
  });

  it('is refused where something of the period was rated since', async () => {
    const { id } = await rated({ ...period, list: 1 });
    await run('t-late', 'p-2');
    expect(await commit(id)).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('rated or corrected since') },
    });
  });

  it('is compared with the log: one that is false, gone or of other use is found', async () => {
    const changes: readonly [string, string, RegExp][] = [
      [
        'amount_nanos = amount_nanos + 1',
        "task_id = 't-0' AND attempt = 2 AND run = 4",
        /rating run \d+ that differs: amount_nanos/,
      ],
      [
        "owner = 'bob'",
        "task_id = 't-0' AND attempt = 2 AND run = 4",
        /it is of other use than the line that it corrects/,
      ],
      ["counts_at = counts_at + interval '1 day'", "task_id = 't-0' AND attempt = 2 AND run = 4", /counts_at is/],
      [
        'run = 77',
        "task_id = 't-0' AND attempt = 2 AND run = 4",
        /is corrected by rating run 4, and has no line of it/,
      ],
    ];
    for (const [change, where, expected] of changes) {
      await db.query('CREATE TABLE kept AS TABLE bill_line');
      const [, count] = await db.query<[unknown, number]>(`UPDATE bill_line SET ${change} WHERE ${where}`);
      expect(count).toBe(1);
      expect(await audit()).toMatch(expected);
      await db.query('TRUNCATE bill_line');
      await db.query('INSERT INTO bill_line SELECT * FROM kept');
      await db.query('DROP TABLE kept');
    }
    // One that nobody booked.
    await db.query(`INSERT INTO bill_line SELECT * FROM bill_line WHERE false`);
    await db.query(`CREATE TABLE one AS SELECT * FROM bill_line WHERE task_id = 't-0' AND attempt = 2 AND run = 4`);
    await db.query('UPDATE one SET run = 78');
    await db.query('INSERT INTO bill_line SELECT * FROM one');
    expect(await audit()).toContain('rating run 78');
    await db.query('DELETE FROM bill_line WHERE run = 78');
    await db.query('DROP TABLE one');
    expect(await audit()).not.toContain('event: finding');
  });

  describe('and a month that is closed', () => {
    const close = (month: string) => rig.send(`/fornax/v1/billing/months/${month}/close`, { token, body: {} });
    const now = `from=${new Date().getUTCFullYear() - 1}&to=2090-01`.replace(/from=(\d+)/, 'from=$1-01');

    it('is closed by operators, when it is over, and stays so', async () => {
      expect(await rig.send('/fornax/v1/billing/months/1970-01/close', { body: {} })).toMatchObject({ status: 403 });
      expect(await close('2099-01')).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining('is not over yet') },
      });
      expect(await close('1970-13')).toMatchObject({ status: 400 });
      const first = await close('1970-01');
      expect(first).toMatchObject({ status: 200, body: [{ month: '1970-01', sequence: expect.any(Number) }] });
      expect(await close('1970-01')).toEqual(first);
      expect((await rig.get('/fornax/v1/billing/months', 'ada-token')).body).toEqual(first.body);
      const reopened = await fetch(`${rig.service.url}/fornax/v1/billing/months/1970-01/close`, {
        method: 'DELETE',
        headers: { authorization: token },
      });
      expect(reopened.status).toBe(409);
    });

    it('reads the same ever after: late lines and corrections count when they are told', async () => {
      const kinds = ['project', 'task', 'node', 'plan', 'project,user'];
      const before = await Promise.all(kinds.map((kind) => statement(kind)));
      expect((await statement('task', now)).rows).toEqual([]);
      await run('t-back', 'p-1');
      await booked({ ...period, list: 1 });
      const after = await Promise.all(kinds.map((kind) => statement(kind)));
      expect(after.map(({ rows, total }) => ({ rows, total }))).toEqual(
        before.map(({ rows, total }) => ({ rows, total })),
      );
      expect(await amounts('task', now)).toEqual({ 't-0': '-0.02', 't-1': '-0.02', 't-2': '-0.02' });
      // What is told by a clock that is behind counts as soon as it can.
      expect(await amounts('task', 'from=1970-02&to=1970-03')).toEqual({ 't-back': '0.02' });
      const { lines } = (await rig.get('/fornax/v1/billing/tasks/t-back/lines')).body as { lines: object[] };
      expect(lines).toEqual([
        expect.objectContaining({ run: 0, corrects: '1970-01', countsAt: '1970-02-01T00:00:00.000Z' }),
        expect.objectContaining({ run: 0, corrects: '1970-01' }),
      ]);
      expect(await audit()).not.toContain('event: finding');
    });
  });

  it('is booked once the ledger shows all that was rated, and is said to be booked also where its process died in between', async () => {
    const commits = rig.service.app.get(RatingCommits);
    const work = () => commits.work(new AbortController().signal, () => undefined);
    const { id } = await rated({ ...period, list: 2 });
    const books = (await rig.log.readAggregate('pricing', 'books')).at(-1)?.sequence ?? 0;
    const { sequence } = await rig.log.head();
    // As of a ledger whose last rows were lost: those of the next task.
    const time = { from: AT, to: AT + 3 * HOUR_MS };
    const begun = { type: 'RatingCommitBegun', ratingId: id, ...time, through: sequence + 5, list: 2 } as const;
    await rig.log.append('pricing', 'books', aCommit('begun', [{ ...begun, run: 900, at: AT }]), books);
    expect(await work()).toBe(false);
    expect(await rig.log.readAggregate('pricing', id)).toEqual([]);

    expect(await run('t-lost', 'p-1')).toBe(begun.through);
    await eventually(work);
    const { lines } = (await rig.get('/fornax/v1/billing/tasks/t-lost/lines')).body as { lines: object[] };
    expect(lines).toMatchObject([{ run: 0 }, { run: 900 }, { run: 0 }, { run: 900 }]);
    await db.query(`UPDATE rating_run SET state = 'committing' WHERE id = $1`, [id]);
    await until(id, 'committed');
    expect(await audit()).not.toContain('event: finding');
  });

  const begunByHand = async (
    id: string,
    over: { readonly through: number; readonly list: number; readonly run: number },
  ) => {
    const books = (await rig.log.readAggregate('pricing', 'books')).at(-1)?.sequence ?? 0;
    const time = { from: AT, to: AT + 3 * HOUR_MS };
    const begun = { type: 'RatingCommitBegun', ratingId: id, ...time, ...over, at: AT } as const;
    await rig.log.append('pricing', 'books', aCommit(`begun-${over.run}`, [begun]), books);
    await db.query(`UPDATE rating_run SET state = 'committing' WHERE id = $1`, [id]);
  };

  it('that cannot be booked holds up no other one, and fails with its reason after some tries', async () => {
    const { id, through } = await rated({ ...period, list: 2 });
    await begunByHand(id, { through, list: 99, run: 901 });
    // Others are rated while it is tried again.
    expect(await rated(period)).toMatchObject({ state: 'done' });
    expect(await until(id, 'failed')).toMatchObject({ reason: 'There is no price list 99' });
    expect(await commit(id)).toMatchObject({ status: 409 });
    expect(await booked({ ...period, list: 1 })).toMatchObject({ state: 'committed' });
    expect(await audit()).not.toContain('event: finding');
  }, 120_000);

  it('is not booked where a task ended between the look at it and the decision', async () => {
    const { id, through } = await rated({ ...period, list: 2 });
    await run('t-between', 'p-1');
    await begunByHand(id, { through, list: 2, run: 902 });
    expect(await until(id, 'failed')).toMatchObject({ reason: expect.stringContaining('rated or corrected since') });
    expect(await rig.log.readAggregate('pricing', id)).toEqual([]);
  }, 60_000);

  it('is rated once the ledger shows what it showed when that was asked for', async () => {
    const { id } = ratingSchema.parse((await rig.send(PATH, { token, body: period })).body);
    await until(id, 'done');
    const work = rig.service.app.get(RatingWork);
    await db.transaction(async (tx) => {
      // The ledger is behind for as long as this lasts.
      await tx.query('LOCK TABLE bill_line IN SHARE MODE');
      const sequence = await run('t-awaited', 'p-1');
      await db.query(`UPDATE rating_run SET state = 'running', through = $2 WHERE id = $1`, [id, sequence]);
      const looked = work.changes.next({ timeoutMs: 30_000 });
      work.wakeIn(0);
      expect(await looked).toBe(true);
      expect((await rig.get(`${PATH}/${id}`, token)).body).toMatchObject({ state: 'running', reason: null });
    });
    rig.service.app.get(RatingRuns).wake();
    expect(await until(id, 'done')).toMatchObject({ done: expect.any(Number) });
  }, 60_000);

  it('is booked no further than two parts before the ledger, so whoever reads a bill meanwhile need not wait for all of it', async () => {
    const MANY = 4;
    const ends = Array.from({ length: 1_000 }, (_, instance) =>
      anEnd(instance, { startedAt: AT, endedAt: AT + HOUR_MS }),
    );
    for (let index = 0; index < MANY; index += 1)
      await rig.append('task', `t-many-${index}`, [submitted(`t-many-${index}`)], [concluded(...ends)]);
    const { id } = await rated({ ...period, list: 2 });
    const reach = jest.spyOn(rig.service.app.get(LedgerReader), 'reach');
    await db.transaction(async (tx) => {
      // The ledger is behind for as long as this lasts.
      await tx.query('LOCK TABLE bill_line IN SHARE MODE');
      expect(await commit(id)).toMatchObject({ status: 200 });
      await eventually(() => reach.mock.calls.length === 1, { timeoutMs: 30_000 });
      expect(await rig.log.readAggregate('pricing', id)).toHaveLength(2);
    });
    expect(await until(id, 'committed')).toMatchObject({ reason: null });
    const parts = await rig.log.readAggregate('pricing', id);
    expect(parts.length).toBeGreaterThan(MANY);
    expect(reach.mock.calls.map(([sequence]) => sequence)).toEqual(parts.slice(0, -2).map(({ sequence }) => sequence));
    expect(await audit()).not.toContain('event: finding');
  }, 60_000);

  it('holds no transaction while the ledger stands, and goes on when it follows again', async () => {
    const { id } = await rated({ ...period, list: 1 });
    const transactions = (): Promise<object[]> =>
      db.query(`SELECT pid FROM pg_stat_activity WHERE datname = current_database()
        AND state = 'idle in transaction' AND query LIKE 'FETCH %'`);
    await db.transaction(async (tx) => {
      await tx.query('LOCK TABLE bill_line IN SHARE MODE');
      expect(await commit(id)).toMatchObject({ status: 200 });
      await eventually(async () => (await transactions()).length === 1);
      await eventually(async () => (await transactions()).length === 0);
      expect(await rig.log.readAggregate('pricing', id)).toHaveLength(2);
    });
    await until(id, 'committed');
    expect(await audit()).not.toContain('event: finding');
  }, 60_000);

  it('is read without nested loops, also where statistics are of before the ledger grew', async () => {
    const runner = db.createQueryRunner();
    try {
      await runner.startTransaction();
      // What the planner knows of a table that was looked at when it had a handful of lines.
      await runner.query('CREATE TEMPORARY TABLE bill_line ON COMMIT DROP AS SELECT * FROM bill_line LIMIT 3');
      await runner.query('ANALYZE bill_line');
      const lines = linesSql({ from: 0, to: AT + HOUR_MS }, 1_000_000);
      const plan = async () => JSON.stringify(await runner.query(`EXPLAIN ${lines.text}`, [...lines.values]));
      expect(await plan()).toContain('Nested Loop');
      await openCursor(runner, lines, 1);
      expect(await plan()).not.toContain('Nested Loop');
    } finally {
      await runner.rollbackTransaction().finally(() => runner.release());
    }
  });

  it('is answered for under one key as it was the first time', async () => {
    const { id } = await rated({ ...period, list: 2 });
    const keyed = async () => {
      const headers = { authorization: token, 'content-type': 'application/json', 'idempotency-key': `booking-${id}` };
      const response = await fetch(`${rig.service.url}${PATH}/${id}/commit`, { method: 'POST', headers, body: '{}' });
      return { status: response.status, body: await response.json() };
    };
    const first = await keyed();
    expect(first).toMatchObject({ status: 200 });
    await until(id, 'committed');
    expect(await keyed()).toEqual(first);
    expect(await commit(id)).toMatchObject({ status: 409 });
  });

  it('is followed while it is rated and booked, by operators', async () => {
    const follow = async (id: string): Promise<readonly WireRatingProgress[]> => {
      const response = await fetch(`${rig.service.url}${PATH}/${id}/events`, { headers: { authorization: token } });
      return (await response.text())
        .split('\n\n')
        .flatMap((block) => /^event: rating\ndata: (.*)$/.exec(block)?.slice(1) ?? [])
        .map((data) => ratingProgressSchema.parse(JSON.parse(data)));
    };
    const { id } = ratingSchema.parse((await rig.send(PATH, { token, body: { ...period, list: 1 } })).body);
    const steps = await follow(id);
    expect(steps.at(-1)).toMatchObject({ state: 'done', done: steps.at(-1)?.total });
    expect(await commit(id)).toMatchObject({ status: 200 });
    const [last] = (await follow(id)).slice(-1);
    expect(last).toMatchObject({ id, state: 'committed' });
    expect(last?.booked).toBeGreaterThan(0);
    expect(await rig.get(`${PATH}/nothing/events`, token)).toMatchObject({ status: 404 });
    for (const [method, path] of [
      ['GET', `${PATH}/${id}`],
      ['GET', `${PATH}/${id}/events`],
      ['POST', `${PATH}/${id}/commit`],
      ['POST', PATH],
    ] as const)
      expect(await rig.send(path, method === 'GET' ? {} : { body: {} })).toMatchObject({ status: 403 });
  });
});
