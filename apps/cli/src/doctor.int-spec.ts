import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';
import { judgeClock } from './doctor/clocks.js';
import { run } from './run.js';
import { versionOf } from './version.js';

const node = (over: object = {}) => ({
  id: 'node-1',
  status: 'online',
  driver: 'sandbox/bubblewrap',
  warnings: [],
  lastHeartbeat: new Date().toISOString(),
  ...over,
});
const health = (over: object = {}) => ({
  status: 'ready',
  reasons: [],
  degraded: [],
  stops: [],
  warnings: [],
  release: versionOf(),
  ...over,
});
type Answers = Record<string, readonly [status: number, body: unknown]>;
const well = (): Answers => ({
  'GET /health/live': [200, { status: 'live' }],
  'GET /health': [200, health()],
  'GET /info': [200, { email: 'ann@example.org' }],
  'GET /settings': [200, { storage: null }],
  'GET /fornax/v1/log/state': [200, { isRight: true, message: 'the log is the one', ways: [] }],
  'GET /fornax/v1/log/archive': [200, { to: 3, head: 5, stays: null }],
  'GET /fornax/v1/log/quarantine': [200, []],
  'GET /fornax/v1/projections': [200, [{ name: 'status', lag: 0 }]],
  'GET /fornax/v1/nodes': [200, [node()]],
});

const answers: Answers = {};
const platform = cannedPlatform({ answers });
const { fornax } = platform;
beforeAll(platform.start);
afterAll(platform.stop);
beforeEach(() => void Object.assign(answers, well()));

interface Found {
  readonly check: string;
  readonly verdict: string;
  readonly found: string;
  readonly ways: readonly string[];
}
const examined = async (...args: readonly string[]) => {
  const { code, stdout } = await fornax('doctor', ...args, '--output', 'json');
  return { code, findings: JSON.parse(stdout) as readonly Found[] };
};
const wrongIn = (findings: readonly Found[]) =>
  findings.filter(({ verdict }) => verdict === 'problem' || verdict === 'warning');

describe('fornax doctor', () => {
  it('finds nothing wrong where nothing is', async () => {
    answers['GET /settings'] = [200, { storage: platform.url() }];
    const { code, stdout } = await fornax('doctor');
    expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, last: 'Nothing is wrong.' });
  });

  it.each<readonly [string, string, string, string, Answers]>([
    ['a token that nobody knows', 'token', 'problem', 'fornax token create', { 'GET /info': [401, { message: 'no' }] }],
    ['something else at the port', 'api', 'problem', 'QARNOT_CLUSTER_URL', { 'GET /health/live': [200, '<html>'] }],
    ['another release', 'versions', 'warning', 'bin/fornax', { 'GET /health': [200, health({ release: '99.0.0' })] }],
    [
      'services of two releases',
      'versions',
      'warning',
      'Finish the update',
      { 'GET /health': [200, health({ release: '0.1.0, 0.2.0' })] },
    ],
    [
      'a full disk of the platform',
      'writes',
      'problem',
      'make room',
      {
        'GET /health': [
          200,
          health({
            status: 'not ready',
            reasons: [{ name: 'disk', reason: 'full' }],
            stops: [{ name: 'disk', status: 507, message: 'full', ways: ['make room'] }],
          }),
        ],
      },
    ],
    [
      'a log that is not flushed',
      'log durability',
      'problem',
      '2.10',
      { 'GET /health': [200, health({ warnings: ['nats-server 2.9.1 cannot flush to disk before it acknowledges'] })] },
    ],
    [
      'a log that went back',
      'log durability',
      'problem',
      'fornax log accept',
      {
        'GET /fornax/v1/log/state': [200, { isRight: false, message: 'it went back', ways: ['fornax log accept e/1'] }],
      },
    ],
    [
      'what was put aside',
      'log durability',
      'problem',
      'fornax log quarantine list',
      { 'GET /fornax/v1/log/quarantine': [200, [{ id: 'events-7' }]] },
    ],
    [
      'an archive that is behind',
      'log durability',
      'warning',
      'what the storage service logs',
      { 'GET /fornax/v1/log/archive': [200, { to: 3, head: 5_000, stays: null }] },
    ],
    [
      'a log that nothing leaves',
      'log durability',
      'warning',
      'fornax log verify',
      { 'GET /fornax/v1/log/archive': [200, { to: 3, head: 5, stays: 'the archive does not hold what it holds' }] },
    ],
    [
      'a read model that is behind',
      'read models',
      'warning',
      'fornax projection list',
      { 'GET /fornax/v1/projections': [200, [{ name: 'status', lag: 50_000 }]] },
    ],
    ['no node', 'nodes', 'problem', 'add-a-node', { 'GET /fornax/v1/nodes': [200, []] }],
    [
      'a node that isolates nothing',
      'sandbox',
      'problem',
      'bubblewrap',
      { 'GET /fornax/v1/nodes': [200, [node({ driver: 'sandbox/process' })]] },
    ],
    [
      'a node that is lost beside one that works',
      'nodes',
      'warning',
      'fornax node retire node-2',
      { 'GET /fornax/v1/nodes': [200, [node(), node({ id: 'node-2', status: 'lost' })]] },
    ],
    [
      'a node whose disk is full',
      'disk',
      'problem',
      'FORNAX_NODE_DIR',
      { 'GET /fornax/v1/nodes': [200, [node({ diskFullSince: '2027-01-31T00:00:00Z' })]] },
    ],
    [
      'a storage that does not listen',
      'storage',
      'problem',
      'FORNAX_PUBLIC_STORAGE_URL',
      { 'GET /settings': [200, { storage: 'http://127.0.0.1:1' }] },
    ],
    [
      'a part that gives no answer',
      'read models',
      'problem',
      'fornax health',
      { 'GET /fornax/v1/projections': [503, { message: 'away' }] },
    ],
  ])('finds %s, and says what to do', async (_, check, verdict, way, fault) => {
    Object.assign(answers, fault);
    const { code, findings } = await examined();
    const found = wrongIn(findings).find((one) => one.check === check);
    expect(found).toMatchObject({ verdict });
    expect(found?.ways.join(' ')).toContain(way);
    expect(code).toBe(verdict === 'problem' ? 1 : 0);
  });

  it('tells what is for operators alone as such, and no problem of it', async () => {
    for (const path of ['log/state', 'log/archive', 'log/quarantine', 'projections'])
      answers[`GET /fornax/v1/${path}`] = [403, { message: 'for operators' }];
    answers['GET /health'] = [200, health({ release: '' })];
    const { code, findings } = await examined();
    expect(code).toBe(0);
    expect(findings.filter(({ verdict }) => verdict === 'unknown').length).toBe(5);
  });

  it('shows what services and nodes say, and does not obey it', async () => {
    const evil = 'a\u001b[2J\u009b31m\u202e\nproblem  forged';
    answers['GET /fornax/v1/nodes'] = [200, [node({ id: evil, warnings: [evil] })]];
    answers['GET /health'] = [200, health({ warnings: [evil], degraded: [{ name: evil, reason: evil }] })];
    const { stdout } = await fornax('doctor');
    expect(stdout).not.toMatch(/(?!\n)[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u);
    expect(stdout).not.toMatch(/^problem {2}forged/m);
  });
});

