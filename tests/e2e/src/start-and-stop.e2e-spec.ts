import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { findFreePort } from '@fornax/embedded';
import { eventually, workspaceRoot } from '@fornax/testing';
import { type Launched, type Runtime, launch, processesOf, processesWith, readRuntime } from './launch.js';

const run = promisify(execFile);
/** The names that the official clients, and AWS's, read. */
const CLIENT_NAMES = [
  'QARNOT_CLUSTER_URL',
  'QARNOT_STORAGE_URL',
  'QARNOT_CLIENT_TOKEN',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_ENDPOINT_URL_S3',
  'AWS_DEFAULT_REGION',
];

/** A command that runs for long, recognized among all processes. */
const BUSY = `sleep 86${process.pid}`;

/** Width, height, bit depth and color type: the header chunk, which comes first (PNG specification, 11.2.2). */
const pngHeader = (file: Buffer) => ({
  signature: file.subarray(0, 8).toString('latin1'),
  first: file.toString('latin1', 12, 16),
  width: file.readUInt32BE(16),
  height: file.readUInt32BE(20),
  depth: file[24],
  color: file[25],
  last: file.toString('latin1', file.length - 8, file.length - 4),
});

const answersReady = async (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );

/** The environment after `. env` in a POSIX shell that has nothing else. */
const sourced = async (dataDir: string): Promise<Readonly<Record<string, string>>> => {
  const names = CLIENT_NAMES.map((name) => `"$${name}"`).join(' ');
  const { stdout } = await run('sh', ['-euc', `. "$1/env"; printf '%s\\n' ${names}`, 'sh', dataDir], {
    env: { PATH: process.env['PATH'] ?? '' },
  });
  const values = stdout.split('\n');
  return Object.fromEntries(CLIENT_NAMES.map((name, index) => [name, values[index] ?? '']));
};

