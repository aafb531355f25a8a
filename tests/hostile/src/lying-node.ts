import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { reportSubject } from '@fornax/contracts';
import { S3Client } from '@fornax/s3';
import { eventually } from '@fornax/testing';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { NodeIntruder } from './node-intruder.js';

export const HIGHEST = 2_147_483_647;
export const VICTIM = 'node-1';
export const LIAR = 'node-2';

export interface Lease {
  readonly leaseId: string;
  readonly instance: number;
  readonly node: string;
  readonly attempt: number;
  readonly nodeEpoch: number;
}
interface TaskEvent {
  readonly type: string;
  readonly data: { readonly leases?: readonly Lease[] };
}
export interface Task {
  readonly state: string;
  readonly status: {
    readonly runningInstancesInfo: {
      readonly perRunningInstanceInfo: readonly { readonly instanceId: number; readonly currentMemoryMB: number }[];
    } | null;
  } | null;
}
interface Bill {
  readonly lines: readonly { readonly leaseId: string; readonly billedMs: number; readonly node: string }[];
}

export let platform: RunningPlatform;
export let intruder: NodeIntruder;
export let person: S3Client;

export const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
  const response = await fetch(platform.apiUrl + path, {
    method,
    headers: { authorization: platform.token, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
};

/** Every process of the control plane has its own counters: the ports are in what the processes were started with. */
const metrics = async (): Promise<string> => {
  const { pids } = JSON.parse(await readFile(join(platform.dataDir, 'runtime.json'), 'utf8')) as {
    readonly pids: Readonly<Record<string, number>>;
  };
  const services = ['platform', 'submission', 'scheduler', 'node-registry', 'storage', 'snapshot'];
  const texts = Object.entries(pids)
    .filter(([name]) => services.includes(name))
    .map(async ([, pid]) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      const port = /(?:^|\0)FORNAX_HTTP_PORT=(\d+)/.exec(environment) ?? /(?:^|\0)FORNAX_PORT=(\d+)/.exec(environment);
      const answer = await fetch(`http://127.0.0.1:${port?.[1]}/metrics`, {
        headers: { authorization: platform.token },
      });
      expect(answer.status).toBe(200);
      return answer.text();
    });
  return (await Promise.all(texts)).join('\n');
};
const droppedOf = async (intake: string, reason: string): Promise<number> => {
  const lines = (await metrics()).split('\n').filter((line) => line.startsWith('fornax_intake_dropped'));
  return lines
    .filter((line) => line.includes(`intake="${intake}"`) && line.includes(`reason="${reason}"`))
    .reduce((sum, line) => sum + Number(/\} (\d+)/.exec(line)?.[1] ?? 0), 0);
};
/** Does it, and waits until so many more were dropped for that reason. */
export const expectDropped = async (
  intake: string,
  reason: string,
  count: number,
  attack: () => Promise<void>,
): Promise<void> => {
  const before = await droppedOf(intake, reason);
  await attack();
  const after = await eventually(
    async () => {
      const now = await droppedOf(intake, reason);
      return now >= before + count && now;
    },
    { timeoutMs: 30_000 },
  );
  expect(after - before).toBe(count);
};

const eventsOf = async (task: string): Promise<readonly TaskEvent[]> =>
  (await ask<{ readonly events: readonly TaskEvent[] }>('GET', `/fornax/v1/tasks/${task}/events?limit=1000`)).events;
const leasesOf = async (task: string): Promise<readonly Lease[]> =>
  (await eventsOf(task)).flatMap(({ type, data }) => (type === 'InstancesDispatched' ? (data.leases ?? []) : []));
export const stdoutOf = async (task: string): Promise<string> => {
  const response = await fetch(`${platform.apiUrl}/tasks/${task}/stdout`, {
    headers: { authorization: platform.token },
  });
  return response.text();
};
export const statesOf = async (task: string): Promise<readonly string[]> => {
  const { data } = await ask<{ readonly data: readonly { readonly state: string }[] }>(
    'GET',
    `/fornax/v1/tasks/${task}/instances`,
  );
  return data.map(({ state }) => state);
};
export const billOf = async (task: string): Promise<Bill['lines']> =>
  (await ask<Bill>('GET', `/fornax/v1/billing/tasks/${task}/lines`)).lines;
