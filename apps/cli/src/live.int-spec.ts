import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aTask } from './a-task.fixture.js';
import { ada } from './a-user.fixture.js';
import { cannedPlatform } from './canned-platform.fixture.js';

const EVIL = 'x\u001b[2J\u009b31m\u202e\nforged  row';
const CONTROLS = /(?!\n)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u;

type Answers = Record<string, readonly [status: number, body: unknown]>;
const answers: Answers = {};
const summary = (over: object = {}) => ({ ...aTask, ...over });
const page = (data: readonly object[]) => ({
  data,
  token: null,
  nextToken: null,
  isTruncated: false,
  count: data.length,
  total: data.length,
});
const ID = aTask.uuid;

const platform = cannedPlatform({ answers });
/** The same at a terminal of 100 columns and 12 rows. */
const terminal = cannedPlatform({ answers, width: 100, height: 12 });
beforeAll(async () => {
  await platform.start();
  await terminal.start();
});
afterAll(async () => {
  await platform.stop();
  await terminal.stop();
});
beforeEach(() => {
  for (const name of Object.keys(answers)) delete answers[name];
  Object.assign(answers, {
    'GET /health': [200, { status: 'ready' }],
    'GET /fornax/v1/scheduling': [
      200,
      {
        unfinishedTasks: 2,
        queuedTasks: 1,
        waitingInstances: 30,
        leases: 2,
        nodes: [{ id: 'node-1', status: 'online', cores: 4, usedCores: 2, memoryMB: 100, usedMemoryMB: 25, leases: 2 }],
      },
    ],
    'GET /fornax/v1/nodes': [200, [{ id: 'node-1', status: 'online', hardware: { cores: 4 } }]],
    'POST /tasks/summaries/paginate': [
      200,
      page([summary({ name: EVIL, state: 'FullyDispatched', runningInstanceCount: 0 })]),
    ],
    [`GET /tasks/${ID}`]: [200, summary({ state: 'Success' })],
    [`GET /fornax/v1/tasks/${ID}/waiting`]: [200, { text: `too few cores ${EVIL}`, since: null, history: [] }],
  } satisfies Answers);
});

describe('fornax top', () => {
  it('is one frame where it goes to no terminal: fleet, queue, tasks and reasons', async () => {
    const { code, stdout, stderr } = await platform.fornax('top');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('fleet  1 online; cores 2 of 4 (50 %), memory 25 of 100 MB (25 %)');
    expect(stdout).toContain('queue  30 instances of 1 tasks wait, 2 are on nodes');
    expect(stdout).toMatch(/^NODE +STATUS.*\nnode-1 +online/m);
    expect(stdout).toMatch(new RegExp(`^${ID} .*too few cores`, 'm'));
    expect(stdout).not.toMatch(CONTROLS);
    expect(stdout).not.toMatch(/^forged/m);
  });

  it('shows whoever is no operator what they may see', async () => {
    answers['GET /fornax/v1/scheduling'] = [403, { message: 'for operators' }];
    const { code, stdout } = await platform.fornax('top', '--once');
    expect(code).toBe(0);
    expect(stdout).toContain('fleet  1 online, 4 cores');
    expect(stdout).not.toContain('queue');
  });

  it('shows operators the tasks of everybody, the newest first, with whose they are', async () => {
    const users = ['ann', 'bob'].map((name, at) => ({ ...ada, uuid: `u-${at}`, email: `${name}@example.org` }));
    answers['GET /fornax/v1/users?limit=500&offset=0'] = [200, { data: users, offset: 0, limit: 500, total: 2 }];
    const { code, stdout, stderr } = await platform.fornax('top', '--once', '--all');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^tasks .*, of everybody$/m);
    expect(stdout).toMatch(new RegExp(`^${ID} .*ann@example.org +too few cores`, 'm'));
    const asked = platform.asked.filter(({ what }) => what === 'POST /tasks/summaries/paginate').slice(-2);
    expect(asked.map(({ headers }) => headers['qarnotreadonlyrequestforaccount'])).toEqual(['u-0', 'u-1']);
  });

  it('moves a cursor by its own will alone, and no line is wider than the terminal', async () => {
    const { stdout } = await terminal.fornax('top', '--once');
    expect(stdout).not.toMatch(CONTROLS);
    for (const line of stdout.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(100);
  });
});

describe('fornax task wait and watch', () => {
  it.each([
    ['Success', 0],
    ['Failure', 1],
    ['Cancelled', 1],
  ])('wait exits with the outcome: %s is %i', async (state, code) => {
    answers[`GET /tasks/${ID}`] = [200, summary({ state, errors: [{ code: 'E', message: EVIL, debug: '' }] })];
    const said = await platform.fornax('task', 'wait', ID);
    expect(said.code).toBe(code);
    expect(said.stderr).toContain(state);
    expect(said.stderr).not.toMatch(CONTROLS);
  });

  it('watch redraws until the task is over, and then tells how it ended', async () => {
    const { code, stdout, stderr } = await terminal.fornax('task', 'watch', ID);
    expect(code).toBe(0);
    // Ours: home, and clear what is below.
    expect(stdout.startsWith('\u001b[H\u001b[J')).toBe(true);
    expect(stdout.replaceAll(/\u001b\[[HJK]/g, '')).not.toMatch(CONTROLS);
    expect(stdout.split('\n').length).toBeLessThanOrEqual(12);
    expect(stderr).toContain('Success');
  });
});

describe('fornax task list', () => {
  it('asks the platform to sort, and takes --user for --owner', async () => {
    answers['GET /fornax/v1/users/ann%40example.org'] = [200, { uuid: 'u-1', email: 'ann@example.org' }];
    const { code } = await platform.fornax('task', 'list', '--sort', 'name', '--reverse', '--limit', '5');
    expect(code).toBe(0);
    expect(platform.bodies.at(-1)).toMatchObject({ orderBy: 'Name', orderType: 'DESC', maximumResults: 5 });
    expect((await platform.fornax('task', 'list', '--user', 'a', '--owner', 'b')).code).toBe(2);
  });

  it('with --watch is one list where it goes to no terminal', async () => {
    const { code, stdout } = await platform.fornax('task', 'list', '--watch');
    expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 2 });
  });
});

