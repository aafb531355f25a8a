import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { eventually } from '@fornax/testing';
import { TEST_DEVICE, testEngineHere } from '@fornax/testing/engine';
import { afterAll, describe, expect, it } from '@jest/globals';

import type { EnteringCommand, InstanceSpec, PreparedInstance, RunningInstance } from '../driver/driver.js';
import { openedOn, testsOf } from '../sandbox/driver.fixture.js';
import { ContainerDriver } from './container.driver.js';
import { openContainers } from './engine.fixture.js';
import { Engine, EngineAway } from './engine.js';
import { EngineWatch } from './engine-watch.js';

const engine = await testEngineHere();
const opened = engine && (await openContainers(engine));
afterAll(async () => {
  await opened?.close();
  await engine?.stop();
});
const all = engine && opened ? { engine, ...opened } : undefined;
type Given = NonNullable<typeof all>;
const here = testsOf(all);

let number = 0;
/** Starts a command, and ends it once the work with it is done. */
const withRunning = async (
  { driver, image, facts }: Pick<Given, 'driver' | 'image' | 'facts'>,
  script: string,
  work: (running: RunningInstance, prepared: PreparedInstance) => Promise<void>,
  spec: Partial<InstanceSpec> = {},
): Promise<void> => {
  const prepared = await driver.prepare({ id: `one-${(number += 1)}`, cores: 1, memoryMB: 512, image, ...spec });
  try {
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: { PATH: facts.path } });
    running.stderr.resume();
    await work(running, prepared);
    running.kill();
    await running.exit;
  } finally {
    await prepared.dispose();
  }
};
const firstLine = (running: RunningInstance): Promise<string> =>
  new Promise((resolve) => running.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())));
const written = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
/** Writes a line each moment, so that who looks from outside sees that it runs. */
const TICKS = 'while :; do echo x >> ticks; sleep 0.05; done';
const stands = async (path: string): Promise<boolean> => {
  const before = await written(path);
  await new Promise((resolve) => setTimeout(resolve, 300));
  return (await written(path)) === before;
};

describe('an instance in a container', () => {
  here('finds neither the pipes by which it was told what to run nor the socket of the engine', async ({ run }) => {
    const seen = await run([
      '/bin/sh',
      '-c',
      'ls -A /run/secrets; ls /.fornax/order /.fornax/control 2>/dev/null; find / -type s 2>/dev/null; touch /x /usr/x /.fornax/x 2>/dev/null || echo no',
    ]);
    expect(seen).toMatchObject({ exitCode: 0, out: 'no\n', err: '' });
  });

  here('stops, goes on, hears signals and is ended as in a sandbox', async (given) => {
    const script = `trap 'echo told > told' USR1; ${TICKS}`;
    await withRunning(given, script, async (running, { jobDir }) => {
      running.stdout.resume();
      const ticks = join(jobDir, 'ticks');
      await eventually(async () => (await written(ticks)).length > 4);
      expect(await running.freeze(60_000)).toBe(true);
      expect(await stands(ticks)).toBe(true);
      running.thaw();
      expect(await stands(ticks)).toBe(false);
      expect(await running.tell('USR1')).toBe(1);
      await eventually(async () => (await written(join(jobDir, 'told'))) !== '');
      expect((await running.measure()).memoryMB).toBeGreaterThan(0);
      running.terminate();
      expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 143, signal: 'SIGTERM' });
    });
  });

  here('is killed for memory, which is told, and may have half of it for files in memory', async ({ run }) => {
    const seen = await run(['python3', '-c', 'x = bytearray(300 << 20); print(len(x))'], {}, { memoryMB: 100 });
    expect(seen).toMatchObject({ kind: 'out-of-memory', out: '' });
  });

  here('runs again with its files', async (given) => {
    const { driver, image, facts } = given;
    const prepared = await driver.prepare({ id: 'again', cores: 1, memoryMB: 512, image });
    for (const expected of ['', 'first\n']) {
      const argv = ['/bin/sh', '-c', 'cat seen 2>/dev/null; echo first > seen'] as const;
      const running = await prepared.start({ argv, env: { PATH: facts.path } });
      running.stderr.resume();
      expect(await text(running.stdout)).toBe(expected);
      await running.exit;
    }
    expect((await prepared.diskLeft()).files).toBe(1);
    await prepared.dispose();
    expect(await new Engine(given.engine.socket).withLabel('org.fornax.agent')).toEqual([]);
  });

  here('says where it cannot start', async ({ driver, image, facts }) => {
    const prepared = await driver.prepare({ id: 'nowhere', cores: 1, memoryMB: 512, image });
    const running = await prepared.start({ argv: ['true'], env: { PATH: facts.path }, directory: '/no/such' });
    running.stdout.resume();
    expect(await text(running.stderr)).toBe('cannot start in /no/such: No such file or directory\n');
    expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 127 });
    await prepared.dispose();
  });

  here('is not made of an image that is gone', async ({ driver }) => {
    const gone = driver.prepare({ id: 'gone', cores: 1, memoryMB: 512, image: `sha256:${'0'.repeat(64)}` });
    await expect(gone).rejects.toThrow('does not have the image');
  });

  here('reads its secrets, which nobody else does, and has labels that say whose it is', async (given) => {
    const labels = { task: 'task-1', instance: '0' };
    const { driver, image, facts } = given;
    const prepared = await driver.prepare({ id: 'secret', cores: 1, memoryMB: 512, image, labels });
    await prepared.putSecrets([{ path: 'key', content: Buffer.from('hush') }]);
    const argv = ['/bin/sh', '-c', 'cat /run/secrets/key; id -u'] as const;
    const running = await prepared.start({ argv, env: { PATH: facts.path } });
    running.stderr.resume();
    expect(await text(running.stdout)).toMatch(/^hush\d{5,}\n$/);
    expect(await new Engine(given.engine.socket).withLabel('org.fornax.task=task-1')).toHaveLength(1);
    await prepared.dispose();
  });

  here('prints as much as it likes, in order, and waits for who reads', async ({ run }) => {
    const { out } = await run(['python3', '-c', 'for n in range(200000): print(n, "x" * 200)']);
    expect(out.length).toBe(41_488_890);
    expect(out.endsWith(`199999 ${'x'.repeat(200)}\n`)).toBe(true);
  });
});

