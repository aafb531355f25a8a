import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually, startTestNats, type TestNats } from '@fornax/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { aLeaseOrder, ObjectServer, Platform } from './node/agent.fixture.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const GRACE_MS = 12_000;

let folder = '';
let nats: TestNats;
let platform: Platform;
let objects: ObjectServer;
let agent: ChildProcess;
let exited: Promise<unknown>;
let log = '';
/** What the outside sees: connections that processes of instances hold. */
let recorder: Server;
let held = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-paused-'));
  nats = await startTestNats({ nodes: ['paused'] });
  objects = await ObjectServer.open();
  recorder = createServer((socket) => {
    held += 1;
    socket.on('error', () => undefined);
    socket.once('close', () => (held -= 1));
    socket.resume();
  });
  await new Promise<void>((resolve) => {
    recorder.listen(0, '127.0.0.1', resolve);
  });
  platform = await Platform.open(nats, 'paused', GRACE_MS);
  agent = spawn(process.execPath, [main], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      FORNAX_NODE_ID: 'paused',
      FORNAX_DATA_DIR: join(folder, 'data'),
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: nats.nodes['paused']?.user,
      FORNAX_NATS_PASSWORD: nats.nodes['paused']?.password,
      FORNAX_PUBLIC_STORAGE_URL: objects.url,
      FORNAX_EXIT_WITH_PARENT: '1',
      // Each instance is held open by a connection to this test.
      FORNAX_NODE_NETWORK: 'host',
    },
  });
  agent.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  exited = new Promise((resolve) => agent.once('exit', resolve));
  await eventually(() => platform.joins.length > 0, { timeoutMs: 60_000 });
}, 180_000);
afterAll(async () => {
  agent.kill('SIGKILL');
  await exited;
  await eventually(() => held === 0, { timeoutMs: 60_000 });
  await platform.close();
  await objects.close();
  await new Promise((resolve) => recorder.close(resolve));
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
}, 180_000);

const state = async (): Promise<string | undefined> =>
  /^State:\s+(\w)/m.exec(await readFile(`/proc/${agent.pid ?? 0}/status`, 'utf8'))?.[1];

it('has lost its instances before others may get them, and afterwards neither tells of them nor stores their results', async () => {
  const { port } = recorder.address() as AddressInfo;
  const connect = `exec 9<>/dev/tcp/127.0.0.1/${port}; touch result`;
  const order = (leaseId: string, instance: number, script: string) =>
    aLeaseOrder(leaseId, `/bin/bash -c '${script}'`, {
      nodeEpoch: platform.epoch,
      instance,
      results: { bucket: 'out', prefix: `${leaseId}/`, whitelist: null, blacklist: null },
    });
  await platform.order(
    order('plain', 0, `${connect}; sleep 86397; :`),
    order('daemon', 1, `trap "" TERM HUP; ${connect}; (setsid sleep 86398 &); sleep 86398; :`),
  );
  await eventually(() => held === 2, { timeoutMs: 60_000 });
  for (const lease of ['plain', 'daemon'])
    await eventually(() => platform.kindsOf(lease).includes('started'), { timeoutMs: 60_000 });
  const { epoch } = platform;
  const before = platform.joins.length;
  agent.kill('SIGSTOP');
  await eventually(() => held === 0, { timeoutMs: GRACE_MS * 10 });
  // Nobody but the warden can have done it: the agent still stands.
  expect(await state()).toBe('T');
  agent.kill('SIGCONT');
  await eventually(() => platform.joins.length > before, { timeoutMs: 60_000 });
  expect(platform.epoch).toBeGreaterThan(epoch);
  expect(log).toContain('this agent stood still for ');
  await platform.order({ ...order('next', 0, connect), nodeEpoch: platform.epoch });
  expect(await eventually(() => platform.endOf('next'), { timeoutMs: 60_000 })).toMatchObject({ outcome: 'success' });
  for (const lease of ['plain', 'daemon']) expect(platform.kindsOf(lease)).toEqual(['started']);
  // The name of its manifest ends with a hash.
  expect([...objects.objects.keys()].map((key) => key.replace(/^(\.manifests\/).*/, '$1'))).toEqual([
    'out/next/result',
    '.manifests/',
  ]);
}, 300_000);