describe('fornax task instances', () => {
  const instance = (instanceId: number, over: object) => ({
    instanceId,
    state: 'succeeded',
    attempt: 1,
    node: 'node-1',
    exitCode: 0,
    error: null,
    ...over,
  });
  beforeEach(() => {
    const data = [
      instance(0, { wallTimeSec: 5, peakMemoryMB: 10, uploadedBytes: 7 }),
      instance(1, { wallTimeSec: 50, peakMemoryMB: 1, uploadedBytes: 0, error: { code: 'E', message: EVIL } }),
      instance(2, { wallTimeSec: null, peakMemoryMB: null, uploadedBytes: null, state: 'running' }),
      instance(3, { wallTimeSec: 20, peakMemoryMB: 99, uploadedBytes: 9 }),
    ];
    answers[`GET /fornax/v1/tasks/${ID}/instances?limit=1000`] = [200, { data, nextAfter: null }];
  });

  it.each([
    ['instance', ['0', '1']],
    ['slowest', ['1', '3']],
    ['biggest', ['3', '0']],
    ['results', ['3', '0']],
  ])('are sorted by %s', async (sort, first) => {
    const said = await platform.fornax('task', 'instances', ID, '--sort', sort, '--limit', '2', '--quiet');
    expect(said.stdout.trim().split('\n')).toEqual(first);
  });

  it('say why one failed, and do not obey it', async () => {
    const { stdout } = await platform.fornax('task', 'instances', ID);
    expect(stdout).toContain('E: x\\u001b');
    expect(stdout).not.toMatch(CONTROLS);
  });
});

describe('fornax logs', () => {
  beforeEach(() => {
    for (const number of [0, 1, 2, 5])
      answers[`GET /fornax/v1/tasks/${ID}/instances/${number}/stdout`] = [200, `of ${number}\nand more`];
  });

  it('of some instances has each line behind its number', async () => {
    answers[`GET /tasks/${ID}`] = [200, { ...aTask, instanceCount: 0, advancedRanges: '0-2,5' }];
    const { stdout } = await platform.fornax('logs', ID, '--instance', '5,0-1,1-2');
    expect(stdout).toBe([0, 1, 2, 5].map((number) => `${number}> of ${number}\n${number}> and more\n`).join(''));
  });

  it('of some that there are not goes on with the rest, says which, and fails', async () => {
    answers[`GET /tasks/${ID}`] = [200, { ...aTask, name: EVIL, instanceCount: 3, totalInstanceCount: 3 }];
    const { code, stdout, stderr } = await platform.fornax('logs', ID, '-i', '1-999999999');
    expect(stdout).toBe('1> of 1\n1> and more\n2> of 2\n2> and more\n');
    expect(stderr).toContain('There are no instances 3-999999999:');
    expect(stderr).toContain('has 0-2.');
    expect(stderr).not.toMatch(CONTROLS);
    expect(code).toBe(1);
    const none = await platform.fornax('logs', ID, '-i', '7-9', '--follow');
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('There are no instances 7-9:') });
  });

  it('of slots that have never been open goes on with the rest, says which, and fails', async () => {
    for (const slot of [0, 2]) answers[`GET /fornax/v1/pools/warm/instances/${slot}/stdout`] = [200, `of ${slot}`];
    const { code, stdout, stderr } = await platform.fornax('pool', 'logs', 'warm', '-i', '0-3');
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '0> of 0\n2> of 2\n',
      stderr: 'There are no slots 1,3.\n',
    });
    expect((await platform.fornax('pool', 'logs', 'warm', '-i', '5-7')).stderr).toContain('HTTP 404');
    expect((await platform.fornax('pool', 'logs', 'warm', '-i', '0-99999')).code).toBe(2);
  });

  it('of one is as it printed it', async () => {
    expect((await platform.fornax('logs', ID, '-i', '5')).stdout).toBe('of 5\nand more');
    expect((await platform.fornax('logs', ID, '-i', '9-5')).code).toBe(2);
  });
});

describe('fornax task events', () => {
  it('are found by exit code and by cause', async () => {
    const event = (sequence: number, attempt: object) => ({
      sequence,
      at: 't',
      type: 'InstancesConcluded',
      actor: 'scheduler',
      onBehalfOf: 'u',
      reason: null,
      data: { attempts: [{ instance: sequence, outcome: 'failure', node: 'node-1', ...attempt }] },
    });
    const events = [event(1, { exitCode: 3, cause: 'exit' }), event(2, { exitCode: null, cause: 'node-lost' })];
    answers[`GET /fornax/v1/tasks/${ID}/events?after=0`] = [200, { events, next: null }];
    const sequences = async (...args: readonly string[]) =>
      (await platform.fornax('task', 'events', ID, ...args)).stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(await sequences('--exit-code', '3')).toEqual(['1', '']);
    expect(await sequences('--cause', 'node-lost')).toEqual(['2', '']);
    expect(await sequences('--cause', 'exit', '--exit-code', '4')).toEqual(['']);
  });
});
