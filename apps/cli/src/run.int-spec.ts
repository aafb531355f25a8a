import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type http from 'node:http';
import { aTask } from './a-task.fixture.js';
import { cannedPlatform } from './canned-platform.fixture.js';

/** Answers of a platform, by method and path. */
const POISON = {
  id: 'events-7',
  state: 'open',
  kind: 'unreadable',
  reason: 'it is not JSON',
  stream: 'FORNAX_EVENTS',
  sequence: 7,
  subject: 'fx.ev.task.poison',
  aggregate: 'task',
  aggregateId: 'poison',
  follower: null,
  sizeBytes: 9,
  foundAt: '2026-01-02T03:04:05.000Z',
  foundBy: 'service:submission',
  decision: null,
};
const ARCHIVE = { epoch: 'an-epoch' };
const FINDING = { segment: 3, key: 'an-object', sequence: 31, offset: 512, reason: 'it holds other bytes' };
const GAP = {
  id: 'gap-20041-20050',
  from: 20_041,
  through: 20_050,
  missing: 10,
  kind: 'missing',
  reason: 'sequences 20041 to 20050 are missing (10)',
  isGivenUp: false,
};
const ANSWERS: Readonly<Record<string, readonly [status: number, body: unknown]>> = {
  'GET /fornax/v1/projections': [200, [{ name: 'status', service: 'submission', sequence: 42, lag: 0 }]],
  'POST /fornax/v1/projections/status/rebuild?verify=true': [
    200,
    {
      rows: { task: 3 },
      differences: [{ table: 'task', onlyLive: 1, onlyRebuilt: 0 }],
      tasks: { count: 22, ids: ['lost-task'] },
      events: 10,
      seconds: 0.5,
      swapped: false,
    },
  ],
  'POST /fornax/v1/projections/fine/rebuild?verify=true': [
    200,
    { rows: { task: 3 }, differences: [], events: 10, seconds: 0.5, swapped: false },
  ],
  'POST /fornax/v1/projections/short/rebuild?verify=false': [
    409,
    { message: 'projection short: the log knows less than its rows' },
  ],
  'POST /fornax/v1/projections/short/rebuild?verify=false&force=true': [
    200,
    { rows: { task: 3 }, differences: [], events: 10, seconds: 0.5, swapped: true },
  ],
  'GET /fornax/v1/log/verify?from=1': [
    200,
    { from: 1, to: 20_000, head: 20_060, commits: 20_000, withoutChecksum: 7, damage: [] },
  ],
  'GET /fornax/v1/log/verify?from=20001': [
    200,
    { from: 20_001, to: 20_060, head: 20_060, commits: 50, withoutChecksum: 0, damage: [GAP] },
  ],
  'GET /fornax/v1/log/verify?from=20055': [
    200,
    { from: 20_055, to: 20_060, head: 20_060, commits: 6, withoutChecksum: 0, damage: [] },
  ],
  'GET /fornax/v1/log/archive/verify': [
    200,
    { ...ARCHIVE, segments: 2, messages: 30, bytes: 300, compared: 2, to: 30, hash: 'b', next: '2:30:b', findings: [] },
  ],
  'GET /fornax/v1/log/archive/verify?after=2%3A30%3Ab': [
    200,
    {
      ...ARCHIVE,
      segments: 1,
      messages: 5,
      bytes: 50,
      compared: 0,
      to: 40,
      hash: 'c',
      next: null,
      findings: [FINDING],
    },
  ],
  'GET /fornax/v1/log/archive/verify?log=lost': [
    200,
    { ...ARCHIVE, segments: 1, messages: 5, bytes: 50, compared: 0, to: 40, hash: 'c', next: null, findings: [] },
  ],
  'POST /fornax/v1/projections/status/rebuild?verify=false': [
    200,
    { rows: { task: 3 }, differences: [], events: 10, seconds: 0.5, swapped: true },
  ],
  'GET /fornax/v1/log/state': [
    200,
    {
      log: 'epoch-1/38',
      isRight: false,
      message: 'The event log went back: it ends at 38, but was read up to 53. So 15 commits are missing',
      ways: ['Put the newer copy back'],
      known: { epoch: 'epoch-1', sequence: 53 },
      lastCommitAt: '2026-11-26T08:38:18Z',
      lost: [{ table: 'task', rows: 1 }],
    },
  ],
  'POST /fornax/v1/log/accept?log=epoch-1%2F38': [200, { accepted: 'epoch-1/38' }],
  'POST /tasks': [200, { uuid: 'new-task' }],
  'GET /tasks/t': [200, aTask],
  'POST /tasks/t/retry': [200, { uuid: 'again' }],
  'POST /tasks/t/clone': [200, { uuid: 'copy' }],
  'PATCH /tasks/t': [200, ''],
  'GET /fornax/v1/tasks/t/stdout': [200, 'line 1\nline 2\n'],
  'GET /fornax/v1/tasks/t/instances/2/stderr': [200, 'oops\n'],
  'POST /fornax/v1/nodes/tokens': [
    200,
    {
      ...{
        id: 'i',
        status: 'open',
        name: 'gpu-a',
        reason: '',
        createdBy: 'user:o',
        createdAt: 'c',
        expiresAt: 'later',
      },
      ...{ usedBy: null, usedAt: null, token: 'fnt_of-this-spec' },
    },
  ],
  'GET /fornax/v1/nodes/tokens': [
    200,
    [
      {
        ...{
          id: 'i',
          status: 'used',
          name: null,
          reason: 'farm',
          createdBy: 'user:o',
          createdAt: 'c',
          expiresAt: 'later',
        },
        ...{ usedBy: 'gpu-a', usedAt: 'then' },
      },
    ],
  ],
  'DELETE /fornax/v1/nodes/gpu-a/credentials': [200, { nodeId: 'gpu-a', connectionsEnded: 1 }],
  'DELETE /fornax/v1/nodes/node-1/credentials': [409, { message: 'in the configuration' }],
  'POST /fornax/v1/nodes/gpu-a/credentials/rotate': [200, { nodeId: 'gpu-a' }],
  'GET /fornax/v1/log/quarantine': [200, [POISON]],
  'GET /fornax/v1/log/quarantine/events-7': [
    200,
    {
      ...POISON,
      storedAt: '2026-01-02T03:04:05Z',
      headers: [{ name: 'Nats-Msg-Id', value: 'x' }],
      body: { encoding: 'text', value: '\u001b[2Jboo', isCut: false },
    },
  ],
  'POST /fornax/v1/log/quarantine/events-7/drop': [200, { ...POISON, state: 'dropped' }],
  'POST /fornax/v1/log/quarantine/events-7/retry': [409, { message: 'events-7 still cannot be read by this version' }],
  'POST /tasks/t/abort': [403, { message: 'The task is over' }],
};