describe('a way into a container', () => {
  const FACTS =
    'id -u; id -g; id -G; pwd; umask; echo "$MARK"; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; ulimit -n; cat /proc/self/cgroup; readlink /proc/self/ns/*';
  const said = async (running: RunningInstance, script: string, how: Partial<EnteringCommand> = {}) => {
    const command = await running.enter({ argv: ['/bin/sh', '-c', script], ...how });
    command.stdin.end('read\n');
    const [out, err, exit] = await Promise.all([text(command.stdout), text(command.stderr), command.exit]);
    return { out, err, ...exit };
  };

  here('runs one more command with the rights, limits, groups, folder and namespaces of its own', async (given) => {
    expect(given.facts.waysIn).toBe(true);
    const script = `{ ${FACTS}; } > facts 2>&1; echo up; exec sleep 600`;
    await withRunning(given, script, async (running) => {
      expect(await firstLine(running)).toBe('up\n');
      const facts = await said(running, FACTS);
      expect(facts).toEqual({ out: (await said(running, 'cat facts')).out, err: '', exitCode: 0 });
      expect(facts.out).toContain('CapBnd:\t0000000000000000\n');
      const tries = 'unshare -r true && echo in; touch /x; ls -A /.fornax; kill -9 1; echo on';
      expect((await said(running, `{ ${tries}; } 2>/dev/null`)).out).toBe('on\n');
      expect(await said(running, 'cat; echo err >&2; exit 7')).toEqual({ out: 'read\n', err: 'err\n', exitCode: 7 });
      const terminal = { rows: 33, columns: 91 };
      // A terminal shows what is typed, too, whenever that comes.
      const { out } = await said(running, 'stty size; tty', { terminal });
      expect(out.replace('read\r\n', '')).toMatch(/33 91\r\n\/dev\/pts\/\d+\r\n/);
    });
  });

  here('is over with it, also when the engine is away', async (given) => {
    await withRunning(given, 'echo up; sleep 600', async (running) => {
      expect(await firstLine(running)).toBe('up\n');
      await given.engine.kill();
      try {
        const left = await running.enter({ argv: ['/bin/sh', '-c', 'echo in; sleep 600'] });
        left.stderr.resume();
        await new Promise((resolve) => left.stdout.once('data', resolve));
        running.terminate();
        expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 143 });
        expect(await left.exit).toMatchObject({ exitCode: expect.any(Number) });
        await expect(running.enter({ argv: ['true'] })).rejects.toThrow('is over');
      } finally {
        await given.engine.start();
      }
    });
  });

  here('reaches what listens on its loopback, and nothing else', async (given) => {
    const server =
      'import http.server as s; h = s.HTTPServer(("127.0.0.1", 8123), s.SimpleHTTPRequestHandler); print("up", flush=True); h.serve_forever()';
    await withRunning(given, `echo hello > page; exec python3 -c '${server}'`, async (running) => {
      expect(await firstLine(running)).toBe('up\n');
      const socket = await running.connect(8_123);
      socket.end('GET /page HTTP/1.0\r\n\r\n');
      expect(await text(socket)).toMatch(/^HTTP\/1.0 200 [^]*hello\n$/);
      await expect(running.connect(8_124)).rejects.toThrow('nothing listens');
    });
  });
});

