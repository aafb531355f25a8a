import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  findFreePort,
  findProcesses,
  provisionNats,
  startNats,
  startPostgres,
  waitUntil,
  wasStartedWith,
} from '@fornax/embedded';
import { DurablePublisher, connectNats } from '@fornax/event-store';
import { type Runtime, readRuntime } from './runtime-files.js';
import { settingsSchema } from './settings.js';

const program = fileURLToPath(new URL('../test/launch.mjs', import.meta.url));
const SLOW_MS = 300_000;

interface Launch {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exitCode: Promise<number>;
}

let parent: string;
let tools: string;
const launches: Launch[] = [];

const launch = (data: string, env: Readonly<Record<string, string>> = {}): Launch => {
  const child = spawn(process.execPath, [program], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? parent,
      FORNAX_DATA_DIR: data,
      FORNAX_PORT: '0',
      FORNAX_STORAGE_PORT: '0',
      FORNAX_NODES: '1',
      FORNAX_TOOLS_DIR: tools,
      FORNAX_PARENT_PIPE: '3',
      ...env,
    },
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += String(chunk)));
  child.stderr?.on('data', (chunk) => (output += String(chunk)));
  const exitCode = new Promise<number>((resolve) =>
    child.once('close', (code, signal) => resolve(signal === null ? (code ?? -1) : -1)),
  );
  const launched = { child, output: () => output, exitCode };
  launches.push(launched);
  return launched;
};

const eventually = async (
  isTrue: () => boolean | Promise<boolean>,
  launched: Launch,
  timeoutMs = 30_000,
): Promise<void> => {
  if (!(await waitUntil(isTrue, { timeoutMs }))) throw new Error(`did not happen in time:\n${launched.output()}`);
};

const startReady = async (data: string, env: Readonly<Record<string, string>> = {}) => {
  const launched = launch(data, env);
  await eventually(
    () => launched.output().includes('Fornax is ready.') || launched.child.exitCode !== null,
    launched,
    SLOW_MS,
  );
  const runtime = await readRuntime(data);
  if (runtime === undefined) throw new Error(`not ready:\n${launched.output()}`);
  return { ...launched, runtime };
};

const left = (runtime: Runtime): readonly number[] =>
  findProcesses((pid) => wasStartedWith(pid, `FORNAX_RUN=${runtime.run}`) || pid === runtime.guardian).map(
    ({ pid }) => pid,
  );

/** What the stand-in that wrote this file was given; it writes as soon as it runs. */
const givenTo = async (file: string): Promise<Readonly<Record<string, string>>> => {
  const read = () => readFile(file, 'utf8').catch(() => '');
  await waitUntil(async () => (await read()).endsWith('}'), { timeoutMs: 30_000 });
  return JSON.parse(await read());
};

