import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FornaxClient } from '@fornax/client';
import { encodeCommit, NODE_RPC_METHODS } from '@fornax/contracts';
import { connectNats } from '@fornax/event-store';
import { aCommit, cancelRequested, eventually } from '@fornax/testing';
import { startPlatform, workspaceRoot, type RunningPlatform } from '@fornax/testing/platform';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NodeIntruder } from './node-intruder.js';
import type { Runtime } from './platform.js';

const SLOW_MS = 240_000;
const OPERATOR = 'service/operator';

let dataDir: string;
let platform: RunningPlatform;
let operator: NatsConnection;
let api: FornaxClient;

const readData = async (...path: readonly string[]): Promise<unknown> =>
  JSON.parse(await readFile(join(dataDir, ...path), 'utf8'));

const runtime = async (): Promise<Runtime> => (await readData('runtime.json')) as Runtime;

/** Somebody with every right at the server, which no node and no service has. */
const connectOperator = async (): Promise<NatsConnection> => {
  const { nats } = await runtime();
  const passwords = (await readData('secrets', 'nats.json')) as Readonly<Record<string, string>>;
  const password = passwords[OPERATOR] ?? '';
  return connectNats({ url: nats.url, user: OPERATOR, password, name: 'poisoner' });
};

const start = async (): Promise<void> => {
  platform = await startPlatform({ dataDir, env: { FORNAX_LOG_LEVEL: 'warn' } });
  operator = await connectOperator();
  api = new FornaxClient({ url: platform.apiUrl, token: platform.token });
};

const stop = async (): Promise<void> => {
  await operator?.close();
  await platform?.stop();
};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fornax-poison-'));
  await start();
}, SLOW_MS);

