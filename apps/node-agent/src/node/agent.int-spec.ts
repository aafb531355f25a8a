import { execFileSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunningInstance } from '@fornax/drivers';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, hardware } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';
import { cancelled } from './shutdown.fixture.js';

const running = (word: string): number =>
  execFileSync('ps', ['-eo', 'args'])
    .toString()
    .split('\n')
    .filter((line) => line.split(' ').includes(word)).length;

let rig: AgentRig;
beforeAll(async () => {
  rig = await AgentRig.open();
}, 120_000);
afterAll(() => rig.close());

describe('an agent', () => {
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  it('joins with its hardware, beats, and leaves', async () => {
    expect(rig.platform.joins[0]).toMatchObject({ hardware, driver: expect.stringMatching(/^sandbox\//) });
    await eventually(() => rig.platform.heartbeats.length > 2);
    expect(rig.platform.heartbeats[0]).toMatchObject({ nodeEpoch: 1, leases: 0 });
    await rig.agent.close();
    expect(rig.platform.leaves).toEqual([1]);
  });

  it('says with its beats whether its disk is full', async () => {
    rig.offeredMB = 41_000;
    await eventually(() => rig.platform.heartbeats.at(-1)?.diskMB === 41_000);
    rig.offeredMB = 40_000;
    await eventually(() => rig.platform.heartbeats.at(-1)?.diskMB === 40_000);
    const says = (isFull: boolean) => rig.platform.heartbeats.at(-1)?.isDiskFull === isFull;
    await eventually(() => says(false));
    rig.shortage = () => Promise.resolve(1);
    try {
      await eventually(() => says(true));
    } finally {
      rig.shortage = () => Promise.resolve(0);
    }
    await eventually(() => says(false));
  });

  it('runs a command, stores its output, and reports in order', async () => {
    await rig.platform.order(
      aLeaseOrder('l1', `sh -c 'echo out $INSTANCE_ID "\${WHO}"; echo err >&2'`, {
        instance: 4,
        constants: [
          { key: 'DOCKER_CMD', value: `sh -c 'echo out $INSTANCE_ID "$WHO"; echo err >&2'` },
          { key: 'WHO', value: 'it is "me"' },
        ],
      }),
    );
    const end = await rig.ended('l1');
    expect(end).toMatchObject({ outcome: 'success', exitCode: 0, instance: 4, uploadedFiles: 0 });
    expect(end.endedAt).toBeGreaterThanOrEqual(end.startedAt ?? Infinity);
    expect(rig.platform.kindsOf('l1')).toEqual(['started', 'exited', 'ended']);
    expect((await rig.platform.output('task-1', 4, 'stdout')).toString()).toBe('out 4 it is "me"\n');
    expect((await rig.platform.output('task-1', 4, 'stderr')).toString()).toBe('err\n');
    // The end is told before the folders go.
    await eventually(async () => (await readdir(join(rig.workDir, 'instances')).catch(() => [])).length === 0);
  });

  it('takes orders again after its consumer was deleted: the registry makes it anew when the node confirms its session', async () => {
    await rig.agent.close();
    await rig.platform.close();
    await rig.startAgent(600);
    await rig.platform.order(aLeaseOrder('before', 'true'));
    await rig.ended('before');
    await rig.platform.forgetConsumer();
    await rig.platform.order(aLeaseOrder('after', 'true'));
    expect(await rig.ended('after', 30_000)).toMatchObject({ outcome: 'success' });
    expect(rig.agent.membership.session?.nodeEpoch).toBe(1);
  }, 60_000);

  it('says again how a lease ended when it is ordered again', async () => {
    const order = aLeaseOrder('over', 'true');
    await rig.platform.order(order);
    const end = await rig.ended('over');
    await rig.platform.order(order);
    await eventually(() => rig.platform.kindsOf('over').length === 4);
    expect(rig.platform.reports.at(-1)).toEqual(end);
  });

  it('lists what it works on, and tells again what the rig.platform did not hear', async () => {
    await rig.platform.order(aLeaseOrder('held', 'sleep 60'), aLeaseOrder('over', 'true'));
    await rig.ended('over');
    const listed = () =>
      rig.platform.heartbeats.flatMap(({ held }) => (held ? [held.map(({ leaseId }) => leaseId)] : [])).at(-1);
    await eventually(() => listed()?.join() === 'held');
    await eventually(() => rig.platform.heartbeats.some(({ held }) => held?.some(({ phase }) => phase === 'running')));
    rig.platform.reports.length = 0;
    const tell = (leaseId: string, nodeEpoch = 1) =>
      ({ kind: 'tell', leaseId, taskId: 'task-1', instance: 0, nodeEpoch, asked: 1 }) as const;
    await rig.platform.order(tell('old', 7), tell('held'), tell('over'), tell('never heard of'));
    await eventually(() => rig.platform.kindsOf('never heard of').length > 0);
    expect(rig.platform.reports.map(({ leaseId, kind }) => [leaseId, kind])).toEqual([
      ['held', 'started'],
      ['over', 'ended'],
      ['never heard of', 'unknown'],
    ]);
    // It has said that it does not have that one, and somebody else may have it by now.
    await rig.platform.order(aLeaseOrder('never heard of', 'true'), aLeaseOrder('next', 'true'));
    await rig.ended('next');
    expect(rig.platform.kindsOf('never heard of')).toEqual(['unknown']);
  }, 60_000);

  it('runs the shutdown command in an instance that is cancelled, before that is told to end', async () => {
    const told = { outcome: 'cancelled', out: 'up\nlast my 0\ntold\n' };
    const shutdown = `sh -c 'echo last "$WORD" "$1"; echo to be seen >&2' sh \${INSTANCE_ID}`;
    const end = await cancelled(rig, shutdown, { WORD: 'my' });
    expect(end).toMatchObject({ ...told, err: expect.stringMatching(/^to be seen\n/) });
    expect(end.notes).toBeUndefined();
    // It has the folder of its instance, and may end that by itself.
    const waits = `sh -c 'echo up; while ! test -e end; do sleep 0.05; done; echo ended'`;
    const byItself = await cancelled(rig, `sh -c 'touch end; sleep 20'`, { DOCKER_CMD: waits });
    expect(byItself).toMatchObject({ outcome: 'cancelled', exitCode: 0, out: 'up\nended\n' });
    expect(byItself.notes).toBeUndefined();
  }, 60_000);

  it('says in a note that the shutdown command failed or took too long, and ends the instance all the same', async () => {
    const noted = async (shutdown: string) => (await cancelled(rig, shutdown)).notes;
    expect(await noted(`sh -c 'exit 3'`)).toEqual(['DOCKER_SHUTDOWN_CMD exited with code 3']);
    expect(await noted('/no/such')).toEqual(['DOCKER_SHUTDOWN_CMD exited with code 127']);
    expect(await noted('sleep 1237')).toEqual(['DOCKER_SHUTDOWN_CMD was ended after 1.5 s']);
    expect(running('1237')).toBe(0);
  }, 60_000);

  it('runs no shutdown command where an instance ends by itself, by its limit, or at once', async () => {
    const shutdown = { key: 'DOCKER_SHUTDOWN_CMD', value: 'echo shut down' };
    const orderOf = (leaseId: string, command: string, ...more: readonly { key: string; value: string }[]) =>
      aLeaseOrder(leaseId, '', {
        taskId: leaseId,
        constants: [{ key: 'DOCKER_CMD', value: command }, shutdown, ...more],
      });
    await rig.platform.order(
      orderOf('by itself', 'true'),
      orderOf('too long', 'sleep 60', { key: 'MAX_EXECUTION_SECONDS', value: '1' }),
    );
    expect(await rig.ended('by itself')).toMatchObject({ outcome: 'success' });
    expect(await rig.ended('too long')).toMatchObject({ error: { code: 'FX-WALL-LIMIT' } });
    for (const taskId of ['by itself', 'too long'])
      expect((await rig.platform.output(taskId, 0, 'stdout')).toString()).toBe('');
  }, 30_000);

  it('kills without a word what it does not hold, and gives up what hangs besides its command', async () => {
    await rig.platform.order(aLeaseOrder('stray', 'sleep 1235'), aLeaseOrder('runs', 'sleep 1236'));
    await eventually(
      () => rig.platform.kindsOf('stray').includes('started') && rig.platform.kindsOf('runs').includes('started'),
    );
    await rig.platform.order({ kind: 'cancel', leaseId: 'stray', taskId: '', because: 'not-held' });
    await eventually(() => running('1235') === 0);
    await rig.platform.order({ kind: 'cancel', leaseId: 'runs', taskId: 'task-1', because: 'stuck' });
    rig.objects.failures = 1_000;
    const results = { bucket: 'results', prefix: null, whitelist: null, blacklist: null };
    await rig.platform.order(aLeaseOrder('hangs', "sh -c 'echo x > out'", { results }));
    await eventually(() => rig.platform.kindsOf('hangs').includes('exited'));
    await rig.platform.order({ kind: 'cancel', leaseId: 'hangs', taskId: 'task-1', because: 'stuck' });
    expect(await rig.ended('hangs')).toMatchObject({ outcome: 'failure', cause: 'platform' });
    rig.objects.failures = 0;
    expect(rig.platform.kindsOf('stray')).toEqual(['started']);
    expect(rig.platform.kindsOf('runs')).toEqual(['started']);
  }, 60_000);

  it('keeps what it has no room for waiting, which can be cancelled, and begins it in turn', async () => {
    await rig.platform.order(
      aLeaseOrder('first', 'sleep 60.25', { cores: 1 }),
      aLeaseOrder('second', 'sleep 60.25', { cores: 1 }),
      aLeaseOrder('third', 'true', { cores: 1 }),
      aLeaseOrder('fourth', 'true', { cores: 1 }),
      { kind: 'cancel', leaseId: 'fourth', taskId: 'task-1' },
    );
    const cancelled = await rig.ended('fourth');
    expect(cancelled.outcome).toBe('cancelled');
    expect(cancelled.startedAt).toBeUndefined();
    await rig.platform.order({ kind: 'cancel', leaseId: 'first', taskId: 'task-1' });
    // Nothing was begun meanwhile, unless it had been given back before its turn came.
    await eventually(() => rig.platform.kindsOf('third').length > 0 && rig.platform.endOf('first') !== undefined);
    if (rig.platform.kindsOf('third')[0] === 'started') {
      const third = await rig.ended('third');
      expect(third.startedAt).toBeGreaterThanOrEqual(rig.platform.endOf('first')?.endedAt ?? Infinity);
    } else expect(rig.platform.kindsOf('third')).toEqual(['returned']);
  }, 60_000);

  it('gives back what waits for too long, begins it never again, and says so when it is asked', async () => {
    await rig.platform.order(
      aLeaseOrder('large', 'sleep 60.25', { cores: 2 }),
      aLeaseOrder('waits', 'true', { cores: 1 }),
    );
    await eventually(() => rig.platform.kindsOf('waits').length === 1, { timeoutMs: 30_000 });
    expect(rig.platform.kindsOf('waits')).toEqual(['returned']);
    await rig.platform.order({ kind: 'cancel', leaseId: 'large', taskId: 'task-1' });
    await rig.ended('large');
    await rig.platform.order(aLeaseOrder('waits', 'true', { cores: 1 }));
    await eventually(() => rig.platform.kindsOf('waits').length === 2);
    expect(rig.platform.kindsOf('waits')).toEqual(['returned', 'returned']);
  }, 60_000);

  it('runs a lease once, however often it comes, and none of another epoch', async () => {
    const order = aLeaseOrder('twice', 'true');
    await rig.platform.order(order, order);
    await rig.platform.order(order, aLeaseOrder('stale', 'true', { nodeEpoch: 7 }), aLeaseOrder('last', 'true'));
    await Promise.all([rig.ended('twice'), rig.ended('last')]);
    expect(rig.platform.kindsOf('twice')).toEqual(['started', 'exited', 'ended']);
    expect(rig.platform.kindsOf('stale')).toEqual([]);
  });

  it('holds nothing of messages of orders that it is done with', async () => {
    await rig.agent.close();
    await rig.platform.close();
    const signals: AbortSignal[] = [];
    const Controller = globalThis.AbortController;
    globalThis.AbortController = class extends Controller {
      constructor() {
        super();
        signals.push(this.signal);
      }
    };
    await rig.startAgent().finally(() => (globalThis.AbortController = Controller));
    const over = async (leaseId: string): Promise<void> => {
      await rig.platform.order(aLeaseOrder(leaseId, 'true'));
      await rig.ended(leaseId, 60_000);
    };
    const listeners = (): number => signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
    await over('first');
    const before = listeners();
    const MESSAGES = 40;
    for (let n = 0; n < MESSAGES; n += 1)
      await rig.platform.order({ kind: 'cancel', leaseId: `unknown-${n}`, taskId: 'task-1' });
    await over('last');
    expect(listeners() - before).toBeLessThan(MESSAGES / 4);
  }, 150_000);

  it('ignores the orders of a scheduler that another one has replaced', async () => {
    await rig.platform.orderAs(1_000, aLeaseOrder('of-the-old', 'true'));
    await rig.platform.orderAs(1_001, aLeaseOrder('of-the-new', 'sleep 60'));
    await Promise.all([rig.ended('of-the-old'), eventually(() => rig.platform.kindsOf('of-the-new').length === 1)]);
    await rig.platform.orderAs(1_000, aLeaseOrder('too-late', 'true'), {
      kind: 'cancel',
      leaseId: 'of-the-new',
      taskId: 'task',
    });
    await rig.platform.orderAs(1_001, aLeaseOrder('next', 'true'));
    await rig.ended('next');
    expect([rig.platform.kindsOf('too-late'), rig.platform.kindsOf('of-the-new')]).toEqual([[], ['started']]);
    await rig.platform.orderAs(1_002, { kind: 'cancel', leaseId: 'of-the-new', taskId: 'task' });
    expect(await rig.ended('of-the-new')).toMatchObject({ outcome: 'cancelled' });
  });

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
    await rig.platform.order(aLeaseOrder('a', busy, { constants }), aLeaseOrder('b', 'sleep 4', { instance: 1 }));
    const seen = await eventually(
      () =>
        rig.platform.live.findLast(({ instances }) =>
          instances.some(({ progress, cpuUsage }) => progress === 30 && cpuUsage > 10),
        ),
      { timeoutMs: 30_000 },
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
    const end = await rig.ended('a');
    expect(end).toMatchObject({ outcome: 'success', downloadMs: 0, uploadMs: 0 });
    expect(end.averageGHz).toBeGreaterThan(0);
    expect(end.environmentMs).toBeGreaterThan(0);
    await rig.ended('b');
    const told = rig.platform.live.length;
    await rig.platform.order(aLeaseOrder('c', 'true', { instance: 2 }));
    await rig.ended('c');
    expect(
      rig.platform.live.slice(told).flatMap(({ instances }) => instances.map(({ leaseId }) => leaseId)),
    ).not.toContain('a');
  }, 60_000);

  it('gives secrets of the secrets manager as files, to orders that say so', async () => {
    const secret = (key: string, value: string) => ({ key, version: 1, value });
    rig.platform.managed = [[secret('lab/license', 'hush'), secret('lab/one', '1')], [secret('top', '2')]];
    const command = `sh -c 'cd "\${QARNOT_SECRETS_DIR:-/none}" && grep -r . . | sort'`;
    await rig.platform.order(aLeaseOrder('managed', command, { secrets: true, taskId: 'task-managed' }));
    expect(await rig.ended('managed')).toMatchObject({ outcome: 'success' });
    expect((await rig.platform.output('task-managed', 0, 'stdout')).toString()).toBe(
      './lab/license:hush\n./lab/one:1\n./top:2\n',
    );
    // A grant tells agents that are too old for secrets.
    expect(rig.platform.grants).toBe(1);
    await rig.platform.order(aLeaseOrder('unmanaged', command));
    expect(await rig.ended('unmanaged')).toMatchObject({ outcome: 'failure' });
  });

  it('gives secrets to an instance that asks for them, fresh and seldom', async () => {
    const secret = (key: string, value: string, version = 1) => ({ key, version, value });
    rig.platform.managed = [[secret('lab/a b', 'old'), secret('lab/sub/c', '1')], [secret('top', '2')]];
    rig.platform.managedLater = [
      [secret('lab/a b', 'the newest value', 2), secret('lab/sub/c', '1')],
      [secret('top', '2')],
    ];
    const program = `
import http.client, os, socket
class Door(http.client.HTTPConnection):
  def connect(self):
    self.sock = socket.socket(socket.AF_UNIX)
    self.sock.connect(os.environ["QARNOT_SECRETS_SOCKET"])
door = Door("secrets")
def ask(path, method="GET"):
  door.request(method, path)
  answer = door.getresponse()
  return answer.status, answer.headers.get("fornax-secret-version"), answer.read().decode()
for path in ["/data/lab/a%20b", "/data/none", "/data/../top", "/data/%ff", "/search/", "/search/lab/?recursive=true", "/search/lab", "/values/lab", "/x"]:
  print(path, *ask(path))
print(*ask("/data/top", "PUT"))
many = [ask("/data/top")[0] for _ in range(60)]
print("refused", many.count(429) > 10, "given", many.count(200) > 10)`;
    await rig.platform.order(
      aLeaseOrder('asking', 'python3 -c "$PROGRAM"', {
        secrets: true,
        taskId: 'task-asking',
        constants: [
          { key: 'DOCKER_CMD', value: 'sh -c \'python3 -c "$PROGRAM"\'' },
          { key: 'PROGRAM', value: program },
        ],
      }),
    );
    expect(await rig.ended('asking')).toMatchObject({ outcome: 'success' });
    const lines = (await rig.platform.output('task-asking', 0, 'stdout')).toString().split('\n');
    expect(lines).toEqual([
      // It is looked for from the moment on at which the instance is given it.
      '/data/lab/a%20b 200 2 [SECRET]',
      '/data/none 404 None {"code":"secret-not-found","message":"There is no secret none that this task may read."}',
      expect.stringMatching(/^\/data\/\.\.\/top 400 None \{"code":"invalid"/),
      expect.stringMatching(/^\/data\/%ff 400 /),
      '/search/ 200 None {"keys":["lab/","top"]}',
      '/search/lab/?recursive=true 200 None {"keys":["lab/a b","lab/sub/c"]}',
      '/search/lab 200 None {"keys":["lab/a b","lab/sub/"]}',
      '/values/lab 200 None {"secrets":[{"key":"lab/a b","version":2,"value":"[SECRET]"}]}',
      expect.stringMatching(/^\/x 404 /),
      expect.stringMatching(/^405 /),
      'refused True given True',
      '',
    ]);
    for (const wish of [{ key: 'none' }, { below: 'lab/' }, { below: '', namesOnly: true }])
      expect(rig.platform.wished).toContainEqual(wish);
  }, 60_000);

  it.each([
    ['many', 1_001, 1, 'name 1001 secrets'],
    ['large', 17, 65_536, '1114112 bytes'],
  ])('takes no secrets into its memory that are too %s', async (_, count, bytes, sentence) => {
    rig.platform.managed = Array.from({ length: count }, (__, n) => [
      { key: `k${n}`, version: 1, value: 'x'.repeat(bytes) },
    ]);
    await rig.platform.order(aLeaseOrder('managed', 'true', { secrets: true }));
    expect(await rig.ended('managed')).toMatchObject({
      outcome: 'failure',
      cause: 'user',
      error: { code: 'FX-SECRETS', message: expect.stringContaining(sentence) },
    });
  });

  it('tells what the platform says of secrets that it does not grant', async () => {
    rig.platform.noSecrets = { code: 'FX-SECRETS', reason: 'They are too many' };
    await rig.platform.order(aLeaseOrder('refused', 'true', { secrets: true }));
    expect(await rig.ended('refused')).toMatchObject({
      cause: 'user',
      error: { code: 'FX-SECRETS', message: 'They are too many' },
    });
  });

  it('hands over secrets by grant alone', async () => {
    rig.platform.secrets['QARNOT_SECRET_K'] = 'hush';
    await rig.platform.order(
      aLeaseOrder('secret', 'sh -c "echo $QARNOT_SECRET_K ${KEY}"', {
        secretKeys: ['QARNOT_SECRET_K'],
        taskId: 'task-s',
        constants: [
          { key: 'DOCKER_CMD', value: 'sh -c "echo $QARNOT_SECRET_K $KEY"' },
          { key: 'KEY', value: '${QARNOT_SECRET_K}!' },
        ],
      }),
    );
    await rig.ended('secret');
    expect((await rig.platform.output('task-s', 0, 'stdout')).toString()).toBe('hush hush!\n');
    expect(rig.platform.grants).toBe(1);
  });

  it('stores 50 MB of output completely before it says that the instance ended, in bounded memory', async () => {
    const before = process.memoryUsage().rss;
    await rig.platform.order(aLeaseOrder('loud', `sh -c 'seq 1 6900000'`, { taskId: 'task-loud' }));
    let peak = 0;
    await eventually(
      () => {
        peak = Math.max(peak, process.memoryUsage().rss);
        return rig.platform.endOf('loud');
      },
      { timeoutMs: 60_000 },
    );
    expect((peak - before) / 1_048_576).toBeLessThan(250);
    const output = await rig.platform.output('task-loud', 0, 'stdout');
    expect(output.length).toBe(6_900_000 * 8 - (9 * 6 + 90 * 5 + 900 * 4 + 9_000 * 3 + 90_000 * 2 + 900_000));
    expect(output.subarray(-8).toString()).toBe('6900000\n');
  }, 90_000);

  it('carries on after the server was away, and loses no report', async () => {
    await rig.platform.order(aLeaseOrder('long', `sh -c 'echo one; sleep 1; echo two'`, { taskId: 'task-long' }));
    await eventually(() => rig.platform.kindsOf('long').includes('started'));
    await rig.nats.kill();
    await rig.nats.start();
    expect(await rig.ended('long', 30_000)).toMatchObject({ outcome: 'success' });
    expect((await rig.platform.output('task-long', 0, 'stdout')).toString()).toBe('one\ntwo\n');
    // A report whose acknowledgement died with the server comes again: repeats are normal, losses are not.
    expect([...new Set(rig.platform.kindsOf('long'))]).toEqual(['started', 'exited', 'ended']);
  }, 45_000);

  it('kills its instances when it is told to stop, and gives the leases back', async () => {
    await rig.platform.order(aLeaseOrder('stop', 'sleep 5815.5'));
    await eventually(() => running('5815.5') > 0);
    const began = performance.now();
    await rig.agent.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(running('5815.5')).toBe(0);
    expect(rig.platform.leaves).toEqual([1]);
    expect(rig.platform.endOf('stop')).toBeUndefined();
  });
});

it('blames the rig.platform, and stops the command, when its own side of an output breaks', async () => {
  const outputs: RunningInstance['stdout'][] = [];
  await rig.startAgent(10_000, (driver) => ({
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
    await rig.platform.order(
      aLeaseOrder('writes', `sh -c 'while :; do echo x; sleep 0.05; done'`),
      aLeaseOrder('deaf', `sh -c 'trap "" PIPE; while :; do echo x; sleep 0.05; done'`, { instance: 1 }),
    );
    await eventually(
      () => rig.platform.kindsOf('writes').includes('started') && rig.platform.kindsOf('deaf').includes('started'),
    );
    for (const output of outputs) output.destroy(new Error('EBADF: bad file descriptor, read'));
    for (const lease of ['writes', 'deaf'])
      expect(await rig.ended(lease)).toMatchObject({
        outcome: 'failure',
        cause: 'platform',
        error: { code: 'FX-OUTPUT' },
      });
  } finally {
    await rig.agent.close();
    await rig.platform.close();
  }
}, 45_000);

describe('an rig.agent without contact', () => {
  afterEach(async () => {
    await rig.agent.close();
    await rig.platform.close();
  });

  it('kills its instances at two thirds of the grace period and joins again as another boot', async () => {
    const allowedMs: number[] = [];
    await rig.startAgent(6_000, (driver) => ({
      probe: () => driver.probe(),
      allow: (forMs) => {
        allowedMs.push(forMs);
        driver.allow(forMs);
      },
      close: () => driver.close(),
      prepare: (spec) => driver.prepare(spec),
    }));
    // What the warden kills the agent must not hold any more: it would tell of a failure of the command.
    expect(allowedMs[0]).toBeGreaterThan((6_000 * 2) / 3);
    await rig.platform.order(aLeaseOrder('cut', 'sleep 6815.5'));
    await eventually(() => running('6815.5') > 0);
    await rig.nats.kill();
    await eventually(() => running('6815.5') === 0);
    await rig.nats.start();
    await eventually(() => rig.platform.joins.length === 2);
    expect(rig.platform.joins[1]?.bootId).not.toBe(rig.platform.joins[0]?.bootId);
    await rig.platform.order(aLeaseOrder('again', 'true', { nodeEpoch: 2 }));
    expect(await rig.ended('again')).toMatchObject({ outcome: 'success' });
    expect(rig.platform.kindsOf('cut')).not.toContain('exited');
    expect(rig.platform.kindsOf('cut')).not.toContain('ended');
  }, 45_000);

  it('kills its instances, and joins as another boot, when an older event log was accepted, which may not know them', async () => {
    await rig.startAgent(3_000);
    await rig.platform.order(aLeaseOrder('unknown', 'sleep 8815.5'));
    await eventually(() => running('8815.5') > 0);
    rig.platform.logAcceptedAt = 1_000;
    await eventually(() => rig.platform.joins.length === 2);
    expect(running('8815.5')).toBe(0);
    expect(rig.platform.joins[1]?.bootId).not.toBe(rig.platform.joins[0]?.bootId);
  }, 60_000);

  it('kills its instances when the platform is at another epoch', async () => {
    await rig.startAgent(6_000);
    await rig.platform.order(aLeaseOrder('old', 'sleep 7815.5'));
    await eventually(() => running('7815.5') > 0);
    rig.platform.epoch += 1;
    await eventually(() => running('7815.5') === 0);
  }, 60_000);
});
