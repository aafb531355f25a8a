import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Driver, type RunningInstance, SandboxDriver } from '@fornax/drivers';
import { eventually, startTestNats, type TestNats } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { aLeaseOrder, ObjectServer, Platform } from './agent.fixture.js';
import { Agent } from './agent.js';

const hardware = {
  specificationKey: '2c-4g-test',
  cpuModel: 'test',
  cores: 2,
  memoryMB: 4_096,
  ghz: 2,
  ssd: true,
  gpus: 0,
};
const silent = { info: () => undefined, warn: () => undefined };
const running = (word: string): number =>
  execFileSync('ps', ['-eo', 'args'])
    .toString()
    .split('\n')
    .filter((line) => line.split(' ').includes(word)).length;

let folder = '';
let nats: TestNats;
let objects: ObjectServer;
let number = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-agent-'));
  nats = await startTestNats({ nodes: Array.from({ length: 50 }, (_, at) => `node-${at + 1}`) });
  objects = await ObjectServer.open();
}, 120_000);
afterAll(async () => {
  await objects.close();
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

let platform: Platform;
let agent: Agent;
let workDir = '';
const startAgent = async (graceMs = 10_000, around: (driver: Driver) => Driver = (driver) => driver): Promise<void> => {
  const nodeId = `node-${(number += 1)}`;
  workDir = join(folder, nodeId);
  platform = await Platform.open(nats, nodeId, graceMs);
  const driver = new SandboxDriver({ workDir, hide: [folder] });
  const facts = await driver.probe();
  const { user, password } = nats.nodes[nodeId] ?? { user: '', password: '' };
  agent = await Agent.start({
    nodeId,
    nats: { url: nats.url, user, password },
    storageUrl: objects.url,
    driver: around(driver),
    facts,
    hardware,
    log: silent,
    diskBound: { folder: workDir, bound: { bytes: 400_000_000, files: 3_000 } },
    disk: {
      room: () => Promise.resolve(),
      isFull: async () => (await shortage()) > 0,
      shortage: () => shortage(),
    },
  });
  await agent.membership.ready();
};
/** What the disk of the node lacks. */
let shortage = (): Promise<number> => Promise.resolve(0);
const ended = (leaseId: string, timeoutMs = 15_000): Promise<NonNullable<ReturnType<Platform['endOf']>>> =>
  eventually(() => platform.endOf(leaseId), { timeoutMs });

describe('an agent', () => {
  beforeEach(() => startAgent(), 30_000);
  afterEach(async () => {
    await agent.close();
    await platform.close();
    objects.objects.clear();
  });

  it('joins with its hardware, beats, and leaves', async () => {
    expect(platform.joins[0]).toMatchObject({ hardware, driver: expect.stringMatching(/^sandbox\//) });
    await eventually(() => platform.heartbeats.length > 2);
    expect(platform.heartbeats[0]).toMatchObject({ nodeEpoch: 1, leases: 0 });
    await agent.close();
    expect(platform.leaves).toEqual([1]);
  });

  it('says with its beats whether its disk is full', async () => {
    const says = (isFull: boolean) => platform.heartbeats.at(-1)?.isDiskFull === isFull;
    await eventually(() => says(false));
    shortage = () => Promise.resolve(1);
    try {
      await eventually(() => says(true));
    } finally {
      shortage = () => Promise.resolve(0);
    }
    await eventually(() => says(false));
  });

  it('runs a command, stores its output, and reports in order', async () => {
    await platform.order(
      aLeaseOrder('l1', `sh -c 'echo out $INSTANCE_ID "\${WHO}"; echo err >&2'`, {
        instance: 4,
        constants: [
          { key: 'DOCKER_CMD', value: `sh -c 'echo out $INSTANCE_ID "$WHO"; echo err >&2'` },
          { key: 'WHO', value: 'it is "me"' },
        ],
      }),
    );
    const end = await ended('l1');
    expect(end).toMatchObject({ outcome: 'success', exitCode: 0, instance: 4, uploadedFiles: 0 });
    expect(end.endedAt).toBeGreaterThanOrEqual(end.startedAt ?? Infinity);
    expect(platform.kindsOf('l1')).toEqual(['started', 'exited', 'ended']);
    expect((await platform.output('task-1', 4, 'stdout')).toString()).toBe('out 4 it is "me"\n');
    expect((await platform.output('task-1', 4, 'stderr')).toString()).toBe('err\n');
    // The end is told before the folders go.
    await eventually(async () => (await readdir(join(workDir, 'instances')).catch(() => [])).length === 0);
  });

  it('takes orders again after its consumer was deleted: the registry makes it anew when the node confirms its session', async () => {
    await agent.close();
    await platform.close();
    await startAgent(600);
    await platform.order(aLeaseOrder('before', 'true'));
    await ended('before');
    await platform.forgetConsumer();
    await platform.order(aLeaseOrder('after', 'true'));
    expect(await ended('after', 30_000)).toMatchObject({ outcome: 'success' });
    expect(agent.membership.session?.nodeEpoch).toBe(1);
  }, 60_000);

  it('says again how a lease ended when it is ordered again', async () => {
    const order = aLeaseOrder('over', 'true');
    await platform.order(order);
    const end = await ended('over');
    await platform.order(order);
    await eventually(() => platform.kindsOf('over').length === 4);
    expect(platform.reports.at(-1)).toEqual(end);
  });

  it('lists what it works on, and tells again what the platform did not hear', async () => {
    await platform.order(aLeaseOrder('held', 'sleep 60'), aLeaseOrder('over', 'true'));
    await ended('over');
    const listed = () =>
      platform.heartbeats.flatMap(({ held }) => (held ? [held.map(({ leaseId }) => leaseId)] : [])).at(-1);
    await eventually(() => listed()?.join() === 'held');
    expect(platform.heartbeats.some(({ held }) => held?.some(({ phase }) => phase === 'running'))).toBe(true);
    platform.reports.length = 0;
    const tell = (leaseId: string, nodeEpoch = 1) =>
      ({ kind: 'tell', leaseId, taskId: 'task-1', instance: 0, nodeEpoch, asked: 1 }) as const;
    await platform.order(tell('old', 7), tell('held'), tell('over'), tell('never heard of'));
    await eventually(() => platform.kindsOf('never heard of').length > 0);
    expect(platform.reports.map(({ leaseId, kind }) => [leaseId, kind])).toEqual([
      ['held', 'started'],
      ['over', 'ended'],
      ['never heard of', 'unknown'],
    ]);
    // It has said that it does not have that one, and somebody else may have it by now.
    await platform.order(aLeaseOrder('never heard of', 'true'), aLeaseOrder('next', 'true'));
    await ended('next');
    expect(platform.kindsOf('never heard of')).toEqual(['unknown']);
  }, 60_000);

  it('kills without a word what it does not hold, and gives up what hangs besides its command', async () => {
    await platform.order(aLeaseOrder('stray', 'sleep 1235'), aLeaseOrder('runs', 'sleep 1236'));
    await eventually(
      () => platform.kindsOf('stray').includes('started') && platform.kindsOf('runs').includes('started'),
    );
    await platform.order({ kind: 'cancel', leaseId: 'stray', taskId: '', because: 'not-held' });
    await eventually(() => running('1235') === 0);
    await platform.order({ kind: 'cancel', leaseId: 'runs', taskId: 'task-1', because: 'stuck' });
    objects.failures = 1_000;
    const results = { bucket: 'results', prefix: null, whitelist: null, blacklist: null };
    await platform.order(aLeaseOrder('hangs', "sh -c 'echo x > out'", { results }));
    await eventually(() => platform.kindsOf('hangs').includes('exited'));
    await platform.order({ kind: 'cancel', leaseId: 'hangs', taskId: 'task-1', because: 'stuck' });
    expect(await ended('hangs')).toMatchObject({ outcome: 'failure', cause: 'platform' });
    objects.failures = 0;
    expect(platform.kindsOf('stray')).toEqual(['started']);
    expect(platform.kindsOf('runs')).toEqual(['started']);
  }, 60_000);

  it('brings results although its clock is an hour behind that of the storage', async () => {
    objects.aheadMs = 3_600_000;
    const results = { bucket: 'results', prefix: null, whitelist: null, blacklist: null };
    await platform.order(aLeaseOrder('late', "sh -c 'echo x > out'", { results }));
    expect(await ended('late')).toMatchObject({ outcome: 'success', uploadedFiles: 1 });
    objects.aheadMs = 0;
  }, 60_000);

  it('keeps what it has no room for waiting, which can be cancelled, and begins it in turn', async () => {
    await platform.order(
      aLeaseOrder('first', 'sleep 60.25', { cores: 1 }),
      aLeaseOrder('second', 'sleep 60.25', { cores: 1 }),
      aLeaseOrder('third', 'true', { cores: 1 }),
      aLeaseOrder('fourth', 'true', { cores: 1 }),
      { kind: 'cancel', leaseId: 'fourth', taskId: 'task-1' },
    );
    const cancelled = await ended('fourth');
    expect(cancelled.outcome).toBe('cancelled');
    expect(cancelled.startedAt).toBeUndefined();
    await platform.order({ kind: 'cancel', leaseId: 'first', taskId: 'task-1' });
    // Nothing was begun meanwhile, unless it had been given back before its turn came.
    await eventually(() => platform.kindsOf('third').length > 0 && platform.endOf('first') !== undefined);
    if (platform.kindsOf('third')[0] === 'started') {
      const third = await ended('third');
      expect(third.startedAt).toBeGreaterThanOrEqual(platform.endOf('first')?.endedAt ?? Infinity);
    } else expect(platform.kindsOf('third')).toEqual(['returned']);
  }, 60_000);

  it('gives back what waits for too long, begins it never again, and says so when it is asked', async () => {
    await platform.order(aLeaseOrder('large', 'sleep 60.25', { cores: 2 }), aLeaseOrder('waits', 'true', { cores: 1 }));
    await eventually(() => platform.kindsOf('waits').length === 1, { timeoutMs: 30_000 });
    expect(platform.kindsOf('waits')).toEqual(['returned']);
    await platform.order({ kind: 'cancel', leaseId: 'large', taskId: 'task-1' });
    await ended('large');
    await platform.order(aLeaseOrder('waits', 'true', { cores: 1 }));
    await eventually(() => platform.kindsOf('waits').length === 2);
    expect(platform.kindsOf('waits')).toEqual(['returned', 'returned']);
  }, 60_000);

  it('runs a lease once, however often it comes, and none of another epoch', async () => {
    const order = aLeaseOrder('twice', 'true');
    await platform.order(order, order);
    await platform.order(order, aLeaseOrder('stale', 'true', { nodeEpoch: 7 }), aLeaseOrder('last', 'true'));
    await Promise.all([ended('twice'), ended('last')]);
    expect(platform.kindsOf('twice')).toEqual(['started', 'exited', 'ended']);
    expect(platform.kindsOf('stale')).toEqual([]);
  });

  it('holds nothing of messages of orders that it is done with', async () => {
    await agent.close();
    await platform.close();
    const signals: AbortSignal[] = [];
    const Controller = globalThis.AbortController;
    globalThis.AbortController = class extends Controller {
      constructor() {
        super();
        signals.push(this.signal);
      }
    };
    await startAgent().finally(() => (globalThis.AbortController = Controller));
    const over = async (leaseId: string): Promise<void> => {
      await platform.order(aLeaseOrder(leaseId, 'true'));
      await ended(leaseId, 60_000);
    };
    const listeners = (): number => signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
    await over('first');
    const before = listeners();
    const MESSAGES = 40;
    for (let n = 0; n < MESSAGES; n += 1)
      await platform.order({ kind: 'cancel', leaseId: `unknown-${n}`, taskId: 'task-1' });
    await over('last');
    expect(listeners() - before).toBeLessThan(MESSAGES / 4);
  }, 150_000);

  it('ignores the orders of a scheduler that another one has replaced', async () => {
    await platform.orderAs(1_000, aLeaseOrder('of-the-old', 'true'));
    await platform.orderAs(1_001, aLeaseOrder('of-the-new', 'sleep 60'));
    await Promise.all([ended('of-the-old'), eventually(() => platform.kindsOf('of-the-new').length === 1)]);
    await platform.orderAs(1_000, aLeaseOrder('too-late', 'true'), {
      kind: 'cancel',
      leaseId: 'of-the-new',
      taskId: 'task',
    });
    await platform.orderAs(1_001, aLeaseOrder('next', 'true'));
    await ended('next');
    expect([platform.kindsOf('too-late'), platform.kindsOf('of-the-new')]).toEqual([[], ['started']]);
    await platform.orderAs(1_002, { kind: 'cancel', leaseId: 'of-the-new', taskId: 'task' });
    expect(await ended('of-the-new')).toMatchObject({ outcome: 'cancelled' });
  });

  it.each([
    [
      'sh -c "echo broken >&2; exit 3"',
      {
        outcome: 'failure',
        cause: 'user',
        exitCode: 3,
        error: { code: 'FX-EXIT', message: 'The command exited with code 3', debug: '' },
      },
    ],
    ['no-such-command', { outcome: 'failure', cause: 'user', exitCode: 127 }],
    ['', { outcome: 'failure', cause: 'user', error: { code: 'FX-NO-COMMAND' } }],
    [`true ${'x'.repeat(200_000)}`, { outcome: 'failure', cause: 'user', error: { code: 'FX-COMMAND' } }],
    [
      `python3 -c "import time; x = [bytearray(1 << 20) for _ in range(900)]; time.sleep(5)"`,
      { outcome: 'failure', cause: 'user', error: { code: 'FX-OOM' } },
    ],
  ])(
    'tells what went wrong with %j',
    async (command, expected) => {
      await platform.order(aLeaseOrder('bad', command));
      expect(await ended('bad')).toMatchObject(expected);
    },
    20_000,
  );

  it('tells every second what its instances do, in one message that the schema takes', async () => {
    const busy = `python3 -uc "
import time
x = bytearray(80 << 20)
print('done 30%', flush=True)
end = time.time() + 4
while time.time() < end: pass
"`;
    const constants = [
      { key: 'DOCKER_CMD', value: busy },
      { key: 'DOCKER_PROGRESS1', value: 'done (\\d+)%' },
    ];
    await platform.order(aLeaseOrder('a', busy, { constants }), aLeaseOrder('b', 'sleep 4', { instance: 1 }));
    const seen = await eventually(
      () =>
        platform.live.findLast(({ instances }) =>
          instances.some(({ progress, cpuUsage }) => progress === 30 && cpuUsage > 10),
        ),
      { timeoutMs: 15_000 },
    );
    expect(seen).toMatchObject({ nodeEpoch: 1, specificationKey: '2c-4g-test', cpuModel: 'test', cores: 2 });
    expect(seen?.ghz).toBeGreaterThan(0);
    const [a, b] = ['a', 'b'].map((lease) => seen?.instances.find(({ leaseId }) => leaseId === lease));
    expect(a).toMatchObject({ taskId: 'task-1', instance: 0, phase: 'execution' });
    expect(a?.memoryMB).toBeGreaterThan(70);
    expect(a?.executionMs).toBeGreaterThan(500);
    expect(a?.ghzSeconds).toBeGreaterThan(0);
    expect(b).toMatchObject({ instance: 1, progress: 0 });
    expect(b?.cpuUsage).toBeLessThan(50);
    const end = await ended('a');
    expect(end).toMatchObject({ outcome: 'success', downloadMs: 0, uploadMs: 0 });
    expect(end.averageGHz).toBeGreaterThan(0);
    expect(end.environmentMs).toBeGreaterThan(0);
    await ended('b');
    const told = platform.live.length;
    await platform.order(aLeaseOrder('c', 'true', { instance: 2 }));
    await ended('c');
    expect(platform.live.slice(told).flatMap(({ instances }) => instances.map(({ leaseId }) => leaseId))).not.toContain(
      'a',
    );
  }, 60_000);

  it('stops a command at its limit, and says that it was that', async () => {
    const constants = [
      { key: 'DOCKER_CMD', value: `sh -c 'echo working >&2; sleep 60'` },
      { key: 'MAX_EXECUTION_SECONDS', value: '1' },
    ];
    await platform.order(aLeaseOrder('long', '', { constants }));
    expect(await ended('long')).toMatchObject({
      outcome: 'failure',
      cause: 'limit',
      error: { code: 'FX-WALL-LIMIT', message: expect.stringContaining('1 s'), debug: '' },
    });
  });

  it('tells a signal from a code', async () => {
    await platform.order(aLeaseOrder('sig', `sh -c 'kill -SEGV $$'`));
    expect(await ended('sig')).toMatchObject({
      cause: 'user',
      exitCode: 139,
      signal: 'SIGSEGV',
      error: { code: 'FX-SIGNAL' },
    });
  });

  it('brings inputs and takes back what is new or changed, by filter', async () => {
    objects.objects.set('in/data/a b.txt', Buffer.from('A'));
    objects.objects.set('in/data/sub/b.txt', Buffer.from('B'));
    objects.objects.set('in/other', Buffer.from('no'));
    objects.objects.set('second/sub/b.txt', Buffer.from('B2'));
    objects.failures = 2;
    await platform.order(
      aLeaseOrder(
        'files',
        `sh -c 'cat "a b.txt" sub/b.txt > joined.out; echo more >> "a b.txt"; touch skip.tmp; ln -s /etc/passwd leak.out; find . -type f | sort'`,
        {
          resources: [{ bucket: 'in', prefix: 'data/', stripPrefix: 'data/' }, { bucket: 'second' }],
          results: { bucket: 'out', prefix: 'run-1/', whitelist: 'out$|txt$|tmp$', blacklist: '\\.tmp$' },
        },
      ),
    );
    expect(await ended('files')).toMatchObject({
      outcome: 'success',
      uploadedFiles: 2,
      uploadedBytes: 'AB2'.length + 'Amore\n'.length,
      notes: ['No results: 1 links that lead out of the job: "leak.out"'],
    });
    const stored = Object.fromEntries(
      [...objects.objects].filter(([path]) => path.startsWith('out/')).map(([path, data]) => [path, data.toString()]),
    );
    expect(stored).toEqual({ 'out/run-1/joined.out': 'AB2', 'out/run-1/a b.txt': 'Amore\n' });
  });

  it('uploads a big file in parts, whole', async () => {
    await platform.order(
      aLeaseOrder('big', 'sh -c "head -c 150000000 /dev/urandom > big; sha256sum big"', {
        results: { bucket: 'out', prefix: null, whitelist: null, blacklist: null },
      }),
    );
    expect(await ended('big', 120_000)).toMatchObject({
      outcome: 'success',
      uploadedFiles: 1,
      uploadedBytes: 150_000_000,
    });
    expect(objects.objects.get('out/big')?.length).toBe(150_000_000);
  }, 150_000);

  it('refuses inputs that would lead out of the job', async () => {
    objects.objects.set('in/../../../etc/x', Buffer.from('evil'));
    await platform.order(aLeaseOrder('evil', 'true', { resources: [{ bucket: 'in' }] }));
    expect(await ended('evil')).toMatchObject({ outcome: 'failure', cause: 'user', error: { code: 'FX-INPUT' } });
  });

  it('ends who fills its disk, deleted files counted too, and has the room back at once', async () => {
    const files = (): Promise<string[]> => readdir(join(workDir, 'instances')).catch((): string[] => []);
    shortage = async () => ((await files()).includes('hog') && platform.kindsOf('hog').includes('started') ? 30e6 : 0);
    try {
      const write = 'head -c 20000000 /dev/zero | tr "\\0" x';
      const hog = `sh -c 'exec 3>hidden; rm hidden; ${write} >&3; ${write} > kept; sleep 600'`;
      await platform.order(
        aLeaseOrder('small', "sh -c 'echo small > small; sleep 600'"),
        aLeaseOrder('hog', hog, { results: { bucket: 'results', prefix: 'r/', whitelist: null, blacklist: null } }),
      );
      expect(await ended('hog', 40_000)).toMatchObject({
        outcome: 'failure',
        cause: 'platform',
        uploadedFiles: 0,
        error: { code: 'FX-DISK-FULL', message: expect.stringMatching(/took [34]\d MB/) },
      });
      await eventually(async () => !(await files()).includes('hog'));
      expect(platform.kindsOf('small')).toEqual(['started']);
    } finally {
      shortage = () => Promise.resolve(0);
    }
  }, 60_000);

  it('ends who has more on its disk than one instance may, in bytes or in files, as a limit that says how much', async () => {
    const results = { bucket: 'results', prefix: 'r/', whitelist: null, blacklist: null };
    await platform.order(aLeaseOrder('modest', "sh -c 'echo small > small; sleep 600'"));
    for (const [lease, command, message] of [
      [
        'bytes',
        "sh -c 'head -c 500000000 /dev/zero > /tmp/much; sleep 600'",
        /^The instance was ended: its files took \d+ MB, and it may have 400 MB$/,
      ],
      [
        'files',
        'python3 -c \'import time\nfor i in range(4000): open(str(i), "w")\ntime.sleep(600)\'',
        /^The instance was ended: it had \d+ files and folders, and may have 3000$/,
      ],
    ] as const) {
      // One after the other: the node has no cores for more, and gives back what would wait.
      await platform.order(aLeaseOrder(lease, command, { results }));
      expect(await ended(lease, 60_000)).toMatchObject({
        outcome: 'failure',
        cause: 'limit',
        uploadedFiles: 0,
        error: { code: 'FX-DISK-LIMIT', message: expect.stringMatching(message) },
      });
    }
    const left = (): Promise<string[]> => readdir(join(workDir, 'instances')).catch((): string[] => []);
    await eventually(async () => (await left()).every((name) => name === 'modest'), { timeoutMs: 30_000 });
    expect(platform.kindsOf('modest')).toEqual(['started']);
  }, 150_000);

  it('blames the platform when results cannot be stored', async () => {
    objects.failures = 1_000;
    await platform.order(
      aLeaseOrder('down', 'touch x', { results: { bucket: 'out', prefix: null, whitelist: null, blacklist: null } }),
    );
    expect(await ended('down', 40_000)).toMatchObject({ outcome: 'failure', cause: 'platform' });
    objects.failures = 0;
  }, 60_000);

  it('hands over secrets by grant alone', async () => {
    platform.secrets['QARNOT_SECRET_K'] = 'hush';
    await platform.order(
      aLeaseOrder('secret', 'sh -c "echo $QARNOT_SECRET_K ${KEY}"', {
        secretKeys: ['QARNOT_SECRET_K'],
        taskId: 'task-s',
        constants: [
          { key: 'DOCKER_CMD', value: 'sh -c "echo $QARNOT_SECRET_K $KEY"' },
          { key: 'KEY', value: '${QARNOT_SECRET_K}!' },
        ],
      }),
    );
    await ended('secret');
    expect((await platform.output('task-s', 0, 'stdout')).toString()).toBe('hush hush!\n');
    expect(platform.grants).toBe(1);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])('cancels politely, then hard; uploads if asked: %s', async (uploadResultsOnCancellation, uploadedFiles) => {
    await platform.order(
      aLeaseOrder('cancel', `sh -c 'trap "echo bye > bye" TERM; touch up; while :; do sleep 0.05; done'`, {
        uploadResultsOnCancellation,
        results: { bucket: 'out', prefix: null, whitelist: 'bye', blacklist: null },
      }),
    );
    await eventually(async () => (await readdir(join(workDir, 'instances', 'cancel', 'job'))).includes('up'));
    await platform.order({ kind: 'cancel', leaseId: 'cancel', taskId: 'task-1' });
    expect(await ended('cancel')).toMatchObject({ outcome: 'cancelled', uploadedFiles });
    expect(objects.objects.has('out/bye')).toBe(uploadResultsOnCancellation);
  });

  it('brings new and changed inputs to a running instance when it is told, and leaves the others and the results alone', async () => {
    const put = (key: string, text: string) => objects.objects.set(key, Buffer.from(text));
    put('in/a/changes', 'old');
    put('in/a/stays', 'same');
    put('in/a/goes', 'gone soon');
    const wait =
      'until [ "$(cat changes)" = new ] && [ -e deep/added ]; do sleep 0.05; done; cat stays goes; echo result > out';
    await platform.order(
      aLeaseOrder('refreshed', `sh -c 'echo mine >> stays; touch up; ${wait.replaceAll("'", '"')}'`, {
        resources: [{ bucket: 'in', prefix: 'a/', stripPrefix: 'a/' }],
        results: { bucket: 'out', prefix: null, whitelist: null, blacklist: '^(up|stays)$' },
        taskId: 'task-refreshed',
      }),
    );
    await eventually(async () => (await readdir(join(workDir, 'instances', 'refreshed', 'job'))).includes('up'));
    put('in/a/changes', 'new');
    put('in/a/deep/added', 'fresh');
    objects.objects.delete('in/a/goes');
    const requestsBefore = objects.requests.length;
    const order = { kind: 'resources', leaseId: 'refreshed', taskId: 'task-refreshed', update: 1 } as const;
    await platform.order(order, order, { ...order, leaseId: 'unknown' });
    expect(await ended('refreshed')).toMatchObject({ outcome: 'success', uploadedFiles: 1 });
    expect((await platform.output('task-refreshed', 0, 'stdout')).toString()).toBe('samemine\ngone soon');
    expect(objects.objects.get('out/out')?.toString()).toBe('result\n');
    const gets = objects.requests.slice(requestsBefore).filter((request) => /^GET in\/a/.test(request));
    expect(gets.sort()).toEqual(['GET in/a/changes', 'GET in/a/deep/added']);
  });

  it('never follows a link of the instance when it brings new inputs', async () => {
    objects.objects.set('in/dir/file', Buffer.from('old'));
    await platform.order(
      aLeaseOrder(
        'trap',
        `sh -c 'rm -r dir; ln -s ${folder} dir; touch up; until [ -e second ]; do sleep 0.05; done'`,
        { resources: [{ bucket: 'in' }] },
      ),
    );
    await eventually(async () => (await readdir(join(workDir, 'instances', 'trap', 'job'))).includes('up'));
    objects.objects.set('in/dir/file', Buffer.from('new'));
    await platform.order({ kind: 'resources', leaseId: 'trap', taskId: 'task-1', update: 1 });
    await eventually(() => objects.requests.filter((request) => request === 'GET in/dir/file').length === 2);
    objects.objects.set('in/second', Buffer.from('x'));
    await platform.order({ kind: 'resources', leaseId: 'trap', taskId: 'task-1', update: 2 });
    expect(await ended('trap')).toMatchObject({ outcome: 'success' });
    expect(await readdir(folder)).not.toContain('file');
  });

  it('uploads a snapshot of what runs', async () => {
    await platform.order(
      aLeaseOrder(
        'snap',
        `sh -c 'echo half > part.txt; echo other > part2.txt; echo x > no.log; touch up; exec sleep 30'`,
      ),
    );
    await eventually(async () => (await readdir(join(workDir, 'instances', 'snap', 'job'))).includes('up'));
    await platform.order({
      kind: 'snapshot',
      snapshotId: 's1',
      taskId: 'task-1',
      leaseId: 'snap',
      instance: 0,
      bucket: 'snaps',
      prefix: 'p/',
      whitelist: 'txt$',
      blacklist: null,
    });
    const last = await eventually(() => platform.snapshotReports.find(({ kind }) => kind !== 'progress'));
    expect(last).toEqual({ kind: 'uploaded', snapshotId: 's1', leaseId: 'snap', files: 2, bytes: 11 });
    expect(objects.objects.get('snaps/p/part.txt')?.toString()).toBe('half\n');
    await platform.order({
      kind: 'snapshot',
      snapshotId: 's2',
      taskId: 'task-1',
      leaseId: 'gone',
      instance: 0,
      bucket: 'snaps',
      prefix: null,
      whitelist: null,
      blacklist: null,
    });
    await eventually(() =>
      platform.snapshotReports.find((report) => report.kind === 'failed' && report.snapshotId === 's2'),
    );
  });

  it('stores 50 MB of output completely before it says that the instance ended, in bounded memory', async () => {
    const before = process.memoryUsage().rss;
    await platform.order(aLeaseOrder('loud', `sh -c 'seq 1 6900000'`, { taskId: 'task-loud' }));
    let peak = 0;
    await eventually(
      () => {
        peak = Math.max(peak, process.memoryUsage().rss);
        return platform.endOf('loud');
      },
      { timeoutMs: 60_000 },
    );
    expect((peak - before) / 1_048_576).toBeLessThan(250);
    const output = await platform.output('task-loud', 0, 'stdout');
    expect(output.length).toBe(6_900_000 * 8 - (9 * 6 + 90 * 5 + 900 * 4 + 9_000 * 3 + 90_000 * 2 + 900_000));
    expect(output.subarray(-8).toString()).toBe('6900000\n');
  }, 90_000);

  it('carries on after the server was away, and loses no report', async () => {
    await platform.order(aLeaseOrder('long', `sh -c 'echo one; sleep 1; echo two'`, { taskId: 'task-long' }));
    await eventually(() => platform.kindsOf('long').includes('started'));
    await nats.kill();
    await nats.start();
    expect(await ended('long', 30_000)).toMatchObject({ outcome: 'success' });
    expect((await platform.output('task-long', 0, 'stdout')).toString()).toBe('one\ntwo\n');
    // A report whose acknowledgement died with the server comes again: repeats are normal, losses are not.
    expect([...new Set(platform.kindsOf('long'))]).toEqual(['started', 'exited', 'ended']);
  }, 45_000);

  it('kills its instances when it is told to stop, and gives the leases back', async () => {
    await platform.order(aLeaseOrder('stop', 'sleep 5815.5'));
    await eventually(() => running('5815.5') > 0);
    const began = performance.now();
    await agent.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(running('5815.5')).toBe(0);
    expect(platform.leaves).toEqual([1]);
    expect(platform.endOf('stop')).toBeUndefined();
  });
});

it('blames the platform, and stops the command, when its own side of an output breaks', async () => {
  const outputs: RunningInstance['stdout'][] = [];
  await startAgent(10_000, (driver) => ({
    probe: () => driver.probe(),
    allow: (forMs) => driver.allow(forMs),
    close: () => driver.close(),
    prepare: async (spec) => {
      const prepared = await driver.prepare(spec);
      return {
        ...prepared,
        start: async (command) => {
          const running = await prepared.start(command);
          outputs.push(running.stdout);
          return running;
        },
      };
    },
  }));
  try {
    await platform.order(
      aLeaseOrder('writes', `sh -c 'while :; do echo x; sleep 0.05; done'`),
      aLeaseOrder('deaf', `sh -c 'trap "" PIPE; while :; do echo x; sleep 0.05; done'`, { instance: 1 }),
    );
    await eventually(
      () => platform.kindsOf('writes').includes('started') && platform.kindsOf('deaf').includes('started'),
    );
    for (const output of outputs) output.destroy(new Error('EBADF: bad file descriptor, read'));
    for (const lease of ['writes', 'deaf'])
      expect(await ended(lease)).toMatchObject({ outcome: 'failure', cause: 'platform', error: { code: 'FX-OUTPUT' } });
  } finally {
    await agent.close();
    await platform.close();
  }
}, 45_000);

describe('an agent without contact', () => {
  afterEach(async () => {
    await agent.close();
    await platform.close();
  });

  it('kills its instances at two thirds of the grace period and joins again as another boot', async () => {
    await startAgent(6_000);
    await platform.order(aLeaseOrder('cut', 'sleep 6815.5'));
    await eventually(() => running('6815.5') > 0);
    await nats.kill();
    await eventually(() => running('6815.5') === 0);
    await nats.start();
    await eventually(() => platform.joins.length === 2, { timeoutMs: 20_000 });
    expect(platform.joins[1]?.bootId).not.toBe(platform.joins[0]?.bootId);
    await platform.order(aLeaseOrder('again', 'true', { nodeEpoch: 2 }));
    expect(await ended('again')).toMatchObject({ outcome: 'success' });
    expect(platform.kindsOf('cut')).not.toContain('ended');
  }, 45_000);

  it('kills its instances, and joins as another boot, when an older event log was accepted, which may not know them', async () => {
    await startAgent(3_000);
    await platform.order(aLeaseOrder('unknown', 'sleep 8815.5'));
    await eventually(() => running('8815.5') > 0);
    platform.logAcceptedAt = 1_000;
    await eventually(() => platform.joins.length === 2, { timeoutMs: 20_000 });
    expect(running('8815.5')).toBe(0);
    expect(platform.joins[1]?.bootId).not.toBe(platform.joins[0]?.bootId);
  }, 60_000);

  it('kills its instances when the platform is at another epoch', async () => {
    await startAgent(6_000);
    await platform.order(aLeaseOrder('old', 'sleep 7815.5'));
    await eventually(() => running('7815.5') > 0);
    platform.epoch += 1;
    await eventually(() => running('7815.5') === 0);
  }, 60_000);
});
