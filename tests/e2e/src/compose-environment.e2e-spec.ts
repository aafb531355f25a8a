import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FornaxClient } from '@fornax/client';
import {
  type PostgresServer,
  ServerProcess,
  canAskAboutUsers,
  findFreePort,
  logTail,
  provisionNats,
  startPostgres,
} from '@fornax/embedded';
import { S3Client } from '@fornax/s3';
import { eventually, toolsDir, workspaceRoot } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Addresses, ComposeEnvironment } from './compose-environment.js';

const SERVICES = ['submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot'];
const NODE = join(workspaceRoot, 'node_modules', 'node', 'bin', 'node');

/** versitygw, the S3 server of docker-compose.yml, where somebody has it; else objects are kept as files. */
const versitygw = process.env['FORNAX_TEST_VERSITYGW'];

/** The processes of docker-compose.yml in the environment that it gives them, only with hosts and ports of this machine. */
describe('the environment of docker-compose.yml', () => {
  let folder = '';
  let postgres: PostgresServer | undefined;
  let collector: http.Server | undefined;
  const traced = new Set<string>();
  const running = new Map<string, ServerProcess>();
  const addresses = new Map<string, string>();
  let token = '';

  const start = async (
    name: string,
    program: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<void> => {
    running.set(
      name,
      await ServerProcess.spawn(program, { args, env, cwd: workspaceRoot, logFile: join(folder, `${name}.log`) }),
    );
  };
  const place = async (address: string): Promise<string> => {
    const port = String(await findFreePort());
    addresses.set(address, `127.0.0.1:${port}`);
    return port;
  };
  const urlOf = (address: string): string => `http://${addresses.get(address) ?? ''}`;
  const isOk = (url: string) =>
    fetch(url).then(
      (response) => response.ok,
      () => false,
    );

  const startServers = async (secrets: string): Promise<void> => {
    const password = (await readFile(join(secrets, 'postgres.password'), 'utf8')).trim();
    postgres = await startPostgres({
      dataDir: join(folder, 'postgres'),
      secretsFile: join(secrets, 'postgres.password'),
      durable: false,
    });
    expect(new URL(postgres.url).password).toBe(password);
    addresses.set('postgres:5432', `127.0.0.1:${postgres.port}`);

    const nats = await provisionNats({ toolsDir: toolsDir() });
    const natsPort = await place('nats:4222');
    const config = (await readFile(join(secrets, 'nats.conf'), 'utf8'))
      .replace(/^host: .*$/m, 'host: "127.0.0.1"')
      .replace(/^port: .*$/m, `port: ${natsPort}`)
      .replace('"/data"', JSON.stringify(join(folder, 'nats')))
      .replace(/^ *sync_interval: .*\n/m, '') // the oldest server that tests run on does not know it
      .replace(canAskAboutUsers(nats.version) ? '' : /^authorization [^]*?^\}\n/m, ''); // nor this
    await writeFile(join(folder, 'nats.conf'), config, { mode: 0o600 });
    await start('nats', nats.path, ['--config', join(folder, 'nats.conf')], {});

    collector = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        for (const [, name = ''] of Buffer.concat(chunks)
          .toString()
          .matchAll(/fornax-([a-z-]+)/g))
          traced.add(name);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    addresses.set('collector:4318', `127.0.0.1:${(collector.address() as AddressInfo).port}`);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fornax-compose-'));
    const secrets = join(folder, 'secrets');
    const made = spawnSync(NODE, [join(workspaceRoot, 'infra/init.mjs'), secrets], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    });
    if (made.status !== 0) throw new Error(made.stderr);
    token = (await readFile(join(secrets, 'token'), 'utf8')).trim();
    const compose = await ComposeEnvironment.read(join(workspaceRoot, 'docker-compose.yml'), secrets);
    await startServers(secrets);

    const streams = spawnSync(NODE, [join(workspaceRoot, 'infra/provision.mjs')], {
      encoding: 'utf8',
      env: await compose.of('streams', addresses),
    });
    if (streams.status !== 0) throw new Error(streams.stderr);
    const consumers = [join(workspaceRoot, 'infra/provision.mjs'), '--serve'];
    await start('consumers', NODE, consumers, await compose.of('consumers', addresses));

    const objectsPort = await place('objects:7070');
    const objects: Record<string, string> = {};
    if (versitygw === undefined)
      Object.assign(objects, { FORNAX_OBJECTS: 'local', FORNAX_OBJECTS_DIR: join(folder, 'objects') });
    else {
      await mkdir(join(folder, 'objects'));
      const args = ['--port', `127.0.0.1:${objectsPort}`, '--health', '/health', 'posix', join(folder, 'objects')];
      await start('objects', versitygw, args, await compose.of('objects', addresses));
      await eventually(() => isOk(`${urlOf('objects:7070')}/health`));
    }

    const ports = new Map<string, string>();
    for (const name of [...SERVICES, 'router']) ports.set(name, await place(`${name}:8080`));
    const storagePort = await place('storage:9000');
    const program = (app: string) => ['--enable-source-maps', join(workspaceRoot, 'apps', app, 'dist', 'main.js')];
    const environment = (name: string, known: Addresses = addresses) => compose.of(name, known);
    for (const name of SERVICES) {
      const env = await environment(name);
      expect([name, env['FORNAX_HTTP_PORT'], env['FORNAX_HTTP_HOST']]).toEqual([name, '8080', '0.0.0.0']);
      const own = name === 'storage' ? { FORNAX_STORAGE_PORT: storagePort, ...objects } : {};
      await start(name, NODE, program(name), {
        ...env,
        FORNAX_HTTP_PORT: ports.get(name) ?? '',
        FORNAX_HTTP_HOST: '127.0.0.1',
        ...own,
      });
    }
    await start('router', NODE, program('router'), {
      ...(await environment('router')),
      FORNAX_PORT: ports.get('router') ?? '',
      FORNAX_HTTP_HOST: '127.0.0.1',
    });
    const nodeFolder = join(folder, 'node');
    const agentPort = String(await findFreePort());
    await start('node-agent', NODE, program('node-agent'), {
      ...(await environment('node-agent')),
      FORNAX_NODE_DIR: nodeFolder,
      FORNAX_DATA_DIR: nodeFolder,
      FORNAX_NODE_HTTP_PORT: agentPort,
    });
    const ended = () =>
      [...running].flatMap(([name, part]) => (part.exit ? [`${name}: ${logTail(join(folder, `${name}.log`))}`] : []));
    await eventually(
      async () => {
        const ready = [`${urlOf('router:8080')}/health/ready`, `http://127.0.0.1:${agentPort}/health/ready`];
        return ended().length > 0 || (await Promise.all(ready.map(isOk))).every(Boolean);
      },
      { timeoutMs: 60_000 },
    );
    expect(ended()).toEqual([]);
  }, 120_000);

  afterAll(async () => {
    const stop = (names: readonly string[]) =>
      Promise.all(names.map((name) => running.get(name)?.stop([{ signal: 'SIGTERM', graceMs: 5_000 }])));
    await stop(['node-agent']);
    await stop([...SERVICES, 'router']);
    await stop(['objects', 'consumers']);
    await stop(['nats']);
    await postgres?.stop();
    collector?.closeAllConnections();
    collector?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('runs a task, from a file in a bucket to a file in a bucket', async () => {
    const api = new FornaxClient({ url: urlOf('router:8080'), token });
    const s3 = new S3Client({ endpoint: urlOf('storage:9000'), accessKey: 'admin@fornax.local', secretKey: token });
    expect(await api.storageUrl()).toBe('http://localhost:9000');
    await s3.createBucket('compose-in');
    await s3.createBucket('compose-out');
    await s3.putObject('compose-in', 'words', 'made of files');
    const id = await api.submitTask({
      name: 'compose',
      profile: 'docker-batch',
      instanceCount: 2,
      resourceBuckets: ['compose-in'],
      resultBucket: 'compose-out',
      constants: [{ key: 'DOCKER_CMD', value: 'sh -c "tr a-z A-Z < words > loud-${INSTANCE_ID}"' }],
    });
    const task = await api.waitForTask(id, { signal: AbortSignal.timeout(60_000) });
    expect({ state: task.state, errors: task.errors }).toEqual({ state: 'Success', errors: [] });
    for (const instance of [0, 1])
      expect((await s3.getBytes('compose-out', `loud-${instance}`)).toString()).toBe('MADE OF FILES');
  }, 90_000);

  it(
    'sends its telemetry to the collector',
    () =>
      eventually(() => ['submission', 'storage', 'node-agent'].every((name) => traced.has(name)), {
        timeoutMs: 30_000,
      }),
    30_000,
  );
});
