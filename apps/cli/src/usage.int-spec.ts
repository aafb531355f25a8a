import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const sums = {
  attempts: 3,
  instances: 2,
  failures: 1,
  seconds: '12.5',
  coreSeconds: '25',
  nanos: '1500000',
  rest: '0',
};
const proof = { log: 'e-1', from: 1, to: 7, archivedTo: 5, segment: 2, hash: 'a'.repeat(64), isWhole: false };
const statement = {
  from: '2027-01-31T23:00:00Z',
  to: '2027-02-01T09:00:00Z',
  timeZone: 'Europe/Zurich',
  ...{ through: 7, isFinal: false, accounts: null, project: null, proof, offset: 0 },
  currency: 'EUR',
  groupBy: ['project', 'label:team'],
  count: 2,
  rows: [
    {
      by: { project: 'p-1', 'label:team': null },
      names: { project: 'optics\u001b[2J' },
      lines: null,
      ...sums,
      amount: '0.0015',
    },
    { by: { project: 'p-2', 'label:team': 'physics' }, names: {}, lines: null, ...sums, amount: '-2' },
  ],
  total: { ...sums, attempts: 6, amount: '-1.9985' },
  unrated: 4,
  meters: [
    { meter: 'storage', quantity: '3600000000000', gb: '1', amount: '0.5', nanos: '500000000', rest: '0' },
    { meter: 'egress', quantity: '0', gb: '0', amount: '0', nanos: '0', rest: '0' },
  ],
};
const PATH = 'GET /fornax/v1/billing/statements';

describe('fornax usage', () => {
  const asked: string[] = [];
  const platform = cannedPlatform({
    answers: {},
    stream: (request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      if (request.url?.includes('format=csv') === true) response.end('project,amount\r\np-1,0.0015\r\n');
      else response.end(JSON.stringify(statement));
      return true;
    },
  });
  beforeAll(() => platform.start());
  afterAll(() => platform.stop());

  it('prints a table with a total, names people know, and what is not in it', async () => {
    const { code, stdout, stderr } = await platform.fornax(
      ...['usage', '--by', 'project,label:team', '--from', 'today', '--zone', 'Europe/Zurich'],
    );
    expect(asked.at(-1)).toBe(`${PATH}?from=today&groupBy=project%2Clabel%3Ateam&timeZone=Europe%2FZurich&limit=10000`);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    expect(lines[0]).toEqual([
      'PROJECT',
      'LABEL:TEAM',
      'INSTANCES',
      'FAILED',
      'ATTEMPTS',
      'SECONDS',
      'CORE SECONDS',
      'EUR',
    ]);
    expect(lines[1]?.slice(1)).toEqual(['-', '2', '1', '3', '12.5', '25', '0.001500']);
    expect(lines[2]).toEqual(['p-2', 'physics', '2', '1', '3', '12.5', '25', '-2.000000']);
    expect(lines[3]).toEqual(['total', '2', '1', '6', '12.5', '25', '-1.998500']);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toContain('4 attempts have no price yet');
    expect(stderr).toContain('beside it, storage: 1 GB hours, 0.500000 EUR');
    expect(stderr).not.toContain('egress');
  });

  it('writes CSV as the platform gives it, and JSON', async () => {
    const csv = await platform.fornax(
      'usage',
      '--by',
      'project',
      '--output',
      'csv',
      '--project',
      'p-1',
      '--to',
      '2027-02',
    );
    expect(csv).toMatchObject({ code: 0, stdout: 'project,amount\r\np-1,0.0015\r\n', stderr: '' });
    expect(asked.at(-1)).toBe(`${PATH}?from=month&groupBy=project&timeZone=UTC&to=2027-02&project=p-1&format=csv`);
    const json = await platform.fornax('usage', '--output', 'json');
    expect(JSON.parse(json.stdout)).toEqual(statement);
  });

  it('takes columns and YAML as every command does', async () => {
    const columns = await platform.fornax('usage', '--columns', 'project,instances', '--output', 'csv');
    expect(columns).toMatchObject({ code: 0, stdout: expect.stringMatching(/^project,instances\n/) });
    expect((await platform.fornax('usage', '--output', 'yaml')).stdout).toContain('timeZone: Europe/Zurich\n');
    expect((await platform.fornax('usage', '--meters', '--output', 'focus')).code).toBe(2);
  });

  it('refuses what is no format', async () => {
    expect((await platform.fornax('usage', '--output', 'xml')).code).not.toBe(0);
  });
});

