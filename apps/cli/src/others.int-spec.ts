import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const node = { id: 'n', status: 'draining', driver: 'process', hardware: {}, drain: null };
const told = {
  id: '7.0',
  sequence: 7,
  at: '2026-01-01T00:00:00.000Z',
  nodeId: 'n',
  cause: null,
  epoch: null,
  data: {},
};
const events = [
  { ...told, type: 'NodeLost', actor: 'service:node-registry', cause: 'heartbeat', epoch: 2, reason: 'silent' },
  { ...told, type: 'NodeRetired', actor: 'user:root', reason: null },
];
const aborted = {
  ...told,
  type: 'TaskCancelRequested',
  taskId: 't',
  actor: 'user:root',
  onBehalfOf: 'user:ada',
  reason: 'out of budget',
};

const reindexed = {
  files: 7,
  restored: 3,
  known: 2,
  withoutBucket: 0,
  damaged: 0,
  setAside: 1,
  missing: 0,
  forgotten: false,
  examples: [] as readonly string[],
};

const fleetNode = {
  status: 'online',
  driver: 'process',
  warnings: [],
  hardware: { cpuModel: 'A CPU', cores: 2, memoryMB: 4096 },
  leases: 0,
  lastHeartbeat: null,
  drain: null,
  credential: null,
};

