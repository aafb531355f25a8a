import { once } from 'node:events';
import type http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aTask } from './a-task.fixture.js';
import { infoOfAda } from './a-user.fixture.js';
import { cannedPlatform } from './canned-platform.fixture.js';

const ID = aTask.uuid;
const RUNNING = { ...aTask, state: 'FullyExecuting' };
const OVER = { ...aTask, state: 'Success' };

/** What happens to the requests for a path, one after the other; the last of it to all that follow. `broken`: the connection. */
type Script = readonly ('broken' | readonly [status: number, body: unknown])[];
let scripts: Record<string, Script> = {};
let counts: Record<string, number> = {};

const platform = cannedPlatform({
  answers: {},
  stream: (request: http.IncomingMessage, response: http.ServerResponse): boolean => {
    const what = `${request.method ?? ''} ${request.url ?? ''}`;
    // A bucket is made.
    if (request.method === 'PUT') {
      response.writeHead(200).end();
      return true;
    }
    const script = scripts[what];
    if (!script) return false;
    const count = counts[what] ?? 0;
    counts[what] = count + 1;
    const step = script[Math.min(count, script.length - 1)] ?? 'broken';
    if (step === 'broken') request.socket.destroy();
    else response.writeHead(step[0]).end(typeof step[1] === 'string' ? step[1] : JSON.stringify(step[1]));
    return true;
  },
});
beforeAll(() => platform.start());
afterAll(() => platform.stop());
beforeEach(() => {
  scripts = {};
  counts = {};
  platform.asked.length = 0;
});

describe('a platform that is away for a while', () => {
  it('is waited for by whoever waits for a task, and said so once', async () => {
    scripts[`GET /tasks/${ID}`] = [[200, RUNNING], 'broken', 'broken', [503, { message: 'not now' }], [200, OVER]];
    const { code, stderr } = await platform.fornax('task', 'wait', ID);
    expect(stderr.split('\n').filter((line) => line.includes('cannot be reached'))).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*; this goes on when it can be/),
    ]);
    expect(stderr).toContain(': Success');
    expect(code).toBe(0);
  });

  it('is an error to whoever asks it for the first time', async () => {
    scripts[`GET /tasks/${ID}`] = ['broken'];
    for (const command of [
      ['task', 'wait', ID],
      ['logs', ID, '-f'],
    ]) {
      const { code, stderr } = await platform.fornax(...command);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('cannot be reached') });
    }
  });

  it('is waited for by whoever follows output, and said so', async () => {
    scripts[`GET /tasks/${ID}`] = [[200, RUNNING], 'broken', [200, OVER]];
    scripts[`GET /fornax/v1/tasks/${ID}/stdout/tail`] = ['broken', [200, 'event: end\ndata: {}\n\n']];
    const { code, stderr } = await platform.fornax('logs', ID, '-f');
    expect(stderr).toContain('; this goes on when it can be');
    expect(stderr).toContain(': Success');
    expect(code).toBe(0);
  });

  it('has one task of a submission whose answer was lost', async () => {
    scripts['POST /tasks'] = ['broken', [200, { uuid: ID }]];
    scripts[`GET /tasks/${ID}`] = [[200, OVER]];
    const { code, stdout } = await platform.fornax('task', 'submit', '--name', 'once', '--command', 'true');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${ID}\n` });
    const keys = platform.asked.flatMap(({ what, headers }) =>
      what === 'POST /tasks' ? [headers['idempotency-key']] : [],
    );
    expect(keys).toEqual([expect.stringMatching(/^.{16,}$/), keys[0]]);
  });

  it('does not hide how a task ended, nor where its results are, when those do not come', async () => {
    const end = [200, 'event: end\ndata: {}\n\n'] as const;
    scripts = {
      'GET /info': [[200, infoOfAda]],
      'GET /settings': [[200, { storage: platform.url() }]],
      'GET /': [[200, '<R><Buckets/></R>']],
      'POST /tasks': [[200, { uuid: ID }]],
      [`GET /tasks/${ID}`]: [[200, OVER]],
      [`GET /fornax/v1/tasks/${ID}/stdout/tail`]: [end],
      [`GET /fornax/v1/tasks/${ID}/stderr/tail`]: [end],
    };
    const { code, stderr } = await platform.fornax('run', '--result', './out', '--', 'true');
    expect(stderr).toContain('The results did not come: ');
    expect(stderr).toMatch(/^ {2}Bring them: fornax bucket download \S+\/\S*out\/ \.\/out$/m);
    expect(stderr).toContain(': Success');
    expect(code).toBe(1);
  });

  it('is said to be the storage where that is what cannot be reached', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as net.AddressInfo;
    closed.close();
    scripts['GET /info'] = [[200, infoOfAda]];
    scripts['GET /settings'] = [[200, { storage: `http://127.0.0.1:${port}` }]];
    const { code, stderr } = await platform.fornax('ls', 'film');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('The storage cannot be reached: ') });
  }, 30_000);
});