it.each([
  [0, 'ok'],
  [5_000, 'warning'],
  [-5_000, 'warning'],
  [20 * 60_000, 'problem'],
  [-20 * 60_000, 'problem'],
] as const)('a clock that is off by %i ms is %s', (off, verdict) => {
  const now = Date.parse('2027-01-31T12:00:00Z');
  const date = new Date(now + off).toUTCString();
  expect(judgeClock("the platform's", { sentAt: now, answeredAt: now + 20, date })).toMatchObject({ verdict });
});

describe('a platform of this machine that is down', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fornax-doctor-'));
    mkdirSync(join(folder, 'nats'));
    mkdirSync(join(folder, 'logs'));
    writeFileSync(join(folder, 'nats/nats.conf'), 'jetstream {\n  store_dir: "x"\n}\n');
    writeFileSync(
      join(folder, 'logs/platform.log'),
      '{"level":"fatal","time":"T","msg":"the key is wrong"}\n{"level":"info","msg":"stopped"}\n',
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is told by its processes, ports, disk, and the last error in its logs', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    // No process has a number this large (the kernel's own bound is 4,194,304).
    const gone = 2 ** 30;
    const runtime = {
      launcher: gone,
      api: { url: 'http://127.0.0.1:1', port: 1 },
      storage: { url: `http://127.0.0.1:${port}`, port },
      pids: { platform: gone },
      logs: { platform: join(folder, 'logs/platform.log') },
    };
    writeFileSync(join(folder, 'runtime.json'), JSON.stringify(runtime));
    writeFileSync(
      join(folder, 'env'),
      `export QARNOT_CLUSTER_URL='http://127.0.0.1:1'\nexport QARNOT_CLIENT_TOKEN='t'\n`,
    );
    let stdout = '';
    const code = await run(['doctor'], {
      env: { FORNAX_DATA_DIR: folder, FORNAX_DISK_LOW_BYTES: String(2 ** 60) },
      cwd: '/nowhere',
      stdout: (text) => void (stdout += text),
      stderr: () => undefined,
      signal: new AbortController().signal,
    });
    taken.close();
    expect(code).toBe(1);
    for (const part of [
      /^problem +processes +the platform in .* does not run$/m,
      /-> Start it: FORNAX_DATA_DIR=.* npm start/,
      /-> platform said last: T the key is wrong/,
      new RegExp(`^problem +ports +another program listens on port ${port}`, 'm'),
      /-> .*FORNAX_STORAGE_PORT=0/,
      /^problem +disk .*it does not start/m,
      /^problem +log durability .*power cut/m,
      /^problem +api +nobody listens on 127\.0\.0\.1:1$/m,
    ])
      expect(stdout).toMatch(part);
  });

  it('nothing at all is a problem with a way out', async () => {
    const said = await fornax('doctor', '--data-dir', join(folder, 'none'), '--quiet');
    expect(said.code).toBe(0);
    let stdout = '';
    const code = await run(['doctor'], {
      env: {},
      cwd: join(folder, 'none'),
      stdout: (text) => void (stdout += text),
      stderr: () => undefined,
      signal: new AbortController().signal,
    });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringMatching(/^problem +connection .*\n.*-> .*npm start/m),
    });
  });
});