const isAnswering = async ({ api }: Runtime): Promise<boolean> =>
  fetch(`${api.url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'fornax-launch-'));
  tools = process.env['FORNAX_TOOLS_DIR'] ?? join(parent, 'tools');
});

afterEach(async () => {
  for (const { child, exitCode } of launches.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exitCode;
  }
}, 60_000);

afterAll(() => rm(parent, { recursive: true, force: true }));

describe('the launcher', () => {
  it(
    'brings everything up, keeps its secrets to itself, and leaves nothing when asked to stop',
    async () => {
      const data = join(parent, 'plain');
      const { child, runtime, exitCode } = await startReady(data);
      expect(Object.keys(runtime.pids).sort()).toEqual(['nats', 'node-1', 'platform', 'postgres']);
      for (const file of [
        'env',
        'runtime.json',
        'secrets/token',
        'secrets/master.key',
        'secrets/nats.json',
        'secrets/postgres',
      ]) {
        expect([file, (await stat(join(data, file))).mode & 0o777]).toEqual([file, 0o600]);
      }
      const env = await readFile(join(data, 'env'), 'utf8');
      const token = (await readFile(join(data, 'secrets', 'token'), 'utf8')).trim();
      expect(env).toContain(`export QARNOT_CLUSTER_URL='${runtime.api.url}'`);
      expect(env).toContain(`export AWS_SECRET_ACCESS_KEY='${token}'`);
      expect(env).toMatch(/QARNOT_STORAGE_URL='http:\/\/127\.0\.0\.1:\d+'/);
      const stoppedAt = performance.now();
      child.kill('SIGTERM');
      expect(await exitCode).toBe(0);
      expect(performance.now() - stoppedAt).toBeLessThan(10_000);
      expect(left(runtime)).toEqual([]);

      const again = await startReady(data);
      expect((await readFile(join(data, 'secrets', 'token'), 'utf8')).trim()).toBe(token);
      again.child.kill('SIGINT');
      expect(await again.exitCode).toBe(0);
    },
    SLOW_MS,
  );

  it(
    'stops at once without the master key of its data, and makes again what only its own servers check',
    async () => {
      const data = join(parent, 'lost');
      const first = await startReady(data, { FORNAX_NODES: '0' });
      const file = (name: string) => join(data, 'secrets', name);
      const read = (name: string) => readFile(file(name), 'utf8');
      const passwords: Readonly<Record<string, string>> = JSON.parse(await read('nats.json'));
      const operator = { user: 'service/operator', password: passwords['service/operator'] ?? '', name: 'test' };
      const nats = await connectNats({ url: first.runtime.nats.url, ...operator });
      const publisher = new DurablePublisher(nats);
      await publisher.publish('fx.ev.account.ann', Buffer.from('anything'), {});
      publisher.close();
      await nats.close();
      first.child.kill('SIGTERM');
      await first.exitCode;

      const key = await read('master.key');
      for (const lose of [() => rm(file('master.key')), () => writeFile(file('master.key'), 'c2hvcnQ=\n')]) {
        await lose();
        const stopped = launch(data, { FORNAX_NODES: '0' });
        expect(await stopped.exitCode).toBe(1);
        expect(stopped.output()).toMatch(/secrets\/master\.key (is missing|does not hold)[^]*event log[^]*backup/);
        expect(await read('master.key').catch(() => '')).not.toMatch(/^.{44}\n$/);
      }

      await writeFile(file('master.key'), key);
      await Promise.all(['token', 'metrics-token', 'nats-issuer.seed'].map((name) => rm(file(name), { force: true })));
      await writeFile(file('nats.json'), '{ "half": ');
      const again = await startReady(data, { FORNAX_NODES: '0' });
      for (const name of ['token is missing', 'metrics-token is missing', 'nats.json holds no passwords'])
        expect(again.output()).toContain(`warning: secrets/${name}`);
      expect(await read('master.key')).toBe(key);
    },
    SLOW_MS,
  );

  it(
    'gives a node neither keys nor the database nor the password of the services',
    async () => {
      const data = join(parent, 'secrets');
      const { runtime } = await startReady(data, {
        FORNAX_NODES: '2',
        FORNAX_S3_SECRET_KEY: 'key-of-the-storage',
        AWS_SECRET_ACCESS_KEY: 'y',
      });
      const platform = await givenTo(join(data, `given-http-${runtime.api.port}.json`));
      const node = await givenTo(join(data, 'nodes', 'node-2', 'given-node-2.json'));
      expect(node['FORNAX_NATS_USER']).toBe('node-2');
      expect(platform['FORNAX_NATS_USER']).toBe('service/platform');
      const names = ['FORNAX_NATS_PASSWORD', 'FORNAX_DATABASE_URL', 'FORNAX_MASTER_KEY', 'FORNAX_S3_SECRET_KEY'];
      const secrets = await Promise.all(
        names.map(async (name) => (await readFile(platform[`${name}_FILE`] ?? '', 'utf8')).trim()),
      );
      expect(secrets.filter((secret) => secret === '')).toEqual([]);
      for (const given of [platform, node])
        expect(Object.values(given).filter((value) => secrets.includes(value))).toEqual([]);
      const ofServices = names.map((name) => platform[`${name}_FILE`]);
      expect(Object.values(node).filter((value) => ofServices.includes(value))).toEqual([]);
      const ownPassword = (await readFile(node['FORNAX_NATS_PASSWORD_FILE'] ?? '', 'utf8')).trim();
      expect(secrets).not.toContain(ownPassword);
      expect(node['AWS_SECRET_ACCESS_KEY']).toBeUndefined();
      expect(node['FORNAX_PUBLIC_STORAGE_URL']).toBe(runtime.storage.url);
    },
    SLOW_MS,
  );

  it(
    'starts every part again that is killed, at its old address',
    async () => {
      const data = join(parent, 'crash');
      const launched = await startReady(data);
      for (const name of ['platform', 'node-1', 'nats', 'postgres']) {
        const before = (await readRuntime(data))?.pids[name] ?? -1;
        process.kill(before, 'SIGKILL');
        await eventually(async () => ![before, undefined].includes((await readRuntime(data))?.pids[name]), launched);
        expect(launched.output()).toContain(`${name} ended unexpectedly (SIGKILL)`);
      }
      await eventually(() => isAnswering(launched.runtime), launched);
      expect((await readRuntime(data))?.nats.url).toBe(launched.runtime.nats.url);
    },
    SLOW_MS,
  );

  it(
    'leaves no process after a kill -9 of the launcher, and starts again at once',
    async () => {
      const data = join(parent, 'killed');
      const first = await startReady(data);
      first.child.kill('SIGKILL');
      const second = await startReady(data);
      expect(left(first.runtime)).toEqual([]);
      expect(second.runtime.run).not.toBe(first.runtime.run);
    },
    SLOW_MS,
  );

  it(
    'ends what was left when the launcher and its guardian were both killed',
    async () => {
      const data = join(parent, 'both');
      const first = await startReady(data);
      process.kill(first.runtime.guardian, 'SIGKILL');
      first.child.kill('SIGKILL');
      await first.exitCode;
      await startReady(data);
      expect(left(first.runtime)).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'stops when the wrapper that started it is killed',
    async () => {
      const { child, exitCode, runtime } = await startReady(join(parent, 'wrapper'));
      child.stdio[3]?.destroy();
      expect(await exitCode).toBe(0);
      expect(left(runtime)).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'runs each service as its own process behind the router, with --services',
    async () => {
      const data = join(parent, 'services');
      const { runtime } = await startReady(data, { FORNAX_SERVICES: '1' });
      const services = ['billing', 'node-registry', 'scheduler', 'snapshot', 'storage', 'submission'];
      expect(Object.keys(runtime.pids).sort()).toEqual([...services, 'nats', 'node-1', 'postgres', 'router'].sort());
      const router = await givenTo(join(data, `given-http-${runtime.api.port}.json`));
      const targets = JSON.parse(router['FORNAX_ROUTER_TARGETS'] ?? '{}');
      expect(Object.keys(targets).sort()).toEqual(services);
      const storage = await givenTo(join(data, `given-http-${new URL(targets.storage).port}.json`));
      expect(storage['FORNAX_STORAGE_PORT']).toBe(String(runtime.storage.port));
      expect(router['FORNAX_DATABASE_URL_FILE']).toBeUndefined();
      expect(router['FORNAX_NATS_PASSWORD_FILE']).toBeUndefined();
      for (const service of services) {
        const given = await givenTo(join(data, `given-http-${new URL(targets[service]).port}.json`));
        expect([service, given['FORNAX_NATS_USER']]).toEqual([service, `service/${service}`]);
        expect([service, given['FORNAX_NATS_ISSUER_SEED_FILE'] !== undefined]).toEqual([
          service,
          service === 'node-registry' && process.env['FORNAX_NATS_SOURCE'] !== 'debian',
        ]);
      }
    },
    SLOW_MS,
  );
});

describe('the launcher with servers of somebody else', () => {
  it(
    'starts none of its own and keeps the password of the services from the nodes',
    async () => {
      const natsDir = join(parent, 'external-nats');
      const nats = await startNats({
        binary: await provisionNats({ toolsDir: tools }),
        dataDir: natsDir,
        nodes: ['node-1'],
      });
      const postgres = await startPostgres({ dataDir: join(parent, 'external-pg'), durable: false });
      try {
        const data = join(parent, 'external');
        const { runtime, child, exitCode } = await startReady(data, {
          FORNAX_NATS_URL: nats.url,
          FORNAX_NATS_USER: 'services',
          FORNAX_NATS_PASSWORD: nats.credentials.log.password,
          FORNAX_NODE_NATS_USER: '{node}',
          FORNAX_NODE_NATS_PASSWORD: nats.credentials.nodes['node-1']?.password ?? '',
          FORNAX_DATABASE_URL: postgres.url,
        });
        expect(Object.keys(runtime.pids).sort()).toEqual(['node-1', 'platform']);
        const node = await givenTo(join(data, 'nodes', 'node-1', 'given-node-1.json'));
        expect([node['FORNAX_NATS_USER'], node['FORNAX_NATS_URL']]).toEqual(['node-1', nats.url]);
        const { password } = nats.credentials.log;
        expect(Object.values(node)).not.toContain(password);
        expect(await readFile(node['FORNAX_NATS_PASSWORD_FILE'] ?? '', 'utf8')).not.toContain(password);
        child.kill('SIGTERM');
        expect(await exitCode).toBe(0);
      } finally {
        await nats.stop();
        await postgres.stop();
      }
    },
    SLOW_MS,
  );
});

describe('npm start', () => {
  const start = fileURLToPath(new URL('../../../tools/start.mjs', import.meta.url));
  const run = async (...args: readonly string[]) => {
    const child = spawn(process.execPath, [start, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, output };
  };

  it('lists every setting and every option in its help', async () => {
    const { code, output } = await run('--help');
    expect(code).toBe(0);
    for (const name of Object.keys(settingsSchema.shape)) expect(output).toContain(name);
    for (const flag of ['--once', '--services', '--port', '--data-dir', '--help']) expect(output).toContain(flag);
  });

  it('refuses an option that it does not know, before it does anything', async () => {
    expect(await run('--onse')).toEqual({ code: 2, output: expect.stringContaining('--onse') });
    expect(await run('--port')).toEqual({ code: 2, output: expect.stringContaining('--port needs a value') });
  });
});

describe('a start that cannot succeed', () => {
  const failing = async (data: string, env: Readonly<Record<string, string>>) => {
    const launched = launch(data, env);
    expect(await launched.exitCode).toBe(1);
    return launched.output();
  };

  it('names the setting of a port in use', async () => {
    const server = createServer();
    const port = await findFreePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect(await failing(join(parent, 'port'), { FORNAX_PORT: String(port) })).toMatch(
      /Port \d+ for the API is in use[\s\S]*FORNAX_PORT/,
    );
    expect(await failing(join(parent, 'port'), { FORNAX_STORAGE_PORT: String(port) })).toMatch(
      /storage is in use[\s\S]*FORNAX_STORAGE_PORT/,
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it('names every wrong setting', async () => {
    const output = await failing(join(parent, 'wrong'), { FORNAX_PORT: 'eighty', FORNAX_NODES: '65' });
    expect(output).toMatch(/FORNAX_PORT[\s\S]*FORNAX_NODES/);
  });

  it(
    'names the data folder that is in use, of another version, or not ours',
    async () => {
      const data = join(parent, 'folder');
      const { child, exitCode } = await startReady(data, { FORNAX_NODES: '0' });
      expect(await failing(data, {})).toMatch(/already runs[\s\S]*FORNAX_DATA_DIR/);
      child.kill('SIGTERM');
      await exitCode;
      await writeFile(join(data, 'VERSION'), '7\n');
      expect(await failing(data, {})).toMatch(/version 7[\s\S]*FORNAX_DATA_DIR/);
    },
    SLOW_MS,
  );

  it(
    'ends with what an agent says that cannot run on this machine, instead of waiting for it',
    async () => {
      const data = join(parent, 'no-sandbox');
      expect(await failing(data, { STAND_IN_CANNOT_RUN: '1' })).toMatch(
        /node-1 does not start.*node-1\.log[\s\S]*no isolation/,
      );
      const runtime = await readRuntime(data);
      expect(runtime === undefined ? [] : left(runtime)).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'shows the log of a program that does not start, and leaves nothing',
    async () => {
      const data = join(parent, 'failing');
      expect(await failing(data, { STAND_IN_FAILS: '1' })).toContain('the stand-in was told to fail');
      const runtime = await readRuntime(data);
      expect(runtime === undefined ? [] : left(runtime)).toEqual([]);
    },
    SLOW_MS,
  );
});
