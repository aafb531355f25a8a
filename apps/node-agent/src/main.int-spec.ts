import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually, startTestNats, testClock, type TestClock, type TestNats } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';

import { aLeaseOrder, Platform } from './node/agent.fixture.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const running = (word: string): number =>
  execFileSync('ps', ['-eo', 'args'])
    .toString()
    .split('\n')
    .filter((line) => line.split(' ').includes(word)).length;

let folder = '';
let nats: TestNats;
let platform: Platform;
let agent: ChildProcess;
let exited: Promise<number | null>;
let number = 0;
let clock: TestClock;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-agent-main-'));
  nats = await startTestNats({ nodes: ['node-1', 'node-2', 'node-3', 'node-4', 'node-5', 'node-6', 'node-7'] });
}, 120_000);
afterAll(async () => {
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

const start = (nodeId: string): void => {
  const credentials = nats.nodes[nodeId];
  clock = testClock(join(folder, `clock-of-${nodeId}`));
  agent = spawn(process.execPath, [...clock.args, main], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: {
      ...clock.env,
      PATH: process.env['PATH'],
      FORNAX_NODE_ID: nodeId,
      FORNAX_DATA_DIR: join(folder, nodeId),
      FORNAX_NATS_URL: nats.url,
      FORNAX_NATS_USER: credentials?.user,
      FORNAX_NATS_PASSWORD: credentials?.password,
      FORNAX_EXIT_WITH_PARENT: '1',
    },
  });
  exited = new Promise((resolve) => agent.once('exit', resolve));
};
beforeEach(async () => {
  const nodeId = `node-${(number += 1)}`;
  platform = await Platform.open(nats, nodeId);
  start(nodeId);
  await eventually(() => platform.joins.length === 1);
}, 60_000);
afterEach(async () => {
  agent.kill('SIGKILL');
  await exited;
  await platform.close();
});

const runs = async (seconds: string): Promise<void> => {
  await platform.order(aLeaseOrder('busy', `sh -c '(setsid sleep ${seconds} &); sleep ${seconds}'`));
  await eventually(() => running(seconds) >= 2);
};

it('ends in order on SIGTERM: no instance is left, the leases are given back', async () => {
  await runs('1815.5');
  agent.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(running('1815.5')).toBe(0);
  expect(platform.leaves).toEqual([1]);
}, 60_000);

it('leaves no instance when it is killed, and joins again as another boot', async () => {
  await runs('2815.5');
  agent.kill('SIGKILL');
  await exited;
  start(platform.node);
  await eventually(() => platform.joins.length === 2 && running('2815.5') === 0);
  await platform.order(aLeaseOrder('next', 'true', { nodeEpoch: 2 }));
  expect(await eventually(() => platform.endOf('next'))).toMatchObject({ outcome: 'success' });
}, 60_000);

it.each([3_600_000, -3_600_000])(
  'keeps its session and tells how long a command ran although its clock is set by %i ms meanwhile',
  async (aheadMs) => {
    const seconds = aheadMs > 0 ? '4815.5' : '5815.5';
    await platform.order(aLeaseOrder('timed', `sleep ${seconds}`));
    await eventually(() => platform.kindsOf('timed').includes('started'));
    const begun = performance.now();
    await clock.set(aheadMs, agent.pid ?? 0);
    // The last thing that it said before is older than the grace period by its clock now.
    const { length } = platform.heartbeats;
    await eventually(() =>
      platform.heartbeats.slice(length).some(({ at }) => Math.abs(at - Date.now() - aheadMs) < 600_000),
    );
    expect(running(seconds)).toBeGreaterThan(0);
    await platform.order({ kind: 'cancel', leaseId: 'timed', taskId: 'task-1' });
    const end = await eventually(() => platform.endOf('timed'));
    const lastedMs = end.endedAt - (end.startedAt ?? 0);
    expect(lastedMs).toBeGreaterThan(0);
    // By the clock of the test, which nobody has set, and what reports take to come.
    expect(lastedMs).toBeLessThanOrEqual(performance.now() - begun + 20_000);
    expect(platform.joins).toHaveLength(1);
  },
  60_000,
);

it('lets instances run its own Node.js, by its path: it is in no PATH of theirs', async () => {
  const own = await realpath(process.execPath);
  const script = `case ":$PATH:" in *":${dirname(own)}:"*) exit 3;; esac; ${own} --version`;
  await platform.order(aLeaseOrder('path', `sh -c '${script}'`));
  expect(await eventually(() => platform.endOf('path'))).toMatchObject({ outcome: 'success' });
}, 60_000);

it('ends when its parent is gone', async () => {
  await runs('3815.5');
  agent.stdin?.end();
  expect(await exited).toBe(0);
  expect(running('3815.5')).toBe(0);
}, 60_000);

it('stops at once with a name when a setting is wrong', async () => {
  const wrong = spawn(process.execPath, [main], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], FORNAX_NODE_HTTP_PORT: 'x' },
  });
  let text = '';
  wrong.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  expect(await new Promise((resolve) => wrong.once('close', resolve))).toBe(78);
  expect(text).toContain('FORNAX_NODE_HTTP_PORT');
}, 60_000);
