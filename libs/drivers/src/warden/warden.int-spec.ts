import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { openLevels, orderOf, runInit, testsOf } from '../sandbox/driver.fixture.js';
import { endInstances } from './end-instances.js';
import { inHundredths, uptimeMs, uptimeOf } from './uptime.js';

const drivers = new URL('../../dist/index.js', import.meta.url).href;
const ALLOW_MS = 4_000;
const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process'], { ready: 0 });
for (const [, opened] of LEVELS) await opened?.close();

/** An agent as far as the warden is concerned: a process of its own that beats, and runs what it is told in lines. */
const PROGRAM = `
import { SandboxDriver } from ${JSON.stringify(drivers)};
import { createInterface } from 'node:readline';
const { workDir, level, allowMs } = JSON.parse(process.argv[1]);
const say = (...words) => process.stdout.write(words.join(' ') + '\\n');
const driver = new SandboxDriver({ workDir, hide: [], level, network: 'host', ready: 1 });
await driver.probe();
const live = new Map();
let beats = 0;
const beat = () => { driver.allow(allowMs); beats += 1; if (beats % 50 === 0) say('beats', beats); };
beat();
setInterval(beat, 100);
say('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [id, ...argv] = JSON.parse(line);
  if (argv.length === 0) { say('held', id, await live.get(id).freeze(3_600_000)); continue; }
  const prepared = await driver.prepare({ id, cores: 1, memoryMB: 256 });
  const running = await prepared.start({ argv, env: { PATH: '/usr/bin:/bin' } });
  running.stdout.resume(); running.stderr.resume();
  say('started', id);
  live.set(id, running);
  void running.exit.then(async ({ kind }) => { await prepared.dispose(); say('exit', id, kind); });
}
await driver.close();
process.exit(0);
`;

const eventually = async <T>(
  find: () => Promise<T | false | undefined> | T | false | undefined,
  timeoutMs = 60_000,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > deadline) throw new Error('did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const stateOf = async (pid: number): Promise<string | undefined> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ')[0];
};

/** The warden of an agent, by its parent and its program. */
const wardenOf = async (agentPid: number): Promise<number | undefined> => {
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== agentPid) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words.some((word) => word.endsWith('/warden-main.js'))) return Number(name);
  }
  return undefined;
};

/** From outside: an instance is gone when the last of its processes has let go of its connection. */
class Observer {
  held = 0;
  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.held += 1;
      socket.on('error', () => undefined);
      socket.once('close', () => (this.held -= 1));
      socket.resume();
    });
  }
  static async open(): Promise<Observer> {
    const server = createServer();
    const observer = new Observer(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return observer;
  }
  /** A command with a daemon in a session of its own, both of which hold a connection and hear nothing. */
  get command(): readonly string[] {
    const { port } = this.server.address() as AddressInfo;
    return [
      '/bin/bash',
      '-c',
      `trap '' TERM HUP; exec 9<>/dev/tcp/127.0.0.1/${port}; (setsid sleep 86399 &); sleep 86399; :`,
    ];
  }
  close(): Promise<unknown> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

describe.each(LEVELS)('a paused agent, %s', (level, opened) => {
  let folder = '';
  let observer: Observer;
  let agent: ChildProcess;
  let said: string[] = [];
  const pid = (): number => agent.pid ?? 0;
  const heard = (text: string): Promise<true> => eventually(() => said.some((line) => line.startsWith(text)));
  const start = (id: string): void => void agent.stdin?.write(`${JSON.stringify([id, ...observer.command])}\n`);

  const hold = (id: string): void => void agent.stdin?.write(`${JSON.stringify([id])}\n`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-warden-'));
    observer = await Observer.open();
  });
  afterAll(async () => {
    await observer.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    said = [];
    const settings = JSON.stringify({ workDir: join(folder, 'work'), level, allowMs: ALLOW_MS });
    agent = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, settings], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (agent.stdout) createInterface({ input: agent.stdout }).on('line', (line) => said.push(line));
    await eventually(() => said[0]);
  }, 60_000);
  afterEach(async () => {
    agent.kill('SIGKILL');
    await eventually(() => observer.held === 0);
  }, 60_000);
  const here = (name: string, test: () => Promise<void>): void => testsOf(opened)(name, test, 120_000);

  here(
    'loses its instances while it stands still, daemons and those that start meanwhile too, and goes on afterwards',
    async () => {
      start('one');
      start('two');
      await eventually(() => observer.held === 2);
      await heard('beats 50'); // longer than one beat allows
      expect(observer.held).toBe(2);
      agent.kill('SIGSTOP');
      await eventually(() => observer.held === 0);
      expect(await stateOf(pid())).toBe('T');
      agent.kill('SIGCONT');
      await heard('exit one killed');
      await heard('exit two killed');
      start('three');
      await heard('started three');
      await eventually(() => observer.held === 1);
    },
  );

  // The same for all.
  const once: typeof here = level === 'process' ? here : () => undefined;
  once('has another warden when that one was killed, or stopped', async () => {
    start('one');
    await eventually(() => observer.held === 1);
    let warden = await eventually(() => wardenOf(pid()));
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      const before = warden;
      process.kill(before, signal);
      warden = await eventually(async () => {
        const now = await wardenOf(pid());
        return now !== undefined && now !== before && now;
      });
    }
    expect(observer.held).toBe(1);
    agent.kill('SIGSTOP');
    await eventually(() => observer.held === 0);
    expect(await stateOf(pid())).toBe('T');
  });

  here('that is killed takes its instances and its warden along', async () => {
    start('one');
    await eventually(() => observer.held === 1);
    const warden = await eventually(() => wardenOf(pid()));
    agent.kill('SIGKILL');
    await eventually(() => observer.held === 0);
    await eventually(async () => [undefined, 'Z'].includes(await stateOf(warden)));
  });

  here('ends instances that stand still as all others, when it stands still itself and when it is killed', async () => {
    for (const [id, signal] of [
      ['still-one', 'SIGSTOP'],
      ['still-two', 'SIGKILL'],
    ] as const) {
      start(id);
      await eventually(() => observer.held === 1);
      hold(id);
      await heard(`held ${id}`);
      agent.kill(signal);
      await eventually(() => observer.held === 0);
      agent.kill('SIGCONT');
    }
  });

  // What left the group of a plain process is found by the warden alone.
  const isolated: typeof here = level === 'process' ? () => undefined : here;
  isolated('ends instances that stand still when it is killed after its warden', async () => {
    start('still');
    await eventually(() => observer.held === 1);
    hold('still');
    await heard('held still true');
    const warden = await eventually(() => wardenOf(pid()));
    process.kill(warden, 'SIGSTOP');
    agent.kill('SIGKILL');
    await eventually(() => observer.held === 0);
    process.kill(warden, 'SIGKILL');
  });
});