afterAll(async () => {
  await stop();
  await rm(dataDir, { recursive: true, force: true });
}, SLOW_MS);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Types `npx fornax …` where only the data folder says which platform is meant. */
const fornax = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', FORNAX_DATA_DIR: dataDir };
    const cli = join(workspaceRoot, 'apps/cli/bin/fornax.mjs');
    const child = execFile(process.execPath, [cli, ...args], { env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

const submit = (name: string, command: string): Promise<string> =>
  api.submitTask({
    name,
    profile: 'docker-batch',
    instanceCount: 1,
    constants: [{ key: 'DOCKER_CMD', value: command }],
  });

const isRunning = async (task: string): Promise<boolean> => (await api.getTask(task)).runningInstanceCount === 1;

const health = async (): Promise<{ readonly status: number; readonly says: unknown }> => {
  const response = await fetch(`${platform.apiUrl}/health/ready`, { headers: { authorization: platform.token } });
  return { status: response.status, says: await response.json() };
};

/** It serves, and says that somebody should look; a check that a slow machine answers late is none of the poison's doing, and is over at once. */
const isDegraded = (): Promise<true> =>
  eventually(async () => {
    expect(await health()).toMatchObject({ status: 200, says: { status: 'degraded', reasons: [] } });
    return true;
  });

const publish = async (subject: string, body: string): Promise<void> => {
  operator.publish(subject, body);
  await operator.flush();
};

/** Ids of what waits for a decision, with the subject or aggregate that the operator sees beside each. */
const waiting = async (): Promise<ReadonlyMap<string, string>> => {
  const { code, stdout, stderr } = await fornax('log', 'quarantine', 'list');
  expect(code).toBe(0);
  if (stderr.includes('nothing is put aside')) return new Map();
  const lines = stdout.trim().split('\n').slice(1);
  return new Map(lines.map((line) => [line.split(/\s+/)[0] ?? '', line]));
};

const idOf = (lines: ReadonlyMap<string, string>, about: string): string =>
  [...lines].find(([, line]) => line.includes(about))?.[0] ?? `nothing about ${about}`;

/** Orders that the node has not taken yet. */
const unacknowledged = async (): Promise<number> => {
  const info = await operator.request('$JS.API.CONSUMER.INFO.FX_DISPATCH.node-1', '', { timeout: 5_000 });
  const { num_pending, num_ack_pending } = info.json<{ num_pending: number; num_ack_pending: number }>();
  return num_pending + num_ack_pending;
};

const aBatch = encodeCommit(aCommit('a', [cancelRequested]), 'task', 'other');
const text = new TextDecoder().decode(aBatch);
const POISON: readonly (readonly [subject: string, body: string, about: string])[] = [
  ['fx.ev.task.poison', '{"stream":"FX_LOGS","domain":"","seq":1}', 'task poison'],
  ['fx.ev.task.no-json', '[[[', 'task no-json'],
  ['fx.ev.task.deep', '['.repeat(100_000), 'task deep'],
  ['fx.ev.account.empty', '', 'account empty'],
  ['fx.ev.task.unknown-type', text.replace('TaskCancelRequested', 'TaskEnchanted'), 'task unknown-type'],
  ['fx.ev.node.newer', text.replace(/\.v\d+"/, '.v99"'), 'node newer'],
  ['fx.ev.zebra.x', text, 'fx.ev.zebra.x'],
  ['fx.ev.task.of-another', text, 'task of-another'],
  ['fx.ev.task.%zz', text, 'fx.ev.task.%zz'],
  ['fx.report.node-1', '', 'fx.report.node-1 '],
  ['fx.report.node-1', 'x', 'fx.report.node-1 '],
  ['fx.report.node-1', '{"nodeId":"node-1","nodeEpoch":1,"reports":[{"kind":"ended"}]}', 'fx.report.node-1 '],
  ['fx.report.node-1.snapshot', '{"kind":"uploaded"}', 'fx.report.node-1.snapshot'],
];

describe('a platform whose streams hold what nobody can read', () => {
  it(
    'takes, runs and ends tasks, and says that it is degraded',
    async () => {
      const before = await submit('runs meanwhile', 'sleep 600');
      await eventually(() => isRunning(before), { timeoutMs: 60_000 });
      for (const [subject, body] of POISON) await publish(subject, body);
      for (const subject of [`fx.log.node-1.${before}.0.stdout`, 'fx.log.x.0.stdout', 'fx.log.node-1.%zz.-1.stdout'])
        await publish(subject, '\u0000\uFFFF[[[');
      const after = await submit('comes after it', 'echo done');
      expect((await api.waitForTask(after)).state).toBe('Success');
      expect(await api.output(after, 'stdout')).toContain('done');
      expect(await isRunning(before)).toBe(true);
      await api.output(before, 'stdout');
      await api.abortTask(before);
      expect((await api.waitForTask(before)).state).toBe('Cancelled');
      await eventually(async () => (await waiting()).size >= POISON.length, { timeoutMs: 30_000 });
      await isDegraded();
    },
    SLOW_MS,
  );

  it(
    'shows it to the operator',
    async () => {
      const lines = await waiting();
      for (const [, , about] of POISON) expect([...lines.values()].join('\n')).toContain(about.trim());
      const shown = await fornax('log', 'quarantine', 'show', idOf(lines, 'task poison'));
      expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('{"stream":"FX_LOGS"') });
      expect(shown.stdout).toMatch(/subject +fx\.ev\.task\.poison/);
    },
    SLOW_MS,
  );

  it(
    'drops orders that are none, at once and without a word of what is in them',
    async () => {
      const secret = 'hunter2-hunter2';
      for (const body of [secret, '', '['.repeat(100_000), `[{"kind":"lease","${secret}":1}]`, `{"a":${secret}}`])
        await publish('fx.dispatch.node-1', body);
      const task = await submit('ordered behind them', 'true');
      expect((await api.waitForTask(task)).state).toBe('Success');
      await eventually(async () => (await unacknowledged()) === 0, { timeoutMs: 30_000 });
      const { logs } = await runtime();
      const words = await readFile(logs['node-1'] ?? '', 'utf8');
      expect(words).toContain('what came as orders cannot be read and was dropped');
      expect(words).not.toContain('hunter2');
    },
    SLOW_MS,
  );

  it(
    'answers requests that cannot be read with an error',
    async () => {
      const node = await NodeIntruder.enter(dataDir, (await runtime()).nats.url, 'node-1');
      try {
        for (const method of NODE_RPC_METHODS)
          for (const body of ['[[[', '', 'null', '[]', '{"nodeId":7}', '['.repeat(100_000)]) {
            const { ok, error } = await node.ask(method, body);
            expect({ method, ok, code: error?.code }).toMatchObject({ ok: undefined, code: expect.any(String) });
          }
        for (const subject of ['fx.hb.node-1', 'fx.live.node-1']) await node.say(subject, '[[[');
      } finally {
        await node.close();
      }
      const task = await submit('after the requests', 'true');
      expect((await api.waitForTask(task)).state).toBe('Success');
    },
    SLOW_MS,
  );

  it(
    'keeps on with the others when one task is poisoned, which goes on once that is dropped',
    async () => {
      const victim = await submit('victim', 'sleep 600');
      await eventually(() => isRunning(victim), { timeoutMs: 60_000 });
      await publish(`fx.ev.task.${victim}`, '{"stream":"FX_LOGS","seq":1}');
      await eventually(async () => idOf(await waiting(), victim).startsWith('events-'), { timeoutMs: 30_000 });
      await expect(api.abortTask(victim)).rejects.toThrow(/is stopped|cannot be read/);
      const other = await submit('beside the victim', 'true');
      expect((await api.waitForTask(other)).state).toBe('Success');
      const id = idOf(await waiting(), victim);
      expect(await fornax('log', 'quarantine', 'drop', id)).toMatchObject({ code: 0 });
      await api.abortTask(victim);
      expect((await api.waitForTask(victim)).state).toBe('Cancelled');
    },
    SLOW_MS,
  );

  it(
    'comes up again on the same folder, degraded and with rows that equal the rebuilt ones',
    async () => {
      await stop();
      await start();
      await isDegraded();
      for (const projection of ['status', 'work', 'fleet', 'ledger']) {
        const verified = await fornax('projection', 'rebuild', projection, '--verify');
        const stdout = expect.stringContaining('equal the rebuilt ones');
        // What takes over two seconds says so.
        const stderr = expect.stringMatching(/^(rebuilding \S+ \(\d+ s\)\n)*$/);
        expect({ projection, ...verified }).toEqual({ projection, code: 0, stderr, stdout });
      }
      const task = await submit('after the restart', 'true');
      expect((await api.waitForTask(task)).state).toBe('Success');
    },
    SLOW_MS,
  );

  it(
    'answers what became of a retry: of an event, and of a report whoever its node is',
    async () => {
      const lines = await waiting();
      const event = await fornax('log', 'quarantine', 'retry', idOf(lines, 'task poison'));
      expect(event).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be read') });
      for (const about of ['fx.report.node-1 ', 'fx.report.node-1.snapshot']) {
        const again = await fornax('log', 'quarantine', 'retry', idOf(lines, about));
        expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('it failed again') });
      }
      // As an earlier version put it aside, which could not read it yet.
      const body = Buffer.from('{"nodeId":"node-1","nodeEpoch":1,"reports":[]}');
      const record = {
        ...{ kind: 'unreadable', at: 1, by: 'service:scheduler', stream: 'FX_REPORTS', epoch: null, sequence: 1 },
        ...{ subject: 'fx.report.node-1', aggregate: null, aggregateId: null, reason: 'an older version', headers: [] },
        ...{ sizeBytes: body.length, body: body.toString('base64') },
      };
      await publish('fx.quarantine.fx_reports-1-from-before', JSON.stringify(record));
      await eventually(async () => (await waiting()).has('fx_reports-1-from-before'), { timeoutMs: 30_000 });
      const read = await fornax('log', 'quarantine', 'retry', 'fx_reports-1-from-before');
      expect(read).toMatchObject({ code: 0, stdout: expect.stringContaining('retried') });
    },
    SLOW_MS,
  );

  it(
    'is well again when everything was dropped',
    async () => {
      for (const id of (await waiting()).keys())
        expect(await fornax('log', 'quarantine', 'drop', id, '--reason', 'an attack')).toMatchObject({ code: 0 });
      await eventually(async () => JSON.stringify((await health()).says).includes('"status":"ready"'), {
        timeoutMs: 30_000,
      });
      expect((await waiting()).size).toBe(0);
      const all = await fornax('log', 'quarantine', 'list', '--all');
      expect(all.stdout).toContain('dropped');
    },
    SLOW_MS,
  );
});
