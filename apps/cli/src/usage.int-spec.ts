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
const statement = {
  from: '2027-01-31T23:00:00Z',
  to: '2027-02-01T09:00:00Z',
  timeZone: 'Europe/Zurich',
  through: 7,
  currency: 'EUR',
  groupBy: ['project', 'label:team'],
  count: 2,
  rows: [
    { by: { project: 'p-1', 'label:team': null }, names: { project: 'optics\u001b[2J' }, ...sums, amount: '0.0015' },
    { by: { project: 'p-2', 'label:team': 'physics' }, names: {}, ...sums, amount: '-2' },
  ],
  total: { ...sums, attempts: 6, amount: '-1.9985' },
  unrated: 4,
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

  it('refuses what is no format', async () => {
    expect((await platform.fornax('usage', '--output', 'xml')).code).not.toBe(0);
  });
});
