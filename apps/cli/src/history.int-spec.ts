import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type http from 'node:http';
import { cannedPlatform } from './canned-platform.fixture.js';

const event = (sequence: number, type: string, data: object = {}) => ({
  id: `${sequence}.0`,
  sequence,
  type,
  at: '2026-01-01T00:00:00.000Z',
  taskId: 't',
  actor: 'service:scheduler',
  onBehalfOf: 'user:ada',
  reason: null,
  data,
});
const hook = {
  id: 'w',
  name: 'lab',
  url: 'http://x/',
  state: 'parked',
  position: 7,
  failures: 4,
  lastError: 'HTTP 500',
  parkedReason: 'HTTP 500',
};

/** Answers of a platform, by method and path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  'GET /fornax/v1/tasks/t/events?after=0': {
    events: [event(1, 'TaskSubmitted'), event(4, 'WaitingReasonChanged', { reason: 'quota' })],
    next: 4,
  },
  'GET /fornax/v1/tasks/t/events?after=4': {
    events: [
      event(9, 'InstancesStarted', { leases: [{ instance: 2 }, { instance: 3 }] }),
      event(11, 'SecretsGranted', { instance: 2, secrets: [{ key: 'lab/license', version: 4 }] }),
    ],
    next: null,
  },
  'GET /fornax/v1/tasks/t/waiting?asOf=4': {
    text: 'It waits.',
    since: null,
    history: [{ at: 'then', reason: 'quota', detail: 'full' }],
  },
  'GET /fornax/v1/webhooks': [hook],
  'POST /fornax/v1/webhooks': { ...hook, secret: 'whsec_x' },
  'POST /fornax/v1/webhooks/w/replay': { ...hook, state: 'active', parkedReason: null, lastError: null },
  'POST /fornax/v1/webhooks/w/test': { ok: false, status: 500, error: 'answered with status 500', durationMs: 3 },
};
const snapshot = { isLast: true, tasks: [{ uuid: 't', state: 'Submitted', name: 'a task' }] };

describe('fornax, about the past and the present', () => {
  const asked: (string | undefined)[] = [];
  const stop = new AbortController();

  /** Breaks off after the first event; whoever comes back with its id gets the next one, and then Ctrl-C. */
  const live = ({ headers }: http.IncomingMessage, response: http.ServerResponse): void => {
    const last = headers['last-event-id'];
    asked.push(typeof last === 'string' ? last : undefined);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (last === undefined) {
      response.write(`id: 1@x\nevent: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
      response.end(
        `id: 2.0@x\nevent: TaskUpdated\ndata: ${JSON.stringify(event(2, 'TaskUpdated'))}\n\n: heartbeat\nid: 3@x\n\n`,
      );
      return;
    }
    response.write(`id: 4.0@x\nevent: TaskDeleted\ndata: ${JSON.stringify(event(4, 'TaskDeleted'))}\n\n`);
  };

  const platform = cannedPlatform({
    answers: Object.fromEntries(Object.entries(ANSWERS).map(([what, body]) => [what, [200, body] as const])),
    stream: (request, response) => {
      if (request.url?.startsWith('/fornax/v1/events') !== true) return false;
      live(request, response);
      return true;
    },
    onStdout: (text) => {
      if (text.includes('TaskDeleted')) stop.abort();
    },
    signal: stop.signal,
  });
  const { bodies, fornax } = platform;
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('lists the events of a task, page after page', async () => {
    const { code, stdout } = await fornax('task', 'events', 't');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split('  ').slice(0, 4).join(' '))).toEqual([
      '1 2026-01-01T00:00:00.000Z TaskSubmitted by service:scheduler',
      '4 2026-01-01T00:00:00.000Z WaitingReasonChanged quota',
      '9 2026-01-01T00:00:00.000Z InstancesStarted instances 2,3',
      '11 2026-01-01T00:00:00.000Z SecretsGranted instance 2',
      '',
    ]);
    expect(stdout).toContain('  instance 2  lab/license (version 4)  ');
    expect((await fornax('task', 'events', 't', '--after', '4', '--json')).stdout).toContain('"leases"');
    expect((await fornax('task', 'events', 't', '--after', 'x')).code).toBe(2);
  });

  it('tells why a task waited', async () =>
    expect((await fornax('task', 'waiting', 't', '--as-of', '4')).stdout).toBe('It waits.\nthen  quota  full\n'));

  it('looks after webhooks', async () => {
    expect((await fornax('webhook', 'create', 'http://x/', '--type', 'TaskDeleted', '-t', 'a,b')).stdout).toBe(
      'w\nwhsec_x\n',
    );
    expect(bodies).toContainEqual({ url: 'http://x/', tasks: ['a', 'b'], types: ['TaskDeleted'] });
    expect((await fornax('webhook', 'list')).stdout).toMatch(/w +lab +parked +7 +4 +http:\/\/x\/ +HTTP 500/);
    expect((await fornax('webhook', 'replay', 'w', '--from', '12')).stdout).toContain('active');
    expect(bodies).toContainEqual({ from: '12' });
    expect(await fornax('webhook', 'test', 'w')).toMatchObject({
      code: 1,
      stdout: 'not taken: answered with status 500\n',
    });
    expect((await fornax('webhook', '--help')).stdout).toContain('replay');
  });

  it('shows the tasks as they stand', async () =>
    expect(await fornax('events')).toMatchObject({ code: 0, stdout: 't  Submitted  a task\n' }));

  it('follows what happens, also over a broken connection, until Ctrl-C', async () => {
    asked.length = 0;
    const { stdout } = await fornax('events', '--follow');
    expect(asked).toEqual([undefined, '3@x']);
    expect(stdout).toMatch(/Submitted[^]*TaskUpdated[^]*TaskDeleted/);
  });
});
