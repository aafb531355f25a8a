import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { monthsAfter, PARTS_PER_MICRO, PARTS_PER_NANO, rounded, startOfDay } from '@fornax/domain';
import { statementSchema, type FornaxEvent, type WireStatement } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import {
  aLease,
  anEnd,
  concluded,
  dispatched,
  eventually,
  leaveAtOnce,
  poolCreated,
  requestHead,
  requeued,
  slotsEnded,
  submitted,
} from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { StatementReader } from './statement-reader.js';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';

const HOUR_MS = 3_600_000;
const FIRST = Date.UTC(2026, 1, 27);
const SPAN_MS = 5 * 24 * HOUR_MS;

interface StoredLine {
  readonly task_id: string;
  readonly owner: string;
  readonly project_uuid: string | null;
  readonly plan: string;
  readonly node: string;
  readonly specification_key: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly started_at: Date | null;
  readonly ended_at: Date;
  readonly billed_ms: string;
  readonly milli_cores: number;
  readonly amount_nanos: string;
  readonly amount_rest: string;
}
const KEYS: Readonly<Record<string, (line: StoredLine) => string>> = {
  project: (line) => line.project_uuid ?? line.owner,
  user: (line) => line.owner,
  task: (line) => line.task_id,
  plan: (line) => line.plan,
  node: (line) => line.node,
  hardware: (line) => line.specification_key,
};
const timeOf = (line: StoredLine): number => (line.started_at ?? line.ended_at).getTime();
const partsOf = ({ nanos, rest }: { readonly nanos: string; readonly rest: string }): bigint =>
  BigInt(nanos) * PARTS_PER_NANO + BigInt(rest);
const microsOf = (amount: string): bigint => {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(6, '0'));
};
const summed = (lines: readonly StoredLine[]) => ({
  attempts: lines.length,
  instances: lines.filter(({ attempt }) => attempt === 1).length,
  failures: lines.filter(({ outcome }) => outcome === 'failure').length,
  ms: lines.reduce((sum, line) => sum + BigInt(line.billed_ms), 0n),
  coreMs: lines.reduce((sum, line) => sum + BigInt(line.billed_ms) * BigInt(line.milli_cores), 0n),
  parts: lines.reduce((sum, line) => sum + partsOf({ nanos: line.amount_nanos, rest: line.amount_rest }), 0n),
});
const scaled = (text: string, digits: number): bigint => {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(digits, '0'));
};
const readSums = (row: WireStatement['total']) => ({
  attempts: row.attempts,
  instances: row.instances,
  failures: row.failures,
  ms: scaled(row.seconds, 3),
  coreMs: scaled(row.coreSeconds, 6),
  parts: partsOf(row),
});