const piece = (id: number, instance: number, text: string): string =>
  `id: ${id}\ndata: ${JSON.stringify({ instance, attempt: 1, offset: 0, text })}\n\n`;
/** A tail that breaks off in the middle of an event, and goes on where the reader says. */
const tail = (lastId: string | undefined, response: http.ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (lastId === undefined) response.end(`retry: 10\n\n${piece(1, 0, 'a\nb')}${piece(2, 1, 'x')}id: 3\nda`);
  else if (lastId === '2') response.end(`${piece(3, 0, 'c\n')}: still here\n\nevent: end\nid: 3\ndata: {}\n\n`);
  else response.destroy();
};

describe('fornax', () => {
  const platform = cannedPlatform({
    answers: ANSWERS,
    stream: ({ url, headers }, response) => {
      if (url !== '/fornax/v1/tasks/t/stdout/tail') return false;
      tail(headers['last-event-id']?.toString(), response);
      return true;
    },
  });
  const { bodies, fornax } = platform;
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('explains itself', async () => {
    const { code, stdout } = await fornax('--help');
    expect(code).toBe(0);
    for (const word of ['task', 'projection', 'nodes', 'bill', 'QARNOT_CLUSTER_URL']) expect(stdout).toContain(word);
  });

  it('shows what is in the quarantine, harmlessly, and decides about it', async () => {
    const list = await fornax('log', 'quarantine', 'list');
    expect(list.stdout).toMatch(/events-7 +open +message +task poison .*it is not JSON/);
    const { stdout } = await fornax('log', 'quarantine', 'show', 'events-7');
    for (const part of ['fx.ev.task.poison', '9 bytes', 'Nats-Msg-Id: x', '\\u001b[2Jboo'])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain('\u001b');
    expect(await fornax('log', 'quarantine', 'drop', 'events-7', '--reason', 'an attack')).toMatchObject({
      code: 0,
      stdout: 'events-7  dropped\n',
    });
    expect(bodies.at(-1)).toEqual({ reason: 'an attack' });
    expect(await fornax('log', 'quarantine', 'retry', 'events-7')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('still cannot be read'),
    });
    expect((await fornax('log', 'quarantine', '--help')).stdout).toContain('leave it out for good');
  });

  it('ends with 2 after a wrong call', async () => {
    expect(await fornax('task', 'nonsense')).toMatchObject({ code: 2, stderr: expect.stringContaining('nonsense') });
    expect(await fornax('task', 'submit', '-n', 'x', '-i', '0')).toMatchObject({ code: 2 });
  });

  it('submits a task and prints its id', async () => {
    const { code, stdout } = await fornax(
      'task',
      'submit',
      '-n',
      'x',
      '-i',
      '4',
      '-c',
      'A=b=c',
      '--command',
      'echo hi',
      '--results',
      'out',
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'new-task\n' });
    expect(bodies).toContainEqual({
      name: 'x',
      profile: 'docker-batch',
      instanceCount: 4,
      resultBucket: 'out',
      constants: [
        { key: 'A', value: 'b=c' },
        { key: 'DOCKER_CMD', value: 'echo hi' },
      ],
    });
  });

  it('makes tokens of nodes, rotates and revokes', async () => {
    const made = await fornax('node', 'token', '--name', 'gpu-a', '--expires', '2h');
    // Nothing but the token goes to standard output, so it can be taken by a script.
    expect(made).toMatchObject({ code: 0, stdout: 'fnt_of-this-spec\n' });
    expect(bodies.at(-1)).toEqual({ name: 'gpu-a', expiresInSeconds: 7_200 });
    expect(await fornax('node', 'token', '--expires', 'soon')).toMatchObject({ code: 2 });
    expect((await fornax('node', 'tokens')).stdout).toMatch(/used.*gpu-a.*farm/);
    expect((await fornax('node', 'revoke', 'gpu-a')).stdout).toBe('gpu-a: revoked, 1 connection ended\n');
    expect(await fornax('node', 'revoke', 'node-1')).toMatchObject({
      code: 1,
      stderr: 'in the configuration (HTTP 409)\n',
    });
    expect(await fornax('node', 'rotate', 'gpu-a')).toMatchObject({ code: 0 });
  });

  it('makes tasks from tasks, and brings new inputs', async () => {
    expect(await fornax('task', 'retry', 't')).toMatchObject({ code: 0, stdout: 'again\n' });
    expect(await fornax('task', 'clone', 't', '--name', 'second')).toMatchObject({ code: 0, stdout: 'copy\n' });
    // Beside what was asked to find the task by its name.
    const changes = bodies.filter((body) => typeof body === 'object' && body !== null && !('filter' in body));
    expect(changes.slice(-2)).toEqual([{}, { name: 'second' }]);
    expect(await fornax('task', 'retry', 't', '--without-dependencies')).toMatchObject({ code: 0 });
    expect(bodies.at(-1)).toEqual({ dependencies: {}, fornax: { after: [] } });
    expect(await fornax('task', 'refresh', 't')).toMatchObject({ code: 0, stdout: '' });
  });

  it('prints logs as they are', async () => {
    expect((await fornax('task', 'logs', 't')).stdout).toBe('line 1\nline 2\n');
    expect((await fornax('task', 'logs', 't', '--stderr', '-i', '2')).stdout).toBe('oops\n');
  });

  it('follows logs over connections that break, each line once', async () => {
    expect((await fornax('task', 'logs', 't', '--follow')).stdout).toBe('0> a\n0> bc\n1> x\n');
    expect(await fornax('task', 'logs', 'other', '--follow')).toMatchObject({ code: 1 });
  });

  it('shows what the platform says no to, and ends with 1', async () =>
    expect(await fornax('task', 'abort', 't')).toMatchObject({ code: 1, stderr: 'The task is over (HTTP 403)\n' }));

  it('verifies a projection: 0 when it equals the rebuilt one, 1 when it differs', async () => {
    expect(await fornax('projection', 'rebuild', 'fine', '--verify')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('equal'),
    });
    expect(await fornax('projection', 'rebuild', 'status', '--verify')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/ONLY LIVE[^]*task +1 +0[^]*\(22\):\n {2}lost-task\n {2}and 21 more/),
    });
  });

  it('loses what only the rows know when it is forced to, and not before', async () => {
    expect(await fornax('projection', 'rebuild', 'short')).toMatchObject({
      code: 1,
      stderr: 'projection short: the log knows less than its rows (HTTP 409)\n',
    });
    expect(await fornax('projection', 'rebuild', 'short', '--force')).toMatchObject({ code: 0 });
  });

  it('says before and after a log is accepted that what was revoked since is good again, and what to do', async () => {
    const reopened = expect.stringMatching(
      /as they were at the last commit \(2026-11-26T08:38:18Z\)[^]*fornax token revoke/,
    );
    expect(await fornax('log', 'accept', 'epoch-1/38')).toMatchObject({ code: 1, stdout: reopened });
    expect(await fornax('log', 'accept', 'epoch-1/38', '--yes')).toMatchObject({ code: 0, stdout: reopened });
    const { code, stdout } = await fornax('log', 'accept', 'another/7');
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: expect.stringContaining('another/7 is not the log that there is, which is epoch-1/38'),
    });
    expect(stdout).not.toContain('--yes');
  });

  it('verifies the log part by part: 1 and where it is damaged, 0 when it is whole', async () => {
    expect(await fornax('log', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^20050 commits from 1 to 20060, 7 of them older than checksums: the log is damaged\n[^]*gap-20041-20050 +20041 +20050 +open/,
      ),
    });
    const { code, stdout } = await fornax('log', 'verify', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, isWhole: false, damage: [GAP] });
    expect(await fornax('log', 'verify', '--from', '20055', '--no-archive')).toMatchObject({
      code: 0,
      stdout: '6 commits from 20055 to 20060: the log is whole\n',
    });
    expect(await fornax('log', 'verify', '--from', 'now')).toMatchObject({ code: 2 });
  });

  it('verifies the archive of the log, and says where it is damaged', async () => {
    const found = await fornax('log', 'verify', '--no-live');
    expect(found).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^3 segments of the archive up to 40, 35 commits, 2 compared with the log: the archive is not what was archived[^]*\n +3 +31 +512 +an-object +it holds other bytes/,
      ),
    });
    const { code, stdout } = await fornax('log', 'verify', '--no-live', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, archive: { segments: 3, findings: [FINDING] } });
    expect(await fornax('log', 'verify', '--log', 'lost')).toMatchObject({
      code: 0,
      stdout: '1 segments of the archive up to 40, 5 commits, 0 compared with the log: the archive is whole, hash c\n',
    });
  });

  it('rebuilds a projection and lists them', async () => {
    expect(await fornax('projection', 'rebuild', 'status')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('replaced'),
    });
    expect((await fornax('projection', 'list')).stdout).toMatch(/status +submission +42 +0/);
  });
});