describe('fornax log verify --statement', () => {
  const hash = 'a'.repeat(64);
  let ledger: object = statement;
  let archive: object = {};
  const asked: string[] = [];
  const platform = cannedPlatform({
    answers: {},
    stream: (request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify(request.url?.startsWith('/fornax/v1/log/') === true ? archive : ledger));
      return true;
    },
  });
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-statement-'));
    await platform.start();
  });
  afterAll(async () => {
    await platform.stop();
    await rm(folder, { recursive: true });
  });
  const kept = async (text: string): Promise<string> => {
    const file = join(folder, 'statement');
    await writeFile(file, text);
    return file;
  };
  const whole = {
    epoch: 'e-1',
    segments: 2,
    messages: 5,
    bytes: 9,
    compared: 2,
    to: 5,
    hash,
    next: null,
    findings: [],
  };

  it('says that it stands, and how much of it is proved', async () => {
    archive = whole;
    const { code, stdout } = await platform.fornax(
      ...['log', 'verify', '--statement', await kept(JSON.stringify(statement))],
    );
    expect(asked.slice(-2)).toEqual([
      '/fornax/v1/log/archive/verify?log=e-1&until=2',
      expect.stringContaining('groupBy=project%2Clabel%3Ateam&offset=0&limit=2&through=7'),
    ]);
    expect(stdout).toContain('the statement stands, as far as it is archived\n');
    expect(stdout).toContain('those after 5 were not archived yet');
    expect(stdout).toContain('2 rows and their total as of commit 7: as the ledger has them');
    expect(code).toBe(0);
  });

  it('says where it does not: in the log, and in which rows', async () => {
    archive = {
      ...{ ...whole, hash: 'b'.repeat(64) },
      findings: [{ segment: 1, key: 'k', sequence: 3, offset: 40, reason: 'the piece is altered' }],
    };
    const [first, second] = statement.rows;
    ledger = { ...statement, rows: [{ ...first, amount: '0.0016' }, second], unrated: 3 };
    const { code, stdout } = await platform.fornax(
      ...['log', 'verify', '--statement', await kept(JSON.stringify(statement))],
    );
    expect(code).toBe(1);
    expect(stdout).toContain('the statement does not stand\n');
    expect(stdout).toContain('- segment 1, from sequence 3: the piece is altered\n');
    expect(stdout).toContain(`- the hash of segment 2 is ${'b'.repeat(64)}`);
    expect(stdout).toContain('- project p-1, label:team -: amount is 0.0016 in the ledger, and 0.0015 in it\n');
    expect(stdout).toContain('- unrated is 3 in the ledger, and 4 in it\n');
  });

  it('finds what is altered in each place of what was kept', async () => {
    [archive, ledger] = [whole, statement];
    const [first, second] = statement.rows;
    const [storage, egress] = statement.meters;
    const told = async (altered: object): Promise<string> => {
      const { code, stdout } = await platform.fornax(
        ...['log', 'verify', '--statement', await kept(JSON.stringify({ ...statement, ...altered }))],
      );
      expect([altered, code]).toEqual([altered, 1]);
      return stdout;
    };
    expect(await told({ currency: 'USD' })).toContain('- currency is EUR in the ledger, and USD in it\n');
    expect(await told({ isFinal: true })).toContain('- isFinal is false in the ledger, and true in it\n');
    expect(await told({ rows: [first, second, second] })).toContain(
      '- project p-2, label:team physics is more than once in it\n',
    );
    expect(await told({ meters: [{ ...storage, amount: '0.4' }, egress] })).toContain(
      '- the meter storage: amount is 0.5 in the ledger, and 0.4 in it\n',
    );
    expect(await told({ meters: [storage] })).toContain('- the meter egress is not in it\n');
    expect(await told({ proof: { ...proof, to: 8 } })).toContain('- it is as of commit 7, and proved up to 8\n');
    expect(await told({ proof: { ...proof, from: 2 } })).toContain('- proof: from is 1 in the archive, and 2 in it\n');
    expect(await told({ proof: { ...proof, isWhole: true } })).toContain('- proof: isWhole is false');
    expect(await told({ proof: { ...proof, archivedTo: 7, isWhole: true } })).toContain('- proof: archivedTo is 5');
  });

  it('says which rows it does not have, and whose names are others by now', async () => {
    const [first] = statement.rows;
    const page = { ...statement, rows: [{ ...first, names: { project: 'optics' } }] };
    [archive, ledger] = [whole, { ...statement, rows: [{ ...first, names: { project: 'acoustics' } }] }];
    const { code, stdout } = await platform.fornax(
      ...['log', 'verify', '--statement', await kept(JSON.stringify(page))],
    );
    expect(stdout).toContain('1 of 2 rows (the others are not in it) and their total as of commit 7: as the ledger');
    expect(stdout).toContain('note: project p-1 is named acoustics today, and optics in it\n');
    // Nobody can tell a page from a statement whose rows were cut out.
    expect(stdout).toContain(
      'the rows that it has stand, and it does not have all of them, as far as it is archived\n',
    );
    expect(code).toBe(1);
  });

  it('reads the proof out of other formats, and the statement of a period from the platform', async () => {
    [archive, ledger] = [whole, statement];
    const word = `fornax-log-proof:e-1:1-5:5:2:${hash}`;
    const file = await platform.fornax('log', 'verify', '--statement', await kept(`PAR1\0\xff${word}\0PAR1`));
    expect(file.stdout).toContain(`the statement stands\ncommits 1 to 5 of log e-1: as they were, hash ${hash}`);
    const period = await platform.fornax('log', 'verify', '--statement', '2026-12', '--json');
    expect(asked.at(-3)).toContain('from=2026-12&to=2027-01');
    expect(JSON.parse(period.stdout)).toMatchObject({ stands: true, isProved: false, differences: [] });
    const nothing = await platform.fornax('log', 'verify', '--statement', await kept('project,amount\r\n'));
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('says nothing of the log') });
  });
});