/** Answers of a platform, by method and path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  'GET /fornax/v1/nodes': [
    { ...fleetNode, id: 'n-1', diskFullSince: '2026-01-02T03:04:05.000Z' },
    { ...fleetNode, id: 'n-2', diskFullSince: null },
    { ...fleetNode, id: 'n-3', warnings: ['no way out\u001b[2J'] },
  ],
  'POST /fornax/v1/nodes/n/drain': node,
  'POST /fornax/v1/nodes/n/resume': { ...node, status: 'online' },
  'GET /fornax/v1/nodes/n/events?after=0&limit=1000': { events, next: null },
  'GET /fornax/v1/tasks/t/events?after=0': { taskId: 't', events: [aborted], next: null },
  'GET /health': {
    status: 'not ready',
    reasons: [
      { name: 'objects', reason: 'the folder is gone', ways: ['bring it back', 'give it up: fornax storage reindex'] },
      { name: 'nats', reason: 'away' },
    ],
    degraded: [],
    stops: [],
    warnings: [],
  },
  'POST /tasks/t/abort': '',
  'POST /fornax/v1/buckets/reindex?forgetMissing=false': { ...reindexed, missing: 1, examples: ['b/k\u001b[2J'] },
  'POST /fornax/v1/buckets/reindex?forgetMissing=true': { ...reindexed, missing: 1, forgotten: true },
  'POST /fornax/v1/buckets/scrub?mibPerSecond=50': {
    objects: 3,
    bytes: 5 * 1024 * 1024,
    findings: [{ bucket: 'b', key: 'k\u001b[2J', reason: 'a file of it is missing', since: '2026-01-02T03:04:05Z' }],
    next: 'b/k &',
    orphans: null,
  },
  'POST /fornax/v1/buckets/scrub?mibPerSecond=50&after=b%2Fk%20%26': {
    objects: 1,
    bytes: 0,
    findings: [],
    next: null,
    orphans: 2,
  },
  'GET /fornax/v1/buckets/effects': [
    { id: '7', sequence: 9, kind: 'publish', scope: 'task/t', failures: 6, reason: 'too large\u001b[2J' },
  ],
  'DELETE /fornax/v1/buckets/effects/7': '',
  'DELETE /fornax/v1/me/tokens/t-1': '',
};

describe('fornax for those who look after others', () => {
  const platform = cannedPlatform({
    answers: Object.fromEntries(Object.entries(ANSWERS).map(([what, body]) => [what, [200, body] as const])),
  });
  const { asked, fornax } = platform;
  beforeEach(() => {
    asked.length = 0;
  });
  beforeAll(platform.start);
  afterAll(platform.stop);

  /** Of all but what was asked to find a task by its name. */
  const reasons = (): readonly unknown[] =>
    asked
      .filter(({ what }) => !/^GET \/tasks\/|^POST \/tasks\/summaries/.test(what))
      .map(({ headers }) => headers['fornax-reason']);

  it('says why, encoded, with the command alone', async () => {
    expect(await fornax('node', 'drain', 'n', '--reason', 'neue Lüfter')).toMatchObject({
      code: 0,
      stdout: 'n: draining\n',
    });
    expect(await fornax('node', 'resume', 'n')).toMatchObject({ code: 0, stdout: 'n: online\n' });
    expect(await fornax('task', 'abort', 't', '--reason', 'out of budget')).toMatchObject({ code: 0 });
    expect(await fornax('token', 'revoke', 't-1', '--reason', 'lost')).toMatchObject({ code: 0 });
    expect(reasons()).toEqual(['neue%20L%C3%BCfter', undefined, 'out%20of%20budget', 'lost']);
  });

  it('asks for nothing with a reason that is none', async () => {
    for (const reason of ['', '  ', 'a\nb', 'x'.repeat(501)])
      expect(await fornax('task', 'abort', 't', '--reason', reason)).toMatchObject({ code: 2 });
    expect(asked).toEqual([]);
  });

  it('says what to do about what only a person can end', async () =>
    expect(await fornax('health')).toMatchObject({
      code: 1,
      stdout:
        'not ready\nobjects: the folder is gone\n  (1) bring it back\n  (2) give it up: fornax storage reindex\nnats: away\n',
    }));

  it('shows which nodes have a full disk, and what nodes warn of', async () => {
    const { stdout } = await fornax('nodes');
    expect(stdout).toMatch(/\nn-3: no way out\\u001b\[2J\n$/);
    expect(stdout.match(/n-\d +online(?:, disk full)? /g)?.map((text) => text.replaceAll(/ +/g, ' '))).toEqual([
      'n-1 online, disk full ',
      'n-2 online ',
      'n-3 online ',
    ]);
  });

  it('tells what happened to a node, and to a task of somebody else', async () => {
    expect((await fornax('node', 'events', 'n')).stdout).toBe(
      '7  2026-01-01T00:00:00.000Z  NodeLost  session 2  heartbeat  by service:node-registry  because: silent\n' +
        '7  2026-01-01T00:00:00.000Z  NodeRetired  by user:root\n',
    );
    expect((await fornax('task', 'events', 't')).stdout).toBe(
      '7  2026-01-01T00:00:00.000Z  TaskCancelRequested  by user:root for user:ada  because: out of budget\n',
    );
  });

  it('looks a name of somebody else up as that one, and acts as itself', async () => {
    await fornax('task', 'abort', 'nightly', '--owner', 'ada@example.org', '--reason', 'why');
    expect(
      asked.map(({ what, headers }) => [what, headers['qarnotreadonlyrequestforaccount'], headers['fornax-reason']]),
    ).toEqual([['GET /tasks/nightly', 'ada@example.org', undefined]]);
    expect(await fornax('task', 'list', '--all', '--owner', 'x')).toMatchObject({ code: 2 });
  });

  it('has the index of objects made again, and tells what came of it', async () => {
    const asked = await fornax('storage', 'reindex');
    expect(asked.code).toBe(1);
    expect(asked.stdout).toMatch(/RESTORED +KNOWN[^]*7 +3 +2 +0 +0 +1 +1[^]*"set-aside"[^]*b\/k\\u001b\[2J/);
    const forgotten = await fornax('storage', 'reindex', '--forget-missing');
    expect(forgotten).toMatchObject({ code: 0, stdout: expect.stringContaining('1 objects without their files') });
  });

  it('compares stored bytes part by part, and tells what is damaged', async () => {
    const found = await fornax('storage', 'scrub');
    expect(found.stdout).toContain('4 objects and 5 MiB compared, 1 damaged; 2 files of no object');
    expect(found.stdout).toContain('b/k\\u001b[2J: a file of it is missing');
    expect(found.code).toBe(1);
    const rest = await fornax('storage', 'scrub', '--json', '--after', 'b/k &');
    expect([rest.code, JSON.parse(rest.stdout)]).toEqual([0, { objects: 1, bytes: 0, findings: [], orphans: 2 }]);
  });

  it.each([
    ['--mib-per-second', '0'],
    ['--mib-per-second', 'fast'],
    ['--after', 'no-key'],
  ])('asks for no comparison with %s %s: its exit code would mean damaged objects', async (...option) => {
    expect((await fornax('storage', 'scrub', ...option)).code).toBe(2);
    expect(asked).toEqual([]);
  });

  it('shows what is owed to the object store, and gives one up', async () => {
    const listed = await fornax('storage', 'effects');
    expect(listed.stdout).toMatch(/ID +KIND +OF +FAILURES +REASON\n7 +publish +task\/t +6 +too large\\u001b\[2J/);
    expect(await fornax('storage', 'effects', '--give-up', '7')).toMatchObject({ code: 0, stdout: '7: given up\n' });
    expect(asked.at(-1)?.what).toBe('DELETE /fornax/v1/buckets/effects/7');
  });

  it('explains itself', async () => {
    for (const command of [
      ['task', 'abort'],
      ['task', 'delete'],
      ['node', 'drain'],
      ['quota', 'set'],
      ['user', 'disable'],
    ])
      expect((await fornax(...command, '--help')).stdout).toContain('--reason');
    expect((await fornax('task', 'list', '--help')).stdout).toContain('--organization');
  });
});
