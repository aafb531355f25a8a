import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const one = {
  ...{ version: 2, currency: 'EUR', validFrom: '2027-01-01T00:00:00Z', validUntil: null },
  ...{ endsAt: null, replacedBy: null, sequence: 9 },
};
const waiting = { taskId: 't', instance: 0, attempt: 1, owner: 'ada', reason: 'no-price-list', sequence: 7 };

const sums = { attempts: 3, before: '0.03', after: '0.06', difference: '0.03', nanos: '30000000', rest: '0' };
const rating = {
  ...{
    id: 'r',
    state: 'committed',
    reason: null,
    from: '2027-01-01T00:00:00Z',
    to: '2027-02-01T00:00:00Z',
    through: 9,
  },
  ...{ list: 2, total: 3, done: 3, booked: 3, unrated: 0, sums, by: 'project', count: 0, rows: [] },
};
const closed = { month: '2027-01', closedAt: '2027-02-03T00:00:00Z', sequence: 17 };

describe('fornax billing', () => {
  const answers: Record<string, readonly [number, unknown]> = {
    'POST /fornax/v1/billing/prices': [200, one],
    'GET /fornax/v1/billing/prices': [200, [one]],
    'GET /fornax/v1/billing/prices/2': [200, { currency: 'EUR', work: { flex: '0.004' } }],
    'POST /fornax/v1/billing/ratings/r/commit': [200, { ...rating, state: 'committing' }],
    'GET /fornax/v1/billing/ratings/r?by=project': [200, rating],
    'GET /fornax/v1/billing/months': [200, [closed]],
    'POST /fornax/v1/billing/months/2027-01/close': [200, [closed]],
    'GET /fornax/v1/billing/unrated': [200, { count: 3, attempts: [waiting], readings: 2 }],
  };
  const finding = {
    kind: 'not billed',
    taskId: 't',
    instance: 3,
    detail: 'attempt 1 ended and is in no line',
    sequences: [17],
  };
  let told = '';
  const platform = cannedPlatform({
    answers,
    stream: (request, response) => {
      if (request.url === '/fornax/v1/billing/ratings/r/events') {
        response.end(`event: rating\ndata: ${JSON.stringify(rating)}\n\n`);
        return true;
      }
      if (request.url !== '/fornax/v1/billing/audit') return false;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(told);
      return true;
    },
  });
  const { fornax } = platform;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-prices-'));
    await platform.start();
  });
  afterAll(async () => {
    await platform.stop();
    await rm(folder, { recursive: true });
  });
  const file = async (text: string): Promise<string> => {
    const path = join(folder, 'prices.yaml');
    await writeFile(path, text);
    return path;
  };

  it('books a difference and waits until it is booked, and closes months', async () => {
    expect((await fornax('billing', 'commit', 'r')).stdout).toBe('booked 0.03: it was 0.03, and is 0.06\n');
    const keys = () =>
      platform.asked.flatMap(({ what, headers }) => (what.endsWith('/commit') ? [headers['idempotency-key']] : []));
    expect(keys()).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    await fornax('billing', 'commit', 'r', '--key', 'mine');
    expect(keys().at(-1)).toBe('mine');
    answers['GET /fornax/v1/billing/ratings/r?by=project'] = [200, { ...rating, state: 'failed', reason: 'no list' }];
    expect(await fornax('billing', 'commit', 'r')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no list'),
    });
    expect((await fornax('billing', 'close', '2027-01')).stdout).toBe('2027-01 is closed, at sequence 17 of the log\n');
    expect((await fornax('billing', 'months')).stdout).toMatch(/2027-01 +2027-02-03T00:00:00Z +17/);
    // The first command loads the program.
  }, 20_000);

  it('publishes a list as it stands in its file, and shows what there is', async () => {
    const path = await file('currency: EUR\nwork:\n  flex: "0.004"\n');
    expect(await fornax('billing', 'prices', 'publish', path)).toMatchObject({
      code: 0,
      stdout: 'price list 2 holds from 2027-01-01T00:00:00Z\n',
    });
    expect(platform.bodies.at(-1)).toEqual({ currency: 'EUR', work: { flex: '0.004' } });
    expect((await fornax('billing', 'prices', 'list')).stdout).toMatch(/2 +EUR +2027-01-01T00:00:00Z +- +9/);
    const planned = { ...one, validFrom: '2099-01-01T00:00:00Z', version: 1, replacedBy: 2 };
    answers['GET /fornax/v1/billing/prices'] = [200, [planned, one]];
    expect((await fornax('billing', 'prices', 'publish', path)).stdout).toContain(
      '\nprice list 1, which was to hold from 2099-01-01T00:00:00Z, gave way to it\n',
    );
    expect((await fornax('billing', 'prices', 'list')).stdout).toMatch(
      /1 +EUR +2099-01-01T00:00:00Z +never: list 2 in its place +9\n +2 +EUR/,
    );
    expect((await fornax('billing', 'prices', 'show', '2')).stdout).toBe('currency: EUR\nwork:\n  flex: "0.004"\n');
    expect((await fornax('billing', 'prices', 'show', 'two')).code).toBe(2);
  });

  it('says which line of a file is wrong', async () => {
    const errors = {
      'work.flex': ['The value must not be negative.'],
      'work.spot': ['There is no such field.'],
      'hardware[1].match': ['There is a gap.'],
      minimum: ['The value is missing.'],
    };
    const before = answers['POST /fornax/v1/billing/prices'];
    answers['POST /fornax/v1/billing/prices'] = [400, { message: 'no', errors }];
    const path = await file(
      'currency: EUR\nwork:\n  flex: "-1"\n  spot: "2"\nhardware:\n  - match: a\n  - flex: "1"\n    match: b\n',
    );
    const { code, stderr } = await fornax('billing', 'prices', 'publish', path);
    expect(code).toBe(2);
    expect(stderr.replaceAll(path, 'FILE').trim().split('\n')).toEqual([
      'FILE:3: work.flex: The value must not be negative.',
      'FILE:4: work.spot: There is no such field.',
      'FILE:8: hardware[1].match: There is a gap.',
      'FILE:1: minimum: The value is missing.',
    ]);
    answers['POST /fornax/v1/billing/prices'] = before ?? [500, {}];
  });

  it('audits the ledger, and ends with 1 when something is found', async () => {
    const message = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    const end = (findings: number): string => message('end', { head: 90, commits: 40, tasksUnderWay: 1, findings });
    told = end(0);
    expect(await fornax('billing', 'audit')).toEqual({
      code: 0,
      stdout: '40 commits up to 90, and the ledger that follows from them: nothing is wrong\n',
      stderr: '',
    });
    told = message('finding', finding) + end(1);
    const { code, stdout } = await fornax('billing', 'audit');
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 findings\n[^]*not billed +t +3 +17 +attempt 1 ended and is in no line/);
    expect(JSON.parse((await fornax('billing', 'audit', '--json')).stdout)).toMatchObject({
      count: 1,
      findings: [finding],
    });
  });

  it('lists what has no price, which is no success', async () => {
    const { code, stdout } = await fornax('billing', 'unrated');
    expect(code).toBe(1);
    expect(stdout).toMatch(/t +0 +1 +ada +no-price-list +7\n2 readings of the meters of storage/);
  });
});
