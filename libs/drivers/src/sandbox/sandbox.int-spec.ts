import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { InstanceExit, InstanceSpec } from '../driver/driver.js';
import { findProgram } from '../process/find-program.js';
import { findByEnvironment, findByUser } from '../process/proc.js';
import { asRoot, openLevels, testsOf } from './driver.fixture.js';
import { isRoot } from './level.js';
import { SandboxDriver } from './sandbox.driver.js';

const text = async (stream: Readable): Promise<string> => {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
};
const eventually = async (holds: () => Promise<boolean> | boolean, timeoutMs = 8_000): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
/** Processes on this machine that have `word` as an argument; a word of its own marks each test's. */
const running = (word: string): number =>
  execFileSync('ps', ['-eo', 'args'])
    .toString()
    .split('\n')
    .filter((line) => line.split(' ').includes(word)).length;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-sandbox-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// What a test sees of connections it sees from outside; networks of their own are in network.int-spec.ts.
const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process'], { network: 'host' });
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

describe.each(LEVELS)('a sandbox of level %s', (level, opened) => {
  const facts = opened?.facts;
  const dataDir = opened?.dataDir ?? '';
  let driver: SandboxDriver;
  let counter = 0;

  beforeAll(async () => {
    if (!opened) return;
    driver = opened.driver;
    await writeFile(join(dataDir, 'master-key'), 'very secret', { mode: 0o600 });
  });

  const isIsolated = level !== 'process';
  const here = (name: string, test: () => Promise<void>, timeoutMs = 20_000): void =>
    testsOf(opened)(name, test, timeoutMs);
  const rootHere: typeof here = (name, test, timeoutMs = 20_000) =>
    testsOf(isRoot() ? opened : undefined)(name, test, timeoutMs);
  const isolated = (name: string, test: () => Promise<void>): void => {
    if (isIsolated) here(name, test);
  };

  const run = async (
    argv: readonly [string, ...string[]],
    env: Record<string, string> = {},
    spec: Partial<InstanceSpec> = {},
  ): Promise<InstanceExit & { out: string; err: string }> => {
    const prepared = await driver.prepare({
      id: `${basename(dataDir)}-run-${(counter += 1)}`,
      cores: 1,
      memoryMB: 512,
      ...spec,
    });
    try {
      const instance = await prepared.start({
        argv,
        env: { PATH: facts?.path ?? '', TASK_PATH: prepared.paths.job, ...env },
      });
      const [out, err, exit] = await Promise.all([text(instance.stdout), text(instance.stderr), instance.exit]);
      return { out, err, ...exit };
    } finally {
      await prepared.dispose();
    }
  };
  const sh = (script: string, env: Record<string, string> = {}): ReturnType<typeof run> =>
    run(['/bin/sh', '-c', script], env);

  here('runs a command in a folder of its own and says how it ended', async () => {
    const { out, kind, exitCode, cpuMs } = await sh('echo in > file; cat file; pwd; exit 7');
    expect(out.split('\n').slice(0, 1)).toEqual(['in']);
    expect({ kind, exitCode }).toEqual({ kind: 'exited', exitCode: 7 });
    expect(cpuMs).toBeGreaterThan(0);
  });

  here('hands over arguments and environment unharmed', async () => {
    const value = `a 'b' "c" $(id) \${X} \\ \n end`;
    const { out } = await run(['/bin/sh', '-c', 'printf "%s|%s|%s" "$0" "$1" "$VALUE"', value, ''], { VALUE: value });
    expect(out).toBe(`${value}||${value}`);
  });

  here(
    'lets go of every descriptor of a command that is too long to start',
    async () => {
      const tooLong = { LONG: 'x'.repeat(200_000) };
      await expect(sh('true', tooLong)).rejects.toThrow('E2BIG');
      const before = (await readdir('/proc/self/fd')).length;
      for (let round = 0; round < 5; round += 1) await expect(sh('true', tooLong)).rejects.toThrow('E2BIG');
      await eventually(async () => (await readdir('/proc/self/fd')).length < before + 5);
    },
    120_000,
  );

  here('shows nothing of its own environment to the command', async () => {
    const { out } = await run(['/usr/bin/env'], { ONLY: '1' });
    const names = out
      .split('\n')
      .map((line) => line.split('=')[0])
      .filter((name) => name !== '' && name !== 'FORNAX_LEASE');
    expect(new Set(names)).toEqual(new Set(['ONLY', 'PATH', 'TASK_PATH']));
  });

  here('lets no variable of the user work on its own privileged steps', async () => {
    const { exitCode, out } = await sh('echo ok', {
      LD_PRELOAD: '/nonexistent.so',
      PATH: '/nonexistent',
      IFS: 'x',
      ENV: '/etc/passwd',
    });
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'ok\n' });
  });

  here('says 127 for a command that does not exist', async () => {
    const { exitCode, err } = await run(['no-such-command']);
    expect(exitCode).toBe(127);
    expect(err).toContain('no-such-command');
  });

  here('names the signal that ended the command', async () => {
    const { exitCode, signal } = await sh('kill -SEGV $$');
    expect({ exitCode, signal }).toEqual({ exitCode: 139, signal: 'SIGSEGV' });
    expect(await sh('kill -ABRT $$')).toMatchObject({ exitCode: 134, signal: 'SIGABRT' });
    expect(await sh('kill -36 $$')).toMatchObject({ exitCode: 164, signal: 'SIGRTMIN+2' });
  });

  here('lets the command open its outputs by name', async () => {
    const { out, err } = await sh('echo a > /dev/stdout; echo b > /dev/stderr');
    expect({ out, err }).toEqual({ out: 'a\n', err: 'b\n' });
  });

  here('does not run the command as root, nor with privileges', async () => {
    const { out } = await sh('grep -E "^(CapEff|CapPrm|NoNewPrivs)" /proc/self/status; touch /etc/fornax-was-here');
    expect(out.match(/CapEff:\s*0+$/m) && out.match(/CapPrm:\s*0+$/m)).toBeTruthy();
    expect(out).toMatch(/NoNewPrivs:\s*1/);
    expect(await readdir('/etc')).not.toContain('fornax-was-here');
  });

  isolated('shows the host read-only', async () => {
    const { out } = await sh(
      'for at in /usr /etc / /var/tmp; do touch $at/fornax 2>/dev/null && echo "wrote $at"; done; ls /usr/bin/env',
    );
    expect(out).toBe('/usr/bin/env\n');
  });

  isolated('works in /job and has scratch of its own', async () => {
    const { out } = await sh('pwd; touch /job/a /tmp/b /dev/shm/c; ls -A /job /tmp /dev/shm');
    expect(out).toBe('/job\n/dev/shm:\nc\n\n/job:\na\n\n/tmp:\nb\n');
  });

  // Plain processes of the agent's own user read what it reads: its warning says so.
  (isIsolated ? here : rootHere)('hides the data of the platform', async () => {
    const { out, err } = await sh(`cat ${dataDir}/master-key; ls ${dataDir}/node/instances /.fornax; true`);
    expect(out.includes('very secret')).toBe(false);
    expect(err).toMatch(/cannot|No such|denied/);
  });

  isolated('sees no process but its own', async () => {
    const { out } = await sh('ls /proc | grep -c "^[0-9]"');
    expect(Number(out)).toBeLessThan(8);
  });

  rootHere(
    'keeps an instance from the files, the processes and the environment of others and of the agent',
    async () => {
      const victim = await driver.prepare({ id: 'victim', cores: 1, memoryMB: 64 });
      await writeFile(join(victim.jobDir, 'input'), 'very secret');
      const script = 'id -u; echo "very secret" > $TMP/own; touch $TMP/made; while :; do sleep 0.05; done';
      const instance = await victim.start({
        argv: ['/bin/sh', '-c', script],
        env: { PATH: '/usr/bin:/bin', TMP: victim.paths.tmp, TOKEN: 'very secret' },
      });
      let uid = '';
      instance.stdout.on('data', (chunk: Buffer) => (uid += chunk.toString()));
      const host = join(victim.jobDir, '..');
      await eventually(() => existsSync(join(host, 'tmp', 'made')));
      const agent = process.pid;
      const { out, err } = await run([
        'python3',
        '-c',
        `import os, signal
print("uid", os.getuid(), os.getgid(), os.getgroups())
secrets = ["${host}/job/input", "${host}/tmp/own", "/proc/${agent}/environ", "/proc/${agent}/mem", "${dataDir}/master-key"]
for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    secrets.append("/proc/" + pid + "/environ")
for path in secrets:
    try:
        if b"very secret" in open(path, "rb").read(1 << 20): print("read", path)
    except OSError: pass
for pid in (${agent}, ${agent} * -1):
    try: os.kill(pid, 0); print("may signal", pid)
    except OSError: pass
for folder in ("${host}", "${host}/job", "${dataDir}"):
    try: print("lists", folder, os.listdir(folder))
    except OSError: pass
`,
      ]);
      expect({ out, err }).toEqual({ out: expect.stringMatching(/^uid (\d+) \1 \[\]\n$/), err: '' });
      const own = /uid (\d+)/.exec(out)?.[1] ?? '';
      expect([Number(own) >= 200_000, own === uid.trim()]).toEqual([true, false]);
      instance.kill();
      await instance.exit;
      await victim.dispose();
    },
  );

  rootHere('leaves neither a process nor a file of its user behind, wherever the instance hid them', async () => {
    const { out } = await sh(
      'id -u; touch /tmp/fornax-left /dev/shm/fornax-left; (env -i setsid sh -c "sleep 4711.375 & sleep 4711.375" >/dev/null 2>&1 &); sleep 0.1',
    );
    await eventually(() => running('4711.375') === 0);
    expect(Number(out)).toBeGreaterThanOrEqual(200_000);
    expect(['/tmp', '/dev/shm'].filter((path) => existsSync(join(path, 'fornax-left')))).toEqual([]);
  });

  here('kills daemons that left their parents when the command ends', async () => {
    await sh('(setsid sh -c "sleep 4711.125 & sleep 4711.125" >/dev/null 2>&1 &); sleep 0.1');
    await eventually(() => running('4711.125') === 0);
  });

  here('passes SIGTERM to every process, and SIGKILL ends those that ignore it', async () => {
    const prepared = await driver.prepare({ id: 'stubborn', cores: 1, memoryMB: 0 });
    const instance = await prepared.start({
      argv: ['/bin/sh', '-c', 'trap "echo got it" TERM; echo ready; while :; do sleep 0.05; done'],
      env: { PATH: '/usr/bin:/bin' },
    });
    let out = '';
    instance.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await eventually(() => out.includes('ready'));
    instance.terminate();
    await eventually(() => out.includes('got it'));
    instance.kill();
    expect((await instance.exit).kind).toBe('killed');
    await prepared.dispose();
  });

  here('measures what runs: a busy loop and what it holds, and no more once it is over', async () => {
    const prepared = await driver.prepare({ id: 'busy', cores: 1, memoryMB: 512 });
    const instance = await prepared.start({
      argv: ['python3', '-c', 'x = bytearray(64 << 20)\nprint("up", flush=True)\nwhile True: pass'],
      env: { PATH: '/usr/bin:/bin' },
    });
    let out = '';
    instance.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    await eventually(() => out.includes('up'));
    const before = await instance.measure();
    await eventually(async () => ((await instance.measure()).cpuMs ?? 0) > (before.cpuMs ?? 0) + 100);
    const { memoryMB = 0 } = await instance.measure();
    expect(memoryMB).toBeGreaterThan(60);
    expect(memoryMB).toBeLessThan(512);
    instance.kill();
    await instance.exit;
    expect(await instance.measure()).toBeDefined();
    await prepared.dispose();
    expect(await instance.measure()).toEqual({});
  });

  here('counts what goes over the connections of an instance, and of no other', async () => {
    if (!existsSync('/usr/bin/ss') && !existsSync('/bin/ss')) {
      process.stderr.write('ss of iproute2 is not here: the network is not tested\n');
      return;
    }
    const server = createServer((socket) => {
      const timer = setInterval(() => socket.write(Buffer.alloc(100_000)), 20);
      socket.on('data', () => undefined);
      socket.on('close', () => clearInterval(timer));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const prepared = await Promise.all(
      ['talks', 'listens'].map((id) => driver.prepare({ id, cores: 1, memoryMB: 256 })),
    );
    const script = `import socket\ns = socket.create_connection(("127.0.0.1", ${port}))\ns.sendall(b"x" * 1000)\nwhile s.recv(65536): pass`;
    const env = { PATH: '/usr/bin:/bin' };
    const talker = await prepared[0]?.start({ argv: ['python3', '-c', script], env });
    const other = await prepared[1]?.start({ argv: ['sleep', '60'], env });
    let use = await talker?.measure();
    await eventually(async () => {
      use = await talker?.measure();
      return (use?.receivedBytes ?? 0) > 300_000 && (use?.sentBytes ?? 0) >= 1_000;
    });
    expect(use?.sentBytes).toBeLessThan(2_000);
    expect(await other?.measure()).toMatchObject({ receivedBytes: 0, sentBytes: 0 });
    talker?.kill();
    other?.kill();
    await Promise.all([talker?.exit, other?.exit]);
    await Promise.all(prepared.map((one) => one.dispose()));
    await new Promise((resolve) => server.close(resolve));
  });

  here('tells that an instance ran out of memory', async () => {
    const { kind } = await run(
      ['python3', '-c', 'import time\nx = [bytearray(1 << 20) for _ in range(400)]\ntime.sleep(5)'],
      { PATH: '/usr/bin:/bin' },
      { memoryMB: 64 },
    );
    expect(kind).toBe('out-of-memory');
  });

  here('holds 100 MB of output back until somebody reads it', async () => {
    const before = process.memoryUsage().rss;
    const prepared = await driver.prepare({ id: 'loud', cores: 1, memoryMB: 0 });
    const instance = await prepared.start({
      argv: ['/bin/sh', '-c', 'head -c 104857600 /dev/zero'],
      env: { PATH: '/usr/bin:/bin' },
    });
    instance.stderr.resume();
    let bytes = 0;
    let peak = 0;
    for await (const chunk of instance.stdout) {
      bytes += Buffer.isBuffer(chunk) ? chunk.length : 0;
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect((await instance.exit).exitCode).toBe(0);
    await prepared.dispose();
    expect(bytes).toBe(104_857_600);
    expect(peak - before).toBeLessThan(90 * 1_048_576);
  });

  // Without users of their own, plain processes that took off their mark are found by nothing.
  rootHere(
    'ends what forks and exits faster than anybody can look for it',
    async () => {
      // A chain of processes of which each lives for a moment, in sessions of their own and with nothing in their environment.
      const comet =
        'n=0; link() { n=$((n + 1)); [ $n -lt 200 ] || exec setsid sh comet; link & exit 0; }; : >> alive; link';
      const prepared = await driver.prepare({ id: 'comet', cores: 1, memoryMB: 512 });
      const instance = await prepared.start({
        argv: [
          '/bin/sh',
          '-c',
          'echo "$COMET" > comet; env -i setsid sh comet >/dev/null 2>&1; until [ -e alive ]; do :; done; id -u',
        ],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', COMET: comet },
      });
      instance.stderr.resume();
      const uid = Number(await text(instance.stdout));
      expect(uid).toBeGreaterThan(0);
      await instance.exit;
      const found: number[] = [];
      for (let look = 0; look < 5; look += 1) found.push(...(await findByUser(uid)));
      await prepared.dispose();
      expect(found).toEqual([]);
    },
    60_000,
  );

  here('leaves no folder behind, even one that the instance made unreadable', async () => {
    await sh('mkdir -p a/b; touch a/b/c; chmod 000 a/b a');
    // But those of the next ones of the two sizes that came last, which wait and have nothing in them.
    const left = await readdir(join(dataDir, 'node', 'instances')).catch(() => []);
    expect(left.length).toBeLessThanOrEqual(2);
    for (const name of left)
      expect(await readdir(join(dataDir, 'node', 'instances', name, 'job')).catch(() => [])).toEqual([]);
  });

  here('lets no instance outlive an agent that was killed', async () => {
    const mark = `${4_000 + LEVELS.findIndex(([name]) => name === level)}.25`;
    const workDir = join(folder, level, 'killed');
    const agent = spawn(
      process.execPath,
      [
        '--conditions=@fornax/source',
        '--input-type=module',
        '-e',
        `
      import { SandboxDriver } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      const driver = new SandboxDriver({ workDir: ${JSON.stringify(workDir)}, hide: [], level: ${JSON.stringify(level)} });
      await driver.probe();
      const prepared = await driver.prepare({ id: 'orphan', cores: 1, memoryMB: 0 });
      const instance = await prepared.start({ argv: ['/bin/sh', '-c', '(setsid sleep ${mark} &); sleep ${mark}'], env: { PATH: '/usr/bin:/bin' } });
      instance.stdout.resume();
      console.log('up');
    `,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => agent.stdout.once('data', resolve));
    await eventually(() => running(mark) >= 2);
    const gone = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGKILL');
    await gone;
    if (!isIsolated) {
      const next = new SandboxDriver({ workDir, hide: [], level });
      await next.probe();
      await next.close();
    }
    await eventually(() => running(mark) === 0);
    expect(await findByEnvironment('FORNAX_LEASE=orphan')).toEqual([]);
  });
});

asRoot('runs no plain processes unless told to, and says what to install or to set', async () => {
  const program = `
    import { SandboxDriver } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    const driver = new SandboxDriver({ workDir: ${JSON.stringify(join(folder, 'bare'))}, hide: [] });
    await driver.probe().then(({ name }) => console.log(name), (error) => console.log(error.name, error.message));
    await driver.close();
  `;
  // Root without a capability may make no namespace.
  const bare = ['--bounding-set=-all', '--inh-caps=-all', '--', process.execPath, '--input-type=module', '-e', program];
  const said = execFileSync('setpriv', bare).toString();
  expect(said).toMatch(/^NoSandbox .*unshare does not work here.*Install bubblewrap.*FORNAX_NODE_SANDBOX=process/);
  // Where it is not installed there is nothing to say of it but that.
  expect(said.includes('bubblewrap does not work here')).toBe((await findProgram('bwrap')) !== undefined);
});

it('refuses a folder in which another agent works', async () => {
  const workDir = join(folder, 'locked');
  const first = new SandboxDriver({ workDir, hide: [], level: 'process' });
  await first.probe();
  const [, startTime = ''] = (await readFile(join(workDir, 'agent.lock'), 'utf8')).split(' ');
  expect(startTime).not.toBe('');
  const parent = (await readFile(`/proc/${process.ppid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')[19];
  await writeFile(join(workDir, 'agent.lock'), `${process.ppid} ${parent}`);
  await expect(new SandboxDriver({ workDir, hide: [] }).probe()).rejects.toThrow('FORNAX_NODE_DIR');
  await first.close();
});