describe('npm start, with the real parts', () => {
  let parent: string;
  let data: string;
  const launched: Launched[] = [];
  let current: Launched | undefined;
  let env: Readonly<Record<string, string>>;
  let sample: string;
  let busy: string;

  const api = (): FornaxClient =>
    new FornaxClient({ url: env['QARNOT_CLUSTER_URL'] ?? '', token: env['QARNOT_CLIENT_TOKEN'] ?? '' });

  const untilBusy = (): Promise<boolean> => eventually(() => processesWith(BUSY).length > 0, { timeoutMs: 30_000 });

  const startPlain = async (): Promise<Runtime> => {
    const started = start(data, []);
    current = started;
    const before = (await readRuntime(data)).run;
    await eventually(() => started.output().includes('Fornax is ready.') || started.child.exitCode !== null, {
      timeoutMs: 60_000,
    });
    const runtime = await readRuntime(data);
    if (runtime.run === before) throw new Error(`not ready:\n${started.output()}`);
    env = await sourced(data);
    return runtime;
  };

  const start = (
    folder: string,
    args: readonly string[],
    settings: Readonly<Record<string, string>> = {},
  ): Launched => {
    const one = launch(folder, args, settings);
    launched.push(one);
    return one;
  };

  const output = (): string => current?.output() ?? '';

  const refused = async (folder: string, settings: Readonly<Record<string, string>> = {}): Promise<string> => {
    const started = start(folder, [], settings);
    expect(await started.ended).toBe(1);
    return started.output();
  };

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'fornax-start-'));
    data = join(parent, 'data');
  });

  afterAll(async () => {
    for (const { child, ended } of launched) {
      child.kill('SIGTERM');
      await ended;
    }
    await rm(parent, { recursive: true, force: true });
  });

  it('runs the sample on an empty folder with --once: a picture, what the task printed, its history, its bill', async () => {
    const once = start(data, ['--once']);
    const code = await once.ended;
    const output = once.output();
    expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });

    const picture = await readFile(join(data, 'results', 'mandelbrot.png'));
    expect(pngHeader(picture)).toEqual({
      signature: '\x89PNG\r\n\x1a\n',
      first: 'IHDR',
      width: 960,
      height: 640,
      depth: 8,
      color: 2,
      last: 'IEND',
    });
    for (const strip of [0, 1, 2, 3]) expect(output).toMatch(new RegExp(`${strip}> strip ${strip}: 100 %`));
    expect(output).toMatch(/history: Submitted .*Success/);
    const [, euros = ''] = /bill: (\d+\.\d+) euros/.exec(output) ?? [];
    expect(Number(euros)).toBeGreaterThan(0);
    expect(processesOf(await readRuntime(data))).toEqual([]);
    [, sample = ''] = /submitted task (\S+):/.exec(output) ?? [];
  });

  it('continues with the same user and token, does not run the sample again, and knows the first task', async () => {
    const before = await sourced(data);
    const runtime = await startPlain();
    expect([...output().matchAll(/sample/g)]).toEqual([]);
    expect(env['QARNOT_CLIENT_TOKEN']).toBe(before['QARNOT_CLIENT_TOKEN']);
    expect(env['AWS_ACCESS_KEY_ID']).toBe(before['AWS_ACCESS_KEY_ID']);
    expect(await api().getTask(sample)).toMatchObject({ uuid: sample, state: 'Success', instanceCount: 4 });
    expect((await api().listTasks()).map(({ uuid }) => uuid)).toEqual([sample]);
    expect(runtime.api.url).toBe(env['QARNOT_CLUSTER_URL']);
  });

  it('refuses a second start on the folder of a running one, and the ports that it uses', async () => {
    const { api: apiAt, storage } = await readRuntime(data);
    expect(await refused(data)).toMatch(/already runs[\s\S]*FORNAX_DATA_DIR/);
    const other = join(parent, 'other');
    expect(await refused(other, { FORNAX_PORT: String(apiAt.port) })).toMatch(/in use[\s\S]*Set FORNAX_PORT /);
    expect(await refused(other, { FORNAX_STORAGE_PORT: String(storage.port) })).toMatch(
      /in use[\s\S]*Set FORNAX_STORAGE_PORT /,
    );
    expect((await api().info()).email).toBe(env['AWS_ACCESS_KEY_ID']);
  });

  it('stops within ten seconds of a SIGTERM, though instances run, and leaves no process', async () => {
    const runtime = await readRuntime(data);
    busy = await api().submitTask({
      name: 'busy',
      profile: 'docker-batch',
      instanceCount: 2,
      constants: [{ key: 'DOCKER_CMD', value: BUSY }],
    });
    await untilBusy();
    expect(processesOf(runtime, BUSY).length).toBeGreaterThan(Object.keys(runtime.pids).length + 2);
    const askedAt = performance.now();
    current?.child.kill('SIGTERM');
    expect(await current?.ended).toBe(0);
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(processesOf(runtime, BUSY)).toEqual([]);
  });

  it('has written env, for the owner alone, before it is ready', async () => {
    await rm(join(data, 'env'));
    const port = await findFreePort();
    current = start(data, [], { FORNAX_PORT: String(port), FORNAX_SAMPLE: 'skip' });
    await eventually(() => answersReady(port), { timeoutMs: 60_000 });
    expect((await stat(join(data, 'env'))).mode & 0o777).toBe(0o600);
    env = await sourced(data);
    const { storage } = await readRuntime(data);
    const token = (await readFile(join(data, 'secrets', 'token'), 'utf8')).trim();
    expect(env).toEqual({
      QARNOT_CLUSTER_URL: `http://127.0.0.1:${port}`,
      QARNOT_STORAGE_URL: storage.url,
      QARNOT_CLIENT_TOKEN: token,
      AWS_ACCESS_KEY_ID: 'admin@fornax.local',
      AWS_SECRET_ACCESS_KEY: token,
      AWS_ENDPOINT_URL_S3: storage.url,
      AWS_DEFAULT_REGION: 'us-east-1',
    });
    expect(await api().storageUrl()).toBe(storage.url);
  });

  it('runs again what was interrupted, and leaves no process after a kill -9 of the launcher', async () => {
    const runtime = await readRuntime(data);
    await untilBusy();
    process.kill(runtime.launcher, 'SIGKILL');
    await eventually(() => processesOf(runtime, BUSY).length === 0, { timeoutMs: 40_000 });
    expect(await current?.ended).not.toBe(0);
  });

  it('refuses a folder of another version and leaves it as it is', async () => {
    const version = await readFile(join(data, 'VERSION'), 'utf8');
    await writeFile(join(data, 'VERSION'), '99\n');
    expect(await refused(data)).toMatch(/version 99[\s\S]*FORNAX_DATA_DIR/);
    expect(await readFile(join(data, 'VERSION'), 'utf8')).toBe('99\n');
    await writeFile(join(data, 'VERSION'), version);
  });

  it('is ready again after all that, and ends with npm when that is killed', async () => {
    const runtime = await startPlain();
    expect(await api().getTask(sample)).toMatchObject({ state: 'Success' });
    await api().abortTask(busy);
    expect(await api().waitForTask(busy)).toMatchObject({ state: 'Cancelled' });
    current?.child.kill('SIGKILL');
    await eventually(() => processesOf(runtime).length === 0, { timeoutMs: 40_000 });
  });

  it('lists every setting in its help', async () => {
    const listed = JSON.parse(await readFile(join(workspaceRoot, 'apps/launcher/settings.json'), 'utf8')) as readonly {
      readonly name: string;
      readonly flag?: string;
    }[];
    const help = start(join(parent, 'none'), ['--help']);
    expect(await help.ended).toBe(0);
    for (const { name, flag = '' } of listed) expect(help.output()).toContain(flag === '' ? name : flag);
  });
});
