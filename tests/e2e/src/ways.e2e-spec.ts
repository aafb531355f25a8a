import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, providePythonSdk, type RunningPlatform, startPlatform, toolsDir } from '@fornax/testing';
import { atTerminal, typed } from './typed.js';

const run = promisify(execFile);
const script = new URL('../python/way_in.py', import.meta.url).pathname;
const LONG_MS = 60_000;

interface Forward {
  readonly name: string;
  readonly enabled: boolean;
  readonly applicationType: string;
  readonly proto: string;
  readonly port: number;
  readonly allowedIPs: readonly string[];
  readonly access: { readonly publicHost: string; readonly publicPort: number };
}
type Forwards = Readonly<Record<string, Readonly<Record<string, Forward>>>>;

/** Whether something listens there. */
const isOpen = async (port: number): Promise<boolean> => {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

describe('ways into instances', () => {
  let platform: RunningPlatform;
  let taskId = '';

  const call = async (path: string, init: RequestInit = {}, token = platform.token): Promise<Response> =>
    fetch(`${platform.apiUrl}${path}`, {
      ...init,
      headers: { authorization: token, 'content-type': 'application/json' },
    });
  const forwards = async (): Promise<Forwards> =>
    (await call(`/v1/network/tasks/${taskId}/port-forward`)).json() as Promise<Forwards>;
  const webPorts = async (): Promise<readonly number[]> =>
    Object.values(await forwards()).flatMap(({ web }) => web?.access.publicPort ?? []);
  const page = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  const arePages = async (ports: readonly number[]): Promise<boolean> =>
    ports.length === 2 &&
    Promise.all(ports.map(page)).then(
      (texts) => texts.toSorted().join('') === 'instance 0\ninstance 1\n',
      () => false,
    );
  /** Ports of the two web servers once both answer, none of them one of those. */
  const comeBack = async (others: readonly number[]): Promise<readonly number[]> => {
    let ports: readonly number[] = [];
    await eventually(
      async () => {
        ports = await webPorts().catch(() => []);
        return !ports.some((port) => others.includes(port)) && arePages(ports);
      },
      { timeoutMs: LONG_MS },
    );
    return ports;
  };

  beforeAll(async () => {
    platform = await startPlatform({ env: { FORNAX_NODE_CORES: '6' } });
  });
  afterAll(() => platform.stop());

  it('are named to the official SDK, and lead to each instance', async () => {
    const sdk = await providePythonSdk(toolsDir());
    if ('missing' in sdk) {
      console.warn(`SKIPPED-PYTHON-SDK: ${sdk.missing}`);
      return;
    }
    const { stdout } = await run(sdk.python, [script], { env: { ...process.env, ...platform.clientEnv } });
    const seen = JSON.parse(stdout) as { readonly uuid: string; readonly pages: Readonly<Record<string, string>> };
    expect(seen.pages).toEqual({ '0': 'instance 0\n', '1': 'instance 1\n' });
    taskId = seen.uuid;
    const found = await forwards();
    expect(Object.keys(found)).toEqual(['0', '1']);
    const publicPort: unknown = expect.any(Number);
    expect(found['0']).toEqual({
      web: {
        ...{ name: 'web', enabled: true, applicationType: 'http', proto: 'tcp', port: 8_080, allowedIPs: [] },
        access: { publicHost: '127.0.0.1', publicPort },
      },
      closed: expect.objectContaining({ name: 'closed', port: 8_081, allowedIPs: ['192.0.2.1'] }) as unknown,
    });
  });

  it('are open to those addresses alone that a rule names', async () => {
    const port = (await forwards())['0']?.['closed']?.access.publicPort ?? 0;
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    await once(socket, 'close');
    expect(socket.bytesRead).toBe(0);
  });

  describe('for their owner', () => {
    let home = '';
    let task = '';
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'fornax-ways-'));
      const script = 'echo here > own; python3 -m http.server 8000 --bind 127.0.0.1 & export NAPS=3600; sleep $NAPS';
      const { code, stdout, stderr } = await typed(
        platform,
        home,
        '.',
        `fornax task submit --name entered -c MARK=of-the-task --shell '${script}'`,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      task = stdout.trim();
      const running = async (): Promise<boolean> =>
        JSON.stringify(await (await call(`/tasks/${task}`)).json()).includes('"runningInstanceCount":1');
      await eventually(running, { timeoutMs: LONG_MS });
    });
    afterAll(() => rm(home, { recursive: true, force: true }));
    const fornax = (line: string): ReturnType<typeof typed> =>
      typed(platform, home, '.', line.replaceAll('TASK', task));

    it('run commands, with what they read, print and end with', async () => {
      expect(await fornax(`fornax task exec TASK -- sh -c 'cat own; echo "$MARK"; echo err >&2; exit 7'`)).toEqual({
        code: 7,
        stdout: 'here\nof-the-task\n',
        stderr: 'err\n',
      });
      const piped = `head -c 3000000 /dev/zero | fornax task exec TASK -- wc -c; seq 3 | fornax task exec TASK --no-stdin -- cat`;
      expect(await fornax(piped)).toEqual({ code: 0, stdout: '3000000\n', stderr: '' });
      expect(await fornax('fornax task exec TASK -- head -c 5000000 /dev/zero | wc -c')).toMatchObject({
        stdout: '5000000\n',
      });
      expect(await fornax('fornax task exec TASK -- no-such-program')).toMatchObject({ code: 127 });
    });

    it('say why where there is no session', async () => {
      const ends = `fornax task exec TASK --instance 1 -- true`;
      expect((await fornax(ends)).stderr).toContain('has no instance 1 (HTTP 404)');
      expect((await fornax('fornax task shell TASK')).stderr).toContain('This is no terminal');
      const over = 'id=$(fornax task submit --name over --shell true --wait 2>wait.log); fornax task exec $id -- true';
      expect((await fornax(over)).stderr).toContain('is not running (HTTP 409)');
      const other = await call(`/fornax/v1/tasks/${task}/instances/0/sessions`, {
        method: 'POST',
        body: '{"kind":"exec"}',
      });
      expect(other.status).toBe(400);
    });

    /** Of all that runs in the instance. */
    const commandLines = async (): Promise<string> =>
      (await fornax(`fornax task exec TASK -- sh -c 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'`)).stdout;

    it('have a shell at a terminal, with its size and its job control', async () => {
      const shell = await atTerminal(platform, home, `fornax task shell ${task}`);
      await eventually(() => /[$#] $/.test(shell.seen()), { timeoutMs: LONG_MS });
      shell.type('stty size; echo "$TERM"\n');
      await eventually(() => shell.seen().includes('40 200'), { timeoutMs: LONG_MS });
      shell.type('sleep 4000\n');
      await eventually(async () => (await commandLines()).includes('sleep 4000'), { timeoutMs: LONG_MS });
      shell.type('\u0003');
      shell.type('exit 9\n');
      expect(await shell.ended).toBe(9);
    });

    it('run no command any longer than its connection is there', async () => {
      const command = `. '${platform.dataDir}/env'; exec fornax task exec ${task} -- sh -c 'sleep 4321 & echo on; wait'`;
      const child = spawn('bash', ['-c', command], {
        env: { ...process.env, HOME: home },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(child.stdout, 'data');
      expect(await commandLines()).toContain('sleep 4321');
      child.kill('SIGKILL');
      await eventually(async () => !(await commandLines()).includes('sleep 4321'), { timeoutMs: LONG_MS });
    });

    it('reach any port of them from their own machine', async () => {
      const command = `. '${platform.dataDir}/env'; exec fornax task forward ${task} 0:8000`;
      const child = spawn('bash', ['-c', command], {
        env: { ...process.env, HOME: home },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const port = await eventually(() => /127\.0\.0\.1:(\d+) leads to port 8000/.exec(said)?.[1], {
        timeoutMs: LONG_MS,
      });
      const own = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/own`)).text();
      expect(await Promise.all([own(), own(), own()])).toEqual(['here\n', 'here\n', 'here\n']);
      child.kill('SIGINT');
      await once(child, 'close');
      expect(await isOpen(Number(port))).toBe(false);
    });

    it('end with their instance, and are told in the history of the task', async () => {
      const child = spawn(
        'bash',
        ['-c', `. '${platform.dataDir}/env'; exec fornax task exec ${task} -- sh -c 'echo on; sleep 4000; # hunter2'`],
        {
          env: { ...process.env, HOME: home },
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      );
      await once(child.stdout, 'data');
      const closed = once(child, 'close');
      await call(`/tasks/${task}/abort`, { method: 'POST' });
      // What runs in an instance that is cancelled gets its SIGTERM.
      expect((await closed)[0]).toBe(143);
      const events = async (): Promise<readonly { type: string; actor: string; data: Record<string, unknown> }[]> => {
        const all = (await (await call(`/fornax/v1/tasks/${task}/events`)).json()) as {
          events: { type: string; actor: string; data: Record<string, unknown> }[];
        };
        return all.events.filter(({ type }) => type.startsWith('TaskSession'));
      };
      const ended = await eventually(
        async () => {
          const found = await events();
          const openedOf = found.filter(({ type }) => type === 'TaskSessionOpened').length;
          return found.length > 10 && found.length === 2 * openedOf ? found : undefined;
        },
        { timeoutMs: LONG_MS },
      );
      expect(ended[0]).toMatchObject({
        type: 'TaskSessionOpened',
        data: { kind: 'exec', program: 'sh', instance: 0, hasTerminal: false },
      });
      expect(ended[0]?.actor).toMatch(/^user:/);
      expect(ended[1]).toMatchObject({
        type: 'TaskSessionEnded',
        data: { exitCode: 7, session: ended[0]?.data['session'] },
      });
      const last = ended.findLast(({ type }) => type === 'TaskSessionOpened')?.data['session'];
      expect(ended.find(({ type, data }) => type === 'TaskSessionEnded' && data['session'] === last)).toMatchObject({
        data: { exitCode: 143 },
      });
      expect(ended.some(({ data }) => data['kind'] === 'forward' && data['port'] === 8_000)).toBe(true);
      expect(JSON.stringify(ended)).not.toContain('hunter2');
    });
  });

  it('come back with a platform and a node that were killed, by other ports', async () => {
    const before = await webPorts();
    process.kill((await platform.parts())['platform'] ?? 0, 'SIGKILL');
    const afterPlatform = await comeBack(before);
    expect(await Promise.all(before.map(isOpen))).toEqual([false, false]);
    const agents = Object.entries(await platform.parts()).filter(([name]) => name.startsWith('node'));
    for (const [, pid] of agents) process.kill(pid, 'SIGKILL');
    await comeBack(afterPlatform);
    expect(await Promise.all(afterPlatform.map(isOpen))).toEqual([false, false]);
  }, 180_000);

  it('end with the instances', async () => {
    const ports = await webPorts();
    expect(ports).toHaveLength(2);
    await call(`/tasks/${taskId}/abort`, { method: 'POST' });
    await eventually(async () => !(await Promise.all(ports.map(isOpen))).includes(true), { timeoutMs: LONG_MS });
    // A node tells once a second.
    await eventually(async () => JSON.stringify(await forwards()) === '{"0":{},"1":{}}', { timeoutMs: LONG_MS });
  });
});