describe('statements', () => {
  let rig: BillingRig;
  let lines: readonly StoredLine[];
  const submissions = new Map<string, { readonly tags: readonly string[]; readonly team: string | null }>();
  beforeAll(async () => {
    rig = await billingRig();
    for (const id of ['ada', 'bob']) await rig.account(id);
    await rig.account('root', 'operator');
    const [random] = fc.sample(
      fc.array(
        fc.record({
          owner: fc.constantFrom('ada', 'bob'),
          project: fc.constantFrom('p-1', 'p-2', undefined),
          plan: fc.constantFrom('flex' as const, 'onDemand' as const),
          tags: fc.constantFrom([], ['red'], ['red', 'blue'], ['=1+1']),
          team: fc.constantFrom(undefined, 'physics', 'chemistry'),
          attempts: fc.array(
            fc.record({
              at: fc.integer({ min: 0, max: SPAN_MS }),
              ms: fc.integer({ min: 0, max: 3 * HOUR_MS }),
              node: fc.constantFrom('n-1', 'n-2', 'n-3'),
              ghz: fc.integer({ min: 1, max: 4 }),
              isLost: fc.boolean(),
            }),
            { minLength: 1, maxLength: 8 },
          ),
        }),
        { minLength: 40, maxLength: 60 },
      ),
      { numRuns: 1, seed: 14 },
    );
    for (const [index, one] of (random ?? []).entries()) {
      const id = `t-${index}`;
      submissions.set(id, { tags: one.tags, team: one.team ?? null });
      const spec = {
        ...(one.project === undefined ? {} : { projectUuid: one.project }),
        plan: one.plan,
        tags: one.tags,
        labels: one.team === undefined ? {} : { team: one.team },
        instances: `0-${one.attempts.length - 1}`,
      };
      const ends = one.attempts.map(({ at, ms, node, ghz, isLost }, instance) => ({
        isLost,
        end: anEnd(instance, {
          ...(isLost ? { outcome: 'failure' as const, cause: 'node-lost' as const } : {}),
          startedAt: FIRST + at,
          endedAt: FIRST + at + ms,
          node,
          hardware: { specificationKey: `key-${ghz}`, cpuModel: 'x', cores: 8, ghz },
        }),
      }));
      const lost = ends.flatMap(({ isLost, end }) => (isLost ? [end] : []));
      const events: FornaxEvent[][] = [
        [submitted(id, spec, one.owner)],
        [dispatched(...one.attempts.map((_, instance) => aLease(instance)))],
        ...(lost.length > 0 ? [[requeued(...lost)]] : []),
        [
          concluded(
            ...ends.map(({ isLost, end }) => (isLost ? { ...end, outcome: 'success' as const, attempt: 2 } : end)),
          ),
        ],
      ];
      await rig.append('task', id, ...events);
    }
    await rig.append(
      'pool',
      'pool-1',
      [poolCreated('pool-1')],
      [slotsEnded(anEnd(0, { startedAt: FIRST + 1, endedAt: FIRST + 70 }))],
    );
    await ask('from=2026-01&to=2027-01');
    lines = await rig.service.app.get<DataSource>(getDataSourceToken('billing')).query('SELECT * FROM bill_line');
  }, 180_000);
  afterAll(() => rig?.close());

  const ask = async (query: string, token = 'root-token'): Promise<WireStatement> => {
    const { status, body } = await rig.get(
      `/fornax/v1/billing/statements?${query.includes('limit=') ? '' : 'limit=10000&'}${query}`,
      token,
    );
    expect({ status, body: status === 200 ? undefined : body }).toEqual({ status: 200, body: undefined });
    return statementSchema.parse(body);
  };
  const csv = async (query: string, token = 'root-token'): Promise<string> => {
    const response = await fetch(`${rig.service.url}/fornax/v1/billing/statements?format=csv&${query}`, {
      headers: { authorization: token },
    });
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    return response.text();
  };

  const cut = () =>
    fc.oneof(
      fc.integer({ min: -HOUR_MS, max: SPAN_MS + HOUR_MS }).map((ms) => FIRST + ms),
      fc.integer({ min: -1, max: SPAN_MS / HOUR_MS }).map((hours) => FIRST + hours * HOUR_MS),
      fc.integer({ min: 0, max: 100 }).map((index) => timeOf(lines[index % lines.length] as StoredLine)),
    );
  const during = (one: number, other: number) => {
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    return {
      query: `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`,
      counted: lines.filter((line) => timeOf(line) >= from && timeOf(line) < to),
    };
  };

  it('sum up exactly what the lines of any half-open interval say, by whatever they are divided by', async () => {
    await fc.assert(
      fc.asyncProperty(
        cut(),
        cut(),
        fc.subarray(Object.keys(KEYS), { minLength: 1, maxLength: 4 }),
        async (one, other, groupBy) => {
          const { query, counted } = during(one, other);
          const statement = await ask(`${query}&groupBy=${groupBy.join(',')}`);
          expect(readSums(statement.total)).toEqual(summed(counted));
          const expected = Map.groupBy(counted, (line) =>
            JSON.stringify(Object.fromEntries(groupBy.map((key) => [key, KEYS[key]?.(line)]))),
          );
          expect(statement.count).toBe(expected.size);
          expect(new Map(statement.rows.map((row) => [JSON.stringify(row.by), readSums(row)]))).toEqual(
            new Map([...expected].map(([key, own]) => [key, summed(own)])),
          );
          const shown = statement.rows.reduce((sum, { amount }) => sum + microsOf(amount), 0n);
          expect(shown).toBe(microsOf(statement.total.amount));
          expect(shown).toBe(rounded(summed(counted).parts, PARTS_PER_MICRO));
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it('sum up what was submitted under a tag or a label, of any half-open interval, of one project or all', async () => {
    await fc.assert(
      fc.asyncProperty(
        cut(),
        cut(),
        fc.constantFrom(undefined, 'ada'),
        fc.constantFrom('tag', 'label:team'),
        async (one, other, project, by) => {
          const { query, counted } = during(one, other);
          const own = counted.filter((line) => project === undefined || KEYS['project']?.(line) === project);
          const { rows, total } = await ask(
            `${query}&groupBy=${by}${project === undefined ? '' : `&project=${project}`}`,
          );
          expect(readSums(total)).toEqual(summed(own));
          const keysOf = ({ task_id }: StoredLine): readonly (string | null)[] => {
            const { tags, team } = submissions.get(task_id) ?? { tags: [], team: null };
            return by === 'label:team' ? [team] : tags.length > 0 ? tags : [null];
          };
          const keys = new Set(own.flatMap(keysOf));
          expect(new Map(rows.map((row) => [row.by[by], readSums(row)]))).toEqual(
            new Map([...keys].map((key) => [key, summed(own.filter((line) => keysOf(line).includes(key)))])),
          );
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it('of months of a time zone follow each other without a gap, and sum to that of the time between', async () => {
    for (const zone of ['UTC', 'Europe/Zurich', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Pacific/Kiritimati']) {
      const months = ['2026-02', '2026-03', '2026-04'];
      const each = await Promise.all(
        months.map((month) =>
          ask(`from=${month}&to=${monthsAfter(`${month}-01`, 1).slice(0, 7)}&timeZone=${encodeURIComponent(zone)}`),
        ),
      );
      const parts = each.reduce((sum, { total }) => sum + partsOf(total), 0n);
      expect(parts).toBe(summed(lines).parts);
      expect(each[1]?.from).toBe(each[0]?.to);
      expect(Date.parse(each[1]?.from ?? '')).toBe(startOfDay('2026-03-01', zone));
      expect(each.map(({ total }) => total.attempts).reduce((sum, count) => sum + count)).toBe(lines.length);
    }
  });

  it('show several tags of a task each with it, what has none as such, and it once in the total', async () => {
    const { rows, total } = await ask('from=2026-01&to=2027-01&groupBy=tag');
    expect(rows.map(({ by }) => by['tag'])).toEqual(['=1+1', 'blue', 'red', null]);
    expect(readSums(total)).toEqual(summed(lines));
    const { rows: teams } = await ask('from=2026-01&to=2027-01&groupBy=label:team');
    expect(teams.map(({ by }) => by['label:team'])).toEqual(['chemistry', 'physics', null]);
    expect(teams.reduce((sum, row) => sum + partsOf(row), 0n)).toBe(summed(lines).parts);
  });

  it('are the same as CSV, in which nothing is a formula', async () => {
    const query = 'from=2026-01&to=2027-01&groupBy=user,task';
    const { rows } = await ask(query);
    const [head, ...told] = (await csv(query)).trimEnd().split('\r\n');
    expect(head).toBe('user,userEmail,task,attempts,instances,failures,seconds,coreSeconds,amount,nanos,rest,currency');
    expect(told).toEqual(
      rows.map((row) =>
        [
          ...[row.by['user'], row.names['user'], row.by['task'], row.attempts, row.instances, row.failures],
          ...[row.seconds, row.coreSeconds, row.amount, row.nanos, row.rest, 'EUR'],
        ].join(','),
      ),
    );
    expect(await csv('from=2026-01&to=2027-01&groupBy=tag')).toContain("\r\n'=1+1,");
  });

  it('come in pages', async () => {
    const all = await ask('from=2026-01&to=2027-01&groupBy=task');
    const page = await ask('from=2026-01&to=2027-01&groupBy=task&offset=3&limit=2');
    expect(page).toMatchObject({ count: all.count, rows: all.rows.slice(3, 5), total: all.total });
    expect(await ask('from=2026-01&to=2027-01&groupBy=task&offset=9999')).toMatchObject({ count: all.count, rows: [] });
    expect(await ask('from=2020-01&to=2020-02')).toMatchObject({
      count: 0,
      rows: [],
      total: { attempts: 0, amount: '0' },
    });
  });

  it('are of what is somebody’s own, and nobody learns of others', async () => {
    const own = summed(lines.filter(({ owner }) => owner === 'bob'));
    for (const groupBy of ['project', 'user,task', 'tag', 'node'])
      expect(readSums((await ask(`from=2026-01&to=2027-01&groupBy=${groupBy}`, 'bob-token')).total)).toEqual(own);
    const told = await csv('from=2026-01&to=2027-01&groupBy=user,project', 'bob-token');
    expect(told).toContain('bob@example.org');
    expect(told).not.toContain('ada');
    const path = '/fornax/v1/billing/statements?from=2026-01';
    for (const who of ['ada', 'ada@example.org', 'nobody'])
      expect(await rig.get(`${path}&account=${who}`, 'bob-token')).toMatchObject({ status: 404 });
    expect(readSums((await ask('from=2026-01&to=2027-01&account=bob@example.org')).total)).toEqual(own);
    // A project of somebody else is answered as one that does not exist, whatever the format.
    for (const format of ['json', 'csv'])
      for (const project of ['ada', 'no-such'])
        expect(await rig.get(`${path}&format=${format}&project=${project}`, 'bob-token')).toMatchObject({
          status: 404,
          body: { message: `No such project: ${project}` },
        });
    expect(await rig.get(`${path}&project=no-such`, 'root-token')).toMatchObject({ status: 404 });
    expect(readSums((await ask('from=2026-01&to=2027-01&project=ADA', 'root-token')).total)).toEqual(
      summed(lines.filter((line) => (line.project_uuid ?? line.owner) === 'ada')),
    );
  });

  it('count what has no price yet with its project alone', async () => {
    const odd = anEnd(0, {
      startedAt: FIRST + 5,
      endedAt: FIRST + 10,
      hardware: { specificationKey: 'odd', cpuModel: 'x', cores: 8, ghz: 0 },
    });
    await rig.append(
      'task',
      'odd',
      [submitted('odd', { projectUuid: 'bob' }, 'bob')],
      [dispatched(aLease(0))],
      [concluded(odd)],
    );
    const unrated = async (query: string, token?: string) =>
      (await ask(`from=2026-01&to=2027-01${query}`, token)).unrated;
    expect(await unrated('')).toBe(1);
    expect(await unrated('&project=bob')).toBe(1);
    expect(await unrated('&project=ada')).toBe(0);
    expect(await unrated('', 'ada-token')).toBe(0);
  });

  it.each([
    ['from=yesteryear', 'from'],
    ['from=2026-13', 'from'],
    ['from=0000-01-01', 'from'],
    ['from=0001-01-01&timeZone=Europe/Zurich', 'from'],
    ['from=2026-01&to=9999-12-31&timeZone=America/New_York', 'to'],
    ['from=2026-01&to=2025-01', 'to'],
    ['from=2026-01&groupBy=owner', 'groupby'],
    ['from=2026-01&groupBy=task,task', 'groupby'],
    ['from=2026-01&groupBy=label:', 'groupby'],
    ['from=2026-01&timeZone=Europe/Atlantis', 'timezone'],
    ["from=2026-01&groupBy=label:x') FROM usage_terms; DROP TABLE bill_line; --,task", undefined],
  ])('of %s are refused by the field that is wrong, or safe', async (query, field) => {
    const { status, body } = await rig.get(`/fornax/v1/billing/statements?${query}`);
    if (field === undefined) expect(status).toBe(200);
    else expect({ status, body }).toMatchObject({ status: 400, body: { errors: { [field]: [expect.any(String)] } } });
  });

  it('lead down: task, its lines, and the commit that ended each of their attempts', async () => {
    const { rows } = await ask('from=2026-01&to=2027-01&groupBy=task', 'ada-token');
    const row = rows.find(({ failures }) => failures > 0);
    const { body } = await rig.get(row?.lines ?? '');
    const found = body as {
      readonly count: number;
      readonly lines: readonly {
        sequence: number;
        commitId: string;
        instance: number;
        attempt: number;
        links: object;
      }[];
    };
    expect(found.count).toBe(row?.attempts);
    const task = row?.by['task'] ?? '';
    // Whoever sees a row may follow it.
    const others = await ask('from=2026-01&to=2027-01&groupBy=task&account=ada', 'root-token');
    expect(others.rows.map(({ lines }) => lines)).toContain(row?.lines);
    expect(await rig.get(row?.lines ?? '', 'root-token')).toEqual({ status: 200, body });
    expect(await rig.get(row?.lines ?? '', 'bob-token')).toMatchObject({ status: 404 });
    for (const line of found.lines) {
      expect(line.links).toEqual({
        of: `/tasks/${task}`,
        events: `/fornax/v1/tasks/${task}/events?after=${line.sequence - 1}`,
      });
      const commits = await rig.log.readAggregate('task', task);
      const commit = commits.find(({ sequence }) => sequence === line.sequence);
      expect(commit?.id).toBe(line.commitId);
      const ended = commit?.events.flatMap((event) =>
        'attempts' in event ? (event.attempts as readonly object[]) : [],
      );
      expect(ended).toContainEqual(expect.objectContaining({ instance: line.instance, attempt: line.attempt }));
    }
  });

  it('give their connection back when nobody reads on', async () => {
    const url = `${rig.service.url}/fornax/v1/billing/statements?format=csv&from=2026-01&groupBy=task`;
    for (let times = 0; times < 5; times += 1) {
      const stop = new AbortController();
      const answer = await fetch(url, { headers: { authorization: 'root-token' }, signal: stop.signal });
      stop.abort();
      await answer.text().catch(() => undefined);
    }
    // Until then the answer is that others read.
    const all = await eventually(() => csv('from=2026-01&to=2027-01&groupBy=task'));
    expect(all).toContain('t-0,');
  });

  it('are read one at a time by an account, which keeps nobody else from theirs', async () => {
    const reader = rig.service.app.get(StatementReader);
    const db = rig.service.app.get<DataSource>(getDataSourceToken('billing'));
    const scope = { from: FIRST, to: FIRST + 3_000, owners: ['eve'], project: undefined, through: undefined };
    const { signal } = new AbortController();
    const begun = (account: string) => {
      const groups = reader.stream(['task'], { ...scope, reader: account }, signal, () => undefined);
      return { groups, first: groups.next() };
    };
    await db.query(
      `INSERT INTO bill_line SELECT (jsonb_populate_record(NULL::bill_line, to_jsonb(line) || jsonb_build_object('owner', 'eve', 'task_id', 'eve-' || n, 'counts_at', $1::timestamptz))).*
      FROM (SELECT * FROM bill_line LIMIT 1) line, generate_series(1, 1500) n`,
      [new Date(FIRST + 1).toISOString()],
    );
    try {
      const own = begun('eve');
      expect((await own.first).value).toHaveLength(1_000);
      await expect(begun('eve').first).rejects.toThrow('Another statement of this account');
      const other = begun('bob');
      expect((await other.first).value).toHaveLength(1_000);
      await expect(begun('ada').first).rejects.toThrow('Other statements');
      await own.groups.return(undefined);
      await other.groups.return(undefined);
      const again = begun('eve');
      expect((await again.first).value).toHaveLength(1_000);
      await again.groups.return(undefined);
    } finally {
      await db.query(`DELETE FROM bill_line WHERE owner = 'eve'`);
    }
  });

  it('take no place where the connection is closed before they begin', async () => {
    const path = '/fornax/v1/billing/statements?format=csv&from=2026-01&groupBy=task';
    for (let times = 0; times < 4; times += 1)
      await leaveAtOnce(rig.service.url, requestHead('GET', path, { authorization: 'root-token' }));
    const all = await eventually(() => csv('from=2026-01&to=2027-01&groupBy=task'));
    expect(all).toContain('t-0,');
  });

  it('read what a rebuild of the ledger gives', async () => {
    const report = await rig.service.app.get(ProjectionHost).runner('ledger').rebuild({ verify: true });
    expect(report.differences).toEqual([]);
  });
});