describe('doors of a container', () => {
  here('are open from before its command begins', async ({ driver, image, facts }) => {
    const prepared = await driver.prepare({ id: 'doors', cores: 1, memoryMB: 512, image });
    const onConnection = (port: number, socket: Socket): void => void socket.end(`through ${port}`);
    const python = 'import socket; print(socket.create_connection(("127.0.0.1", 7001)).recv(99).decode())';
    const running = await prepared.start({
      argv: ['python3', '-c', python],
      env: { PATH: facts.path },
      doors: { ports: [7_001], onConnection },
    });
    running.stderr.resume();
    expect(await text(running.stdout)).toBe('through 7001\n');
    expect(await running.exit).toMatchObject({ exitCode: 0 });
    await prepared.dispose();
  });
});

describe('an engine', () => {
  here('may be killed while a task runs, which does not notice', async (given) => {
    await withRunning(
      given,
      'echo begun; while ! test -e go; do sleep 0.05; done; echo done; exit 7',
      async (running, { jobDir }) => {
        expect(await firstLine(running)).toBe('begun\n');
        await given.engine.kill();
        const away = new Engine(given.engine.socket).ping();
        await expect(away).rejects.toThrow(EngineAway);
        const out = text(running.stdout);
        await writeFile(join(jobDir, 'go'), '');
        expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 7 });
        expect(await out).toBe('done\n');
        await given.engine.start();
      },
    );
    // What could not be removed meanwhile is, once it can.
    const left = (): Promise<readonly string[]> => new Engine(given.engine.socket).withLabel('org.fornax.agent');
    await eventually(async () => (await left()).length === 0, { timeoutMs: 30_000 });
  });

  here('that has a container of the name already gives it another one', async (given) => {
    const { engine: at, image } = given;
    const client = new Engine(at.socket);
    const dataDir = await mkdtemp(join(tmpdir(), 'fornax-container-'));
    const driver = new ContainerDriver({ workDir: join(dataDir, 'node'), engine: client, expose: ['/usr'] });
    const facts = await driver.probe();
    const own = openedOn(driver, facts, dataDir, image);
    const hash = createHash('sha256').update(join(dataDir, 'node')).digest('hex').slice(0, 12);
    const next = `fornax-${hash}-1-2`;
    await client.create(next, { Image: image, Entrypoint: ['/bin/true'] });
    expect(await own.run(['/bin/sh', '-c', 'echo here'])).toMatchObject({ exitCode: 0, out: 'here\n' });
    expect(await client.state(next)).toMatchObject({ isRunning: false });
    await client.remove(next);
    await own.close();
  });

  it('that hangs is said to be away, and asked by one voice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-hang-'));
    const sockets = new Set<Socket>();
    let asked = 0;
    const server = createServer((socket) => {
      asked += 1;
      sockets.add(socket);
    });
    const path = join(folder, 's');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const told: (string | undefined)[] = [];
    const client = new Engine(path, 200);
    const watch = new EngineWatch(
      () => client.ping(),
      (why) => told.push(why),
    );
    const waiting = Array.from({ length: 50 }, () => watch.untilThere(1_000));
    const said = await Promise.allSettled(waiting);
    expect(new Set(said.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(told).toEqual([`the container engine at ${path} did not answer within 0.2 s`]);
    expect(asked).toBeLessThan(6);
    watch.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true });
  });
});