it('leaves alone what another agent runs in the folder by now', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-warden-'));
  const child = spawn('sleep', ['86396'], { detached: true, stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const lock = join(folder, 'agent.lock');
  await mkdir(join(folder, 'instances', 'one'), { recursive: true });
  await writeFile(join(folder, 'instances', 'one', 'pid'), String(child.pid));
  await writeFile(lock, '7 7');
  const instancesDir = join(folder, 'instances');
  const ward = { agentPid: process.pid, instancesDir, groups: [], isScattered: false, hasOwnUsers: false };
  expect(await endInstances({ ...ward, lock: { path: lock, text: '6 6' } })).toBe(0);
  expect(await stateOf(child.pid ?? 0)).not.toBe('Z');
  expect(await endInstances({ ...ward, lock: { path: lock, text: '7 7' } })).toBe(1);
  await exited;
  await rm(folder, { recursive: true });
});

it('ends its rounds once its agent is heard again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-warden-'));
  const instancesDir = join(folder, 'instances');
  const pidFile = join(instancesDir, 'one', 'pid');
  await mkdir(join(instancesDir, 'one'), { recursive: true });
  const [old, next] = ['86394', '86395'].map((time) => spawn('sleep', [time], { detached: true, stdio: 'ignore' }));
  if (!old || !next) throw new Error('nothing was started');
  const exited = new Promise((resolve) => next.once('exit', resolve));
  const lock = { path: join(folder, 'agent.lock'), text: '7 7' };
  const ward = { agentPid: process.pid, lock, instancesDir, groups: [], isScattered: false, hasOwnUsers: false };
  /** Asked between two rounds, when the agent has started the next one already. */
  const startNext = (isWanted: boolean) => (): boolean => {
    writeFileSync(pidFile, String(next.pid));
    return isWanted;
  };
  await writeFile(pidFile, String(old.pid));
  await endInstances(ward, startNext(false));
  expect(await stateOf(next.pid ?? 0)).toMatch(/^[SRD]$/);
  await endInstances(ward, startNext(true));
  await exited;
  await rm(folder, { recursive: true });
});

it('starts nothing after its deadline, even if it was told to before', async () => {
  const start = async (until: number): Promise<unknown> => {
    const { code, out } = await runInit(orderOf(['echo', 'ran'], [], until));
    return [code, out];
  };
  expect(await start(inHundredths(uptimeMs()) - 1)).toEqual([125, '']);
  expect(await start(inHundredths(uptimeMs()) + 360_000)).toEqual([0, 'ran\n']);
  expect(await start(0)).toEqual([0, 'ran\n']);
});

it('reads the clock that nobody sets', () => expect(uptimeOf('12345.67 9.10\n')).toBe(12_345_670));