export const memoryOf = async (task: string): Promise<readonly number[]> =>
  ((await ask<Task>('GET', `/tasks/${task}`)).status?.runningInstancesInfo?.perRunningInstanceInfo ?? []).map(
    ({ currentMemoryMB }) => currentMemoryMB,
  );

export interface Placed {
  readonly task: string;
  readonly leases: readonly Lease[];
}

/** A task whose instances all run on that node, and have printed their words. */
export const placeOn = async (node: string, name: string, instanceCount: number): Promise<Placed> => {
  const other = node === VICTIM ? LIAR : VICTIM;
  await ask('POST', `/fornax/v1/nodes/${other}/drain`);
  const { uuid } = await ask<{ readonly uuid: string }>('POST', '/tasks', {
    name,
    profile: 'shell',
    instanceCount,
    resultBucket: `${name}-results`,
    constants: [{ key: 'SHELL_SCRIPT', value: `echo the truth of ${name}; exec sleep 600` }],
  });
  await eventually(async () => (await statesOf(uuid)).every((state) => state === 'running'), { timeoutMs: 60_000 });
  await eventually(async () => (await stdoutOf(uuid)).split('the truth').length > instanceCount, { timeoutMs: 30_000 });
  await ask('POST', `/fornax/v1/nodes/${other}/resume`);
  const leases = await leasesOf(uuid);
  expect(leases.map((lease) => lease.node)).toEqual(Array<string>(instanceCount).fill(node));
  return { task: uuid, leases };
};
export const firstOf = ({ leases: [lease] }: Placed): Lease => {
  if (!lease) throw new Error('no lease');
  return lease;
};

interface FleetNode {
  readonly id: string;
  readonly status: string;
  readonly epoch: number;
}
export const fleet = (): Promise<readonly FleetNode[]> => ask('GET', '/fornax/v1/nodes');

export let victim: Placed;
/** The liar's own. */
export let own: Placed;

/** A platform with two nodes, a task on each, and somebody who has everything of the second one. */
export const enterAsLiar = async (): Promise<void> => {
  platform = await startPlatform({ env: { FORNAX_NODES: '2', FORNAX_NODE_CORES: '2', FORNAX_LOG_LEVEL: 'warn' } });
  const runtime = JSON.parse(await readFile(join(platform.dataDir, 'runtime.json'), 'utf8')) as {
    readonly nats: { readonly url: string };
  };
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = platform.clientEnv;
  person = new S3Client({ endpoint: platform.storageUrl, accessKey, secretKey });
  for (const bucket of ['victim-results', 'own-results', 'private']) await person.createBucket(bucket);
  await person.putObject('private', 'diary', 'secret');
  await person.putObject('victim-results', 'before', 'kept');
  await eventually(async () => (await fleet()).filter(({ status }) => status === 'online').length === 2, {
    timeoutMs: 30_000,
  });
  victim = await placeOn(VICTIM, 'victim', 2);
  own = await placeOn(LIAR, 'own', 1);
  intruder = await NodeIntruder.enter(platform.dataDir, runtime.nats.url, LIAR);
};

export const leaveAsLiar = async (): Promise<void> => {
  await intruder?.close();
  person?.close();
  await platform?.stop();
};

/** An end as an honest agent would tell it, of this lease. */
export const endOf = ({ task }: Placed, { leaseId, instance }: Lease, more: object = {}) => ({
  kind: 'ended',
  leaseId,
  taskId: task,
  instance,
  outcome: 'success',
  exitCode: 0,
  startedAt: 1_000,
  endedAt: Date.now(),
  cpuMs: 1e12,
  uploadedFiles: 0,
  uploadedBytes: 0,
  ...more,
});
export const report = (
  envelope: { readonly nodeId: string; readonly nodeEpoch: number },
  ...reports: readonly unknown[]
) => intruder.say(reportSubject(LIAR), { ...envelope, reports });

export const expectUntouched = async (): Promise<void> => {
  expect(await statesOf(victim.task)).toEqual(['running', 'running']);
  const types = (await eventsOf(victim.task)).map(({ type }) => type);
  expect(types.filter((type) => /Concluded|Requeued|Revoked/.test(type))).toEqual([]);
  expect(await billOf(victim.task)).toEqual([]);
};
