import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { S3Client } from '@fornax/client';
import {
  LOG_HEADERS,
  dispatchSubject,
  eventSubject,
  heartbeatSubject,
  liveSubject,
  logSubject,
  nodeRpcSubject,
  reportSubject,
  snapshotReportSubject,
} from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { NodeIntruder } from './node-intruder.js';

const HIGHEST = 2_147_483_647;
const VICTIM = 'node-1';
const LIAR = 'node-2';

interface Lease {
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
interface Task {
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

let platform: RunningPlatform;
let intruder: NodeIntruder;
let person: S3Client;

const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
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
const expectDropped = async (
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
const stdoutOf = async (task: string): Promise<string> => {
  const response = await fetch(`${platform.apiUrl}/tasks/${task}/stdout`, {
    headers: { authorization: platform.token },
  });
  return response.text();
};
const statesOf = async (task: string): Promise<readonly string[]> => {
  const { data } = await ask<{ readonly data: readonly { readonly state: string }[] }>(
    'GET',
    `/fornax/v1/tasks/${task}/instances`,
  );
  return data.map(({ state }) => state);
};
const billOf = async (task: string): Promise<Bill['lines']> =>
  (await ask<Bill>('GET', `/fornax/v1/billing/tasks/${task}/lines`)).lines;
const memoryOf = async (task: string): Promise<readonly number[]> =>
  ((await ask<Task>('GET', `/tasks/${task}`)).status?.runningInstancesInfo?.perRunningInstanceInfo ?? []).map(
    ({ currentMemoryMB }) => currentMemoryMB,
  );

interface Placed {
  readonly task: string;
  readonly leases: readonly Lease[];
}

/** A task whose instances all run on that node, and have printed their words. */
const placeOn = async (node: string, name: string, instanceCount: number): Promise<Placed> => {
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
const firstOf = ({ leases: [lease] }: Placed): Lease => {
  if (!lease) throw new Error('no lease');
  return lease;
};

interface FleetNode {
  readonly id: string;
  readonly status: string;
  readonly epoch: number;
}
const fleet = (): Promise<readonly FleetNode[]> => ask('GET', '/fornax/v1/nodes');

let victim: Placed;
/** The liar's own. */
let own: Placed;

beforeAll(async () => {
  platform = await startPlatform({ env: { FORNAX_NODES: '2', FORNAX_LOG_LEVEL: 'warn' } });
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
}, 240_000);

afterAll(async () => {
  await intruder?.close();
  person?.close();
  await platform?.stop();
}, 60_000);

/** An end as an honest agent would tell it, of this lease. */
const endOf = ({ task }: Placed, { leaseId, instance }: Lease, more: object = {}) => ({
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
const report = (envelope: { readonly nodeId: string; readonly nodeEpoch: number }, ...reports: readonly unknown[]) =>
  intruder.say(reportSubject(LIAR), { ...envelope, reports });

const expectUntouched = async (): Promise<void> => {
  expect(await statesOf(victim.task)).toEqual(['running', 'running']);
  const types = (await eventsOf(victim.task)).map(({ type }) => type);
  expect(types.filter((type) => /Concluded|Requeued|Revoked/.test(type))).toEqual([]);
  expect(await billOf(victim.task)).toEqual([]);
};

describe('a node that reports about what is not its own', () => {
  it("does not end another node's instance in that node's name", async () => {
    const lease = firstOf(victim);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'wrong-node', 2, async () => {
      await report({ nodeId: VICTIM, nodeEpoch }, endOf(victim, lease));
      await report({ nodeId: VICTIM, nodeEpoch: HIGHEST }, endOf(victim, lease, { outcome: 'failure' }));
    });
    await expectUntouched();
  });

  it.each(['ended', 'started', 'exited'])(
    "does not tell in its own name of another node's instance: %s",
    async (kind) => {
      const { nodeEpoch } = firstOf(own);
      const reports = victim.leases.map((lease) => endOf(victim, lease, { kind }));
      await expectDropped('reports', 'wrong-lease', 2, () => report({ nodeId: LIAR, nodeEpoch }, ...reports));
      await expectUntouched();
    },
  );

  it('does not use a lease of its own for another instance or task', async () => {
    const lease = firstOf(own);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'wrong-lease', 3, () =>
      report(
        { nodeId: LIAR, nodeEpoch },
        endOf(victim, lease),
        endOf(own, lease, { instance: 999 }),
        endOf(own, lease, { taskId: 'no-such-task' }),
      ),
    );
    await expectUntouched();
    expect(await statesOf(own.task)).toEqual(['running']);
  });

  it('is passed over about leases that nobody has, and with figures that cannot be', async () => {
    const lease = firstOf(own);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'late', 2, () =>
      report(
        { nodeId: LIAR, nodeEpoch },
        endOf(victim, lease, { leaseId: 'guessed' }),
        endOf({ ...own, task: 'no-such-task' }, lease, { leaseId: 'guessed' }),
      ),
    );
    await expectDropped('reports', 'unreadable', 4, async () => {
      const impossible = [{ cpuMs: -1 }, { uploadedBytes: 1e300 }, { endedAt: 1e300 }, { instance: -1 }];
      await report({ nodeId: LIAR, nodeEpoch }, ...impossible.map((more) => endOf(own, lease, more)));
    });
    await expectDropped('reports', 'too-large', 1, async () => {
      // What JSON cannot say otherwise: infinity.
      const text = JSON.stringify({ nodeId: LIAR, nodeEpoch, reports: [endOf(own, lease)] });
      await intruder.say(reportSubject(LIAR), text.replace('"cpuMs":1000000000000', '"cpuMs":1e999'));
    });
    expect(await statesOf(own.task)).toEqual(['running']);
  });

  it('holds nobody up with millions of them in one message', async () => {
    const millions = `[${'{},'.repeat(2_000_000)}{}]`;
    const envelope = `"nodeId":"${LIAR}","nodeEpoch":${firstOf(own).nodeEpoch}`;
    await expectDropped('reports', 'too-large', 1, () =>
      intruder.say(reportSubject(LIAR), `{${envelope},"reports":${millions}}`),
    );
    await expectDropped('snapshot-reports', 'too-large', 1, () => intruder.say(snapshotReportSubject(LIAR), millions));
    await expectDropped('live', 'too-large', 1, () =>
      intruder.say(liveSubject(LIAR), `{${envelope},"instances":${millions}}`),
    );
    await expectDropped('heartbeats', 'too-large', 1, () => intruder.say(heartbeatSubject(LIAR), millions));
    await expectDropped('requests', 'too-large', 1, async () => {
      expect(await intruder.ask('grant', millions)).toHaveProperty('error');
    });
    await expectDropped('requests', 'too-large', 1, async () => {
      expect(await intruder.ask('snapshot-grant', millions)).toHaveProperty('error');
    });
    await expectUntouched();
  });

  it("says nothing about another node's part of a snapshot", async () => {
    const { leaseId } = firstOf(victim);
    const asked = { bucket: 'victim-results', bucketPrefix: 'snapshot/' };
    const { id } = await ask<{ readonly id: string }>('POST', `/tasks/${victim.task}/snapshot`, asked);
    for (const kind of ['failed', 'uploaded'])
      await intruder.say(snapshotReportSubject(LIAR), {
        kind,
        snapshotId: id,
        leaseId,
        reason: 'a lie',
        files: 9,
        bytes: 9,
      });
    const grant = await intruder.ask('snapshot-grant', { snapshotId: id, leaseId });
    expect(grant).toMatchObject({ ok: { granted: false } });
    const status = await eventually(
      async () => {
        const now = await ask<{ readonly status: string }>('GET', `/tasks/${victim.task}/snapshot/${id}`);
        return ['success', 'failure'].includes(now.status) && now.status;
      },
      { timeoutMs: 30_000 },
    );
    expect(status).toBe('success');
  });
});

describe('a node that prints what is not its own', () => {
  const lie = (place: Placed, instance: number, leaseId: string, attempt: number): Promise<void> =>
    intruder.say(logSubject(LIAR, place.task, instance, 'stdout'), 'a lie\n', {
      [LOG_HEADERS.lease]: leaseId,
      [LOG_HEADERS.offset]: '0',
      [LOG_HEADERS.attempt]: String(attempt),
    });
  const words = (name: string, count: number): RegExp => new RegExp(`^(\\d> the truth of ${name}\n){${count}}$`);

  it('replaces no output of another node with one of an attempt to come', async () => {
    const { leaseId } = firstOf(victim);
    await expectDropped('output', 'wrong-node', 2, async () => {
      await lie(victim, 0, leaseId, HIGHEST);
      await lie(victim, 0, leaseId, 1);
    });
    expect(await stdoutOf(victim.task)).toMatch(words('victim', 2));
  });

  it('has no output in a lease that it made up, or under a lease of its own elsewhere', async () => {
    const { leaseId } = firstOf(own);
    await expectDropped('output', 'unknown-lease', 3, async () => {
      await lie(victim, 0, 'made-up', HIGHEST);
      await lie(victim, 1, leaseId, 1);
      await lie({ ...victim, task: 'no-such-task' }, 0, leaseId, 1);
    });
    await expectDropped('output', 'wrong-lease', 2, async () => {
      await lie(own, 0, leaseId, HIGHEST);
      await lie(own, 7, leaseId, 1);
    });
    expect(await stdoutOf(victim.task)).toMatch(words('victim', 2));
    expect(await stdoutOf(own.task)).toMatch(words('own', 1));
  });
});

describe('a node at the server', () => {
  it('is refused every subject of another node and of the services', async () => {
    const lease = firstOf(victim);
    const subjects = [
      logSubject(VICTIM, victim.task, 0, 'stdout'),
      `fx.log.${victim.task}.0.stdout`,
      reportSubject(VICTIM),
      snapshotReportSubject(VICTIM),
      heartbeatSubject(VICTIM),
      liveSubject(VICTIM),
      ...(['join', 'leave', 'rotate', 'grant', 'snapshot-grant'] as const).map((method) =>
        nodeRpcSubject(VICTIM, method),
      ),
      eventSubject('task', victim.task),
      dispatchSubject(VICTIM),
      dispatchSubject(LIAR),
      'fx.rpc.scheduler.placements',
      'fx.rpc.storage.ensure-buckets',
      'fx.quarantine.x',
      `fx.yield.task.${victim.task}`,
      '$JS.API.STREAM.DELETE.FORNAX_EVENTS',
      '$JS.API.STREAM.PURGE.FX_LOGS',
      `$JS.API.CONSUMER.DELETE.FX_DISPATCH.${VICTIM}`,
      `$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.${VICTIM}`,
    ];
    for (const subject of subjects) await intruder.say(subject, endOf(victim, lease));
    const heard = ['>', 'fx.>', dispatchSubject(VICTIM), `_INBOX_${VICTIM}.>`, '_INBOX.>', eventSubject('task', '*')];
    for (const subject of heard) await intruder.listen(subject);
    await eventually(() => intruder.refusals.length >= subjects.length + heard.length);
    const told = intruder.refusals.join('\n');
    expect([...subjects, ...heard].filter((subject) => !told.includes(`"${subject}"`))).toEqual([]);
    await expectUntouched();
  });
});

describe('a node that asks for what is not its own', () => {
  it("is not granted another node's lease, whatever it says of it", async () => {
    const { leaseId } = firstOf(victim);
    const requests = [
      { leaseId, taskId: victim.task, instance: 0 },
      { leaseId, taskId: own.task, instance: 0 },
      { leaseId: firstOf(own).leaseId, taskId: victim.task, instance: 0 },
      { leaseId: firstOf(own).leaseId, taskId: own.task, instance: 1 },
      { leaseId, taskId: '__proto__', instance: 0 },
      { leaseId, taskId: 'no-such-task', instance: HIGHEST },
    ];
    for (const request of requests)
      expect(await intruder.ask('grant', request)).toEqual({
        ok: { granted: false, reason: 'the lease is not current on this node' },
      });
  });

  it.each(['grant', 'snapshot-grant', 'leave', 'join', 'rotate'] as const)(
    'gets an error for a %s that makes no sense, and the next one is answered',
    async (method) => {
      for (const body of ['', '{', '[]', 'null', '{"leaseId":{},"taskId":[],"instance":"0"}'])
        expect(await intruder.ask(method, body)).toMatchObject({ error: { code: expect.any(String) as unknown } });
    },
  );

  it.each(['grant', 'snapshot-grant', 'leave', 'join', 'rotate'] as const)(
    'breaks no connection of a service with names beyond all measure: %s',
    async (method) => {
      const name = 'x'.repeat(1_000_000);
      const body = {
        nodeId: name,
        leaseId: name,
        taskId: name,
        snapshotId: name,
        instance: 0,
        nodeEpoch: 1,
        bootId: name,
      };
      const reply = await intruder.ask(method, body);
      expect(reply.error?.code).toEqual(expect.any(String));
      // Whoever answered is still there.
      expect(await intruder.ask(method, '{}')).toHaveProperty('error');
    },
  );

  it('does not say for another node that it leaves, comes, or has a new key', async () => {
    const { nodeEpoch } = firstOf(victim);
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 64, memoryMB: 64, ghz: 1, ssd: true, gpus: 0 };
    const join = { nodeId: VICTIM, bootId: 'a-new-boot', driver: 'x', warnings: [], hardware };
    const answers = [
      await intruder.ask('leave', { nodeId: VICTIM, nodeEpoch }),
      await intruder.ask('join', join),
      await intruder.ask('rotate', { nodeId: VICTIM, publicKey: 'U'.repeat(56) }),
    ];
    expect(answers.map(({ ok, error }) => [ok, error?.code])).toEqual(Array(3).fill([undefined, 'forbidden']));
    expect((await fleet()).find(({ id }) => id === VICTIM)).toMatchObject({ status: 'online', epoch: nodeEpoch });
    await expectUntouched();
  });

  it('gives no sign of life for another node', async () => {
    const beat = { nodeId: VICTIM, nodeEpoch: HIGHEST, bootId: 'x', leases: 0, at: Date.now() };
    await expectDropped('heartbeats', 'wrong-node', 1, () => intruder.say(heartbeatSubject(LIAR), beat));
  });

  it("shows no figures of its own for another node's instance", async () => {
    const figure = (place: Placed, { leaseId, instance }: Lease) => ({
      leaseId,
      taskId: place.task,
      instance,
      phase: 'upload',
      cpuUsage: 100,
      memoryMB: 424_242,
      networkInKbps: 0,
      networkOutKbps: 0,
      progress: 100,
      executionMs: 1,
      ghzSeconds: 1,
    });
    const message = {
      nodeEpoch: firstOf(own).nodeEpoch,
      specificationKey: 'x',
      cpuModel: 'x',
      cores: 1,
      ghz: 1,
      maxGhz: 1,
      instances: [figure(own, firstOf(own)), ...victim.leases.map((lease) => figure(victim, lease))],
    };
    // Its own instance shows that the message has arrived; the agent beside it tells the truth again within a second.
    const shown = await eventually(async () => {
      await intruder.say(liveSubject(LIAR), message);
      const [mine, others] = await Promise.all([memoryOf(own.task), memoryOf(victim.task)]);
      return mine.includes(424_242) && others.length === 2 && others;
    });
    expect(shown).not.toContain(424_242);
  });
});

describe('a node with the storage credentials of a lease', () => {
  const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
    attempt.then(
      () => 'done',
      (error: { readonly status?: number; readonly code?: string }) => `${error.status} ${error.code}`,
    );

  it('opens nothing but the results of that lease, and nothing once it is over', async () => {
    const lease = firstOf(own);
    const granted = await intruder.ask('grant', { leaseId: lease.leaseId, taskId: own.task, instance: 0 });
    const { s3 } = granted.ok as {
      readonly s3: { readonly accessKey: string; readonly secretKey: string; readonly sessionToken: string };
    };
    const client = new S3Client({ endpoint: platform.storageUrl, ...s3 });
    const put = (bucket: string, key: string): Promise<unknown> => codeOf(client.putObject(bucket, key, 'a lie'));
    const theirs = `${victim.task}/${firstOf(victim).leaseId}/victim-results`;
    const denied = {
      'reads a bucket of the same owner': await codeOf(client.getBytes('private', 'diary')),
      'lists the results of another task': await codeOf(client.listObjects('victim-results', '')),
      'writes results of another task': await put('victim-results', 'before'),
      'writes a new object there': await put('victim-results', 'forged'),
      'climbs out of its results': await put('own-results', '../victim-results/forged'),
      'removes results': await codeOf(client.deleteObject('victim-results', 'before')),
      'makes a bucket': await codeOf(client.createBucket('forged')),
    };
    expect([...new Set(Object.values(denied))]).toEqual(['403 AccessDenied']);
    // The area where results wait is no bucket on the wire.
    for (const bucket of ['.staging', '.output', 'fornax-output'])
      expect(await put(bucket, `${theirs}/forged`)).not.toBe('done');
    // Paths in its own keys are names below its own place.
    for (const key of [`x/..%2F..%2F${theirs}/forged`, `${theirs}/forged`, '..\\..\\forged'])
      expect(await put('own-results', key)).toBe('done');

    await ask('POST', `/tasks/${own.task}/abort`);
    await eventually(async () => (await ask<Task>('GET', `/tasks/${own.task}`)).state === 'Cancelled', {
      timeoutMs: 60_000,
    });
    // Until the storage has heard of the end, which the task's state does not wait for.
    await eventually(async () => (await put('own-results', 'probe')) === '403 AccessDenied');
    expect(await put('own-results', 'late')).toBe('403 AccessDenied');
    expect(await intruder.ask('grant', { leaseId: lease.leaseId, taskId: own.task, instance: 0 })).toMatchObject({
      ok: { granted: false },
    });
    client.close();
    const mine = (await person.listObjects('own-results', '')).map(({ key }) => key);
    expect(mine).not.toContain('late');
    const others = (await person.listObjects('victim-results', '')).map(({ key }) => key);
    expect(others.filter((key) => /forged|late/.test(key))).toEqual([]);
    expect((await person.getBytes('victim-results', 'before')).toString()).toBe('kept');
  });
});

describe('a node that bills', () => {
  it('is paid for its own lease once, and for no longer than it can have worked', async () => {
    const submittedAt = performance.now();
    const greedy = await placeOn(LIAR, 'greedy', 1);
    const lease = firstOf(greedy);
    const { nodeEpoch } = lease;
    const most = { startedAt: 0, endedAt: 4_102_444_800_000, cpuMs: Number.MAX_SAFE_INTEGER };
    await report({ nodeId: LIAR, nodeEpoch }, endOf(greedy, lease, most));
    await eventually(async () => (await billOf(greedy.task)).length > 0);
    // Again, and with other words.
    await expectDropped('reports', 'late', 2, () =>
      report({ nodeId: LIAR, nodeEpoch }, endOf(greedy, lease, most), endOf(greedy, lease, { outcome: 'failure' })),
    );
    const lines = await billOf(greedy.task);
    expect(lines.map(({ leaseId }) => leaseId)).toEqual([lease.leaseId]);
    expect(lines[0]?.billedMs).toBeLessThan(performance.now() - submittedAt);
  }, 120_000);

  it('has not made the other node pay: its instances end and are billed once each', async () => {
    await expectUntouched();
    await ask('POST', `/tasks/${victim.task}/abort`);
    const lines = await eventually(
      async () => {
        const now = await billOf(victim.task);
        return now.length >= 2 && (await ask<Task>('GET', `/tasks/${victim.task}`)).state === 'Cancelled' && now;
      },
      { timeoutMs: 60_000 },
    );
    expect(lines.map(({ leaseId }) => leaseId).sort()).toEqual(victim.leases.map(({ leaseId }) => leaseId).sort());
    expect(new Set(lines.map(({ node }) => node))).toEqual(new Set([VICTIM]));
    expect(await stdoutOf(victim.task)).not.toContain('a lie');
  }, 120_000);
});