describe('an agent with containers', () => {
  /** An agent as far as its driver is concerned. */
  const PROGRAM = `
    import { ContainerDriver, Engine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    const { workDir, socket, image, script, allowMs, enters } = JSON.parse(process.argv[1]);
    const driver = new ContainerDriver({ workDir, engine: new Engine(socket), expose: ['/usr'] });
    const { path, waysIn, warnings } = await driver.probe();
    const beat = setInterval(() => driver.allow(allowMs), 100);
    driver.allow(allowMs);
    const prepared = await driver.prepare({ id: 'own', cores: 1, memoryMB: 256, image });
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: { PATH: path } });
    running.stdout.resume(); running.stderr.resume();
    const entered = enters && (await running.enter({ argv: ['true'] }).then(() => 'entered', String));
    console.log(JSON.stringify({ jobDir: prepared.jobDir, waysIn, warnings, entered }));
  `;
  /** @param hide what is done first, where nobody else sees it: then it enters a command, too */
  const begin = async ({ engine: at, image }: Given, workDir: string, hide?: string) => {
    const enters = hide !== undefined;
    const told = JSON.stringify({ workDir, socket: at.socket, image, script: TICKS, allowMs: 2_000, enters });
    const [file, ...before] = enters
      ? ['unshare', '--mount', '/bin/sh', '-c', `${hide}; exec "$@"`, 'sh', process.execPath]
      : [process.execPath];
    const child = spawn(file, [...before, '--input-type=module', '-e', PROGRAM, told], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve));
    const said = JSON.parse(line.toString()) as {
      jobDir: string;
      waysIn: boolean;
      warnings: string[];
      entered: string;
    };
    const ticks = join(said.jobDir, 'ticks');
    await eventually(async () => (await written(ticks)).length > 4);
    return { child, ticks, said };
  };

  here(
    'that is killed takes its instances with it, and the next one removes their containers',
    async (given) => {
      const folder = await mkdtemp(join(tmpdir(), 'fornax-killed-'));
      const { child, ticks } = await begin(given, join(folder, 'node'));
      child.kill('SIGKILL');
      await eventually(() => stands(ticks));
      const client = new Engine(given.engine.socket);
      // That of its trial of users may be there, too.
      expect(await client.withLabel('org.fornax.agent')).not.toEqual([]);
      const next = new ContainerDriver({ workDir: join(folder, 'node'), engine: client });
      await next.probe();
      expect(await client.withLabel('org.fornax.agent')).toEqual([]);
      await next.close();
      await rm(folder, { recursive: true, force: true });
    },
    60_000,
  );

  here(
    'that is paused has nothing that runs once its time is over',
    async (given) => {
      const folder = await mkdtemp(join(tmpdir(), 'fornax-paused-'));
      const { child, ticks } = await begin(given, join(folder, 'node'));
      child.kill('SIGSTOP');
      await eventually(() => stands(ticks), { timeoutMs: 15_000 });
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      const next = new ContainerDriver({ workDir: join(folder, 'node'), engine: new Engine(given.engine.socket) });
      await next.probe();
      await next.close();
      await rm(folder, { recursive: true, force: true });
    },
    60_000,
  );

  const memoryGroups = 'memory="$(ls -d /sys/fs/cgroup/memory 2>&-)"; at="${memory:-/sys/fs/cgroup}"';
  for (const [how, hide] of [
    ['see', 'umount -l "$at"'],
    ['write to', 'mount -o remount,bind,ro "$at"'],
  ] as const)
    here(
      `that cannot ${how} the groups which limit memory enters no command, which would have no limit, and says so`,
      async (given) => {
        const folder = await mkdtemp(join(tmpdir(), 'fornax-unseen-'));
        const { child, ticks, said } = await begin(given, join(folder, 'node'), `${memoryGroups}; ${hide}`);
        child.kill('SIGKILL');
        await eventually(() => stands(ticks));
        expect(said.entered).toMatch(/^Error: there is no way into instances of this node: .*\bmemory\b/);
        expect(said.waysIn).toBe(false);
        expect(said.warnings.join('\n')).toMatch(/^ports of instances are not forwarded here: .*\bmemory\b/m);
        const next = new ContainerDriver({ workDir: join(folder, 'node'), engine: new Engine(given.engine.socket) });
        await next.probe();
        await next.close();
        await rm(folder, { recursive: true, force: true });
      },
      60_000,
    );
});

describe('devices that a node gives to its instances', () => {
  // Podman takes no name of a device through this API before 2026: then the reason is told, and nothing runs without.
  here('are in each container, or nothing runs there, which is said', async ({ engine: of }) => {
    const own = await openContainers(of, { devices: [TEST_DEVICE] });
    try {
      expect(own.facts.gpus).toBe(1);
      const client = new Engine(of.socket);
      const Devices = [{ PathOnHost: TEST_DEVICE, PathInContainer: '', CgroupPermissions: '' }];
      const takesNames = await client.create('names', { Image: own.image, HostConfig: { Devices } }).then(
        () => client.remove('names'),
        () => false,
      );
      const seen = own.run(['/bin/sh', '-c', 'test -d /device-0/doc && echo has it']);
      if (takesNames) expect(await seen).toMatchObject({ out: 'has it\n', exitCode: 0 });
      else
        await expect(seen).rejects.toThrow(
          `the engine does not take the device ${TEST_DEVICE} of FORNAX_NODE_ENGINE_DEVICES`,
        );
    } finally {
      await own.close();
    }
  });

  here('are named where the engine does not count them', async ({ engine: of }) => {
    await expect(openContainers(of, { devices: ['all'] })).rejects.toThrow('names them, as in nvidia.com/gpu=0');
  });
});
