import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const message = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const FINDING = {
  kind: 'billed twice',
  taskId: 't-1',
  instance: 3,
  detail: 'attempt 1 ends again',
  sequences: [17, 90],
};
const endWith = (findings: number): string =>
  message('end', { head: 20_060, commits: 400, tasksUnderWay: 2, findings });
const PROGRESS = message('progress', { sequence: 0, head: 20_060, tasksUnderWay: 0 });
const differing = (onlyLive: number) => ({
  rows: { task: 3 },
  differences: [{ table: 'task', onlyLive, onlyRebuilt: 0 }],
  events: 10,
  seconds: 0.5,
  swapped: false,
});

let told = '';
const platform = cannedPlatform({
  answers: {
    'GET /fornax/v1/projections': [200, [{ name: 'status' }, { name: 'ledger' }]],
    'POST /fornax/v1/projections/status/rebuild?verify=true': [200, differing(0)],
    'POST /fornax/v1/projections/ledger/rebuild?verify=true': [200, differing(2)],
  },
  stream: (request, response) => {
    if (request.url !== '/fornax/v1/log/audit') return false;
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(told);
    return true;
  },
});
const { fornax } = platform;

beforeAll(platform.start);
afterAll(platform.stop);

describe('fornax log audit', () => {
  it('exits with 0 when nothing is wrong', async () => {
    told = PROGRESS + endWith(0);
    expect(await fornax('log', 'audit')).toEqual({
      code: 0,
      stdout: '400 commits of tasks and nodes up to 20060, 2 tasks under way: nothing is wrong\n',
      stderr: '',
    });
  });

  it('lists what it finds with the task and its places in the log, and exits with 1', async () => {
    told = PROGRESS + message('finding', FINDING) + endWith(1);
    expect(await fornax('log', 'audit')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/1 findings\n[^]*billed twice +t-1 +3 +17 90 +attempt 1 ends again/),
    });
    const { code, stdout } = await fornax('log', 'audit', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, count: 1, findings: [FINDING], head: 20_060 });
  });

  it('compares the read models when it is asked to', async () => {
    told = endWith(0);
    const { code, stdout } = await fornax('log', 'audit', '--projections');
    expect(code).toBe(1);
    expect(stdout).toContain('ledger, table task: 2 rows only live, 0 only rebuilt');
    expect(stdout).not.toContain('status, table');
  });

  it.each([
    ['broke off', PROGRESS + message('finding', FINDING), /broke off before its end/],
    ['failed', PROGRESS + message('failed', { message: 'sequence 7 is missing' }), /sequence 7 is missing/],
  ])('never calls an audit that %s a good one', async (_, text, words) => {
    told = text;
    const { code, stderr } = await fornax('log', 'audit');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
  });
});
