import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LeaseOrder, SnapshotReport } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

type End = Exclude<SnapshotReport, { kind: 'progress' }>;

/** Writes the number of its step to each of many files, without an end. */
const STEPS = `
import os
n = 0
while True:
    n += 1
    for at in range(60):
        with open('next', 'w') as out: out.write(str(n))
        os.rename('next', 'f%02d' % at)
    if n == 3: open('up', 'w').close()
`;
/** As it, and writes its state and makes the file \`ready\` when it is told to, by a signal or by the file's absence. */
const ASKED = `
import os, signal, sys, time
asked = 'file' in sys.argv
def tell(*_):
    global asked
    asked = True
if 'signal' in sys.argv: signal.signal(signal.SIGUSR1, tell)
signal.signal(signal.SIGUSR2, lambda *_: open('after', 'w').write('x'))
n = 0
while True:
    n += 1
    time.sleep(0.002)
    if asked and not os.path.exists('ready'):
        asked = 'file' in sys.argv
        for name in ('f00', 'f01'):
            with open(name, 'w') as out: out.write(str(n))
        with open('made', 'w') as out: out.write(str(n))
        os.rename('made', 'ready')
    if n == 3: open('up', 'w').close()
`;

describe.each(await levelsHere())('the moment of a snapshot at level %s', (level) => {
  let rig: AgentRig;
  let number = 0;
  let lease = '';
  beforeAll(async () => {
    rig = await AgentRig.open(level);
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(async () => {
    await rig.startAgent();
    // File by file, as large ones are.
    rig.objects.refuses = (request) => (request.includes('fornax') ? [501, 'NotImplemented', 'not here'] : undefined);
    lease = `lease-${(number += 1)}`;
  }, 30_000);
  afterEach(async () => {
    rig.objects.refuses = undefined;
    rig.objects.arriving = undefined;
    await rig.closeAgent();
  });

  const inJob = (name: string): Promise<string | undefined> =>
    readFile(join(rig.workDir, 'instances', lease, 'job', name), 'utf8').catch(() => undefined);
  const run = async (
    command: string,
    constants: Readonly<Record<string, string>>,
    overrides: Partial<LeaseOrder> = {},
  ): Promise<void> => {
    const more = Object.entries(constants).map(([key, value]) => ({ key, value }));
    await rig.platform.order(
      aLeaseOrder(lease, '', {
        constants: [{ key: 'DOCKER_CMD', value: command }, ...more],
        ...overrides,
      }),
    );
    await eventually(async () => (await inJob('up')) !== undefined, { timeoutMs: 30_000 });
  };
  const runPython = async (program: string, constants: Readonly<Record<string, string>>, args = ''): Promise<void> => {
    rig.objects.objects.set('in/program.py', Buffer.from(program));
    await run(`python3 program.py ${args}`, constants, { resources: [{ bucket: 'in' }] });
  };
  const ask = (snapshotId: string): Promise<void> =>
    rig.platform.order({
      ...{ kind: 'snapshot', taskId: 'task-1', instance: 0, bucket: 'snaps', prefix: null },
      ...{ snapshotId, leaseId: lease, whitelist: null, blacklist: '^(up|next|made|program.py)$' },
    });
  const endOf = (snapshotId: string): Promise<End> =>
    eventually(
      () =>
        rig.platform.snapshotReports.find(
          (report): report is End => report.snapshotId === snapshotId && report.kind !== 'progress',
        ),
      { timeoutMs: 60_000 },
    );
  const snapshot = async (snapshotId: string): Promise<End> => {
    await ask(snapshotId);
    return endOf(snapshotId);
  };
  const stored = (): ReadonlyMap<string, string> =>
    new Map(
      [...rig.objects.objects].flatMap(([path, bytes]) =>
        path.startsWith('snaps/') ? [[path.slice('snaps/'.length), String(bytes)] as const] : [],
      ),
    );
  /** How far apart the steps of the files are that were stored. */
  const spread = (): number => {
    const steps = [...stored()].filter(([path]) => path.startsWith('f')).map(([, text]) => Number(text));
    expect(steps.length).toBeGreaterThan(1);
    return Math.max(...steps) - Math.min(...steps);
  };
  /** The storage takes its time: more files than it takes at once are read one after the other. */
  const slowly = (): void => {
    rig.objects.arriving = (request) =>
      request.includes('snaps/f') ? new Promise((resolve) => setTimeout(resolve, 100)) : undefined;
  };
  const goesOn = async (): Promise<void> => {
    const step = async (): Promise<number> => Number((await inJob('f00')) ?? 0);
    const before = await step();
    await eventually(async () => (await step()) > before);
  };

  it('is one moment for all files while its processes stand still, and many if they do not', async () => {
    slowly();
    await runPython(STEPS, { SNAPSHOT_FREEZE_SECONDS: '60' });
    const report = await snapshot('still');
    expect(report).toMatchObject({ kind: 'uploaded', files: 60 });
    expect(report).not.toHaveProperty('notes');
    // The file that is being written and those before it have the step, the others the one before.
    expect(spread()).toBeLessThanOrEqual(1);
    await goesOn();
    await rig.platform.order({ kind: 'cancel', leaseId: lease, taskId: 'task-1' });
    await rig.ended(lease);
    lease = 'moves';
    await runPython(STEPS, {});
    expect(await snapshot('moves')).toMatchObject({ kind: 'uploaded', files: 60 });
    expect(spread()).toBeGreaterThan(1);
  }, 120_000);

  it('ends by itself when the copy takes longer than it may, and says so', async () => {
    await runPython(STEPS, { SNAPSHOT_FREEZE_SECONDS: '1' });
    const step = await inJob('f00');
    rig.objects.arriving = (request) =>
      request.includes('snaps/f') ? eventually(async () => Number(await inJob('f00')) > Number(step) + 2) : undefined;
    expect(await snapshot('late')).toMatchObject({
      kind: 'uploaded',
      notes: expect.arrayContaining(['Its processes stood still for 1 s, and not until all files were copied']),
    });
    await goesOn();
  }, 90_000);

  it('does not keep an instance that stands still from being cancelled, nor one from being killed', async () => {
    for (const [how, end] of [
      ['cancelled', () => rig.platform.order({ kind: 'cancel', leaseId: lease, taskId: 'task-1' })],
      ['dropped', () => rig.platform.order({ kind: 'cancel', leaseId: lease, taskId: 'task-1', because: 'not-held' })],
    ] as const) {
      lease = how;
      const arrived = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      await runPython(STEPS, { SNAPSHOT_FREEZE_SECONDS: '600' });
      rig.objects.arriving = (request) => {
        if (!request.includes('snaps/f')) return undefined;
        arrived.resolve();
        return go.promise;
      };
      await ask(`of-${how}`);
      await arrived.promise;
      await end();
      if (how === 'cancelled') expect(await rig.ended(lease, 20_000)).toMatchObject({ outcome: 'cancelled' });
      await eventually(async () => (await inJob('up')) === undefined);
      go.resolve();
    }
  }, 120_000);

  it.each([
    ['by a signal', 'signal', { SNAPSHOT_SIGNAL: 'USR1', SNAPSHOT_SIGNAL_AFTER: 'USR2' }],
    ['by the absence of the file', 'file', {}],
    ['by a signal, and then stands still', 'signal', { SNAPSHOT_SIGNAL: 'USR1', SNAPSHOT_FREEZE_SECONDS: '60' }],
  ])(
    'is when its program has made its file, told %s, also of two at once',
    async (_, args, constants) => {
      await runPython(ASKED, { ...constants, SNAPSHOT_READY_FILE: 'ready', SNAPSHOT_READY_SECONDS: '60' }, args);
      await Promise.all([ask('one'), ask('two')]);
      for (const id of ['one', 'two']) {
        const report = await endOf(id);
        expect(report).toMatchObject({ kind: 'uploaded' });
        expect(report).not.toHaveProperty('notes');
      }
      expect(spread()).toBe(0);
      expect([...stored().keys()]).not.toContain('ready');
      if ('SNAPSHOT_SIGNAL_AFTER' in constants) await eventually(async () => (await inJob('after')) === 'x');
    },
    90_000,
  );

  it.each([
    ['handles no signal', 'exec sleep 600', /^None of its processes handles the signal USR1: none was told$/],
    ['ignores it', "trap '' USR1; while :; do sleep 1; done", /^None of its processes handles the signal USR1/],
    ['makes nothing', 'exec sleep 600', /^Its program was not ready: it did not make the file ready within 1 s\. The/],
    ['made a link before', 'exec sleep 600', /: it did not make the file ready within 1 s\./],
    ['makes a pipe', 'while :; do mkfifo ready; done 2>&-', /: ready is no file, but a link, a folder/],
    [
      'makes a folder',
      'until mkdir ready 2>&-; do :; done; exec sleep 600',
      /: ready is no file, but a link, a folder/,
    ],
    ['turns links', 'while :; do ln -sf /etc/passwd ready; done', /: ready is no file, but a link, a folder/],
  ])(
    'is told of when its program %s, and nothing of the machine is taken',
    async (_, script, note) => {
      const constants = { SNAPSHOT_SIGNAL: 'USR1', SNAPSHOT_READY_FILE: 'ready', SNAPSHOT_READY_SECONDS: '1' };
      await run(`sh -c "echo x > f00; ln -s /etc/passwd ready; touch up; ${script}"`, constants);
      expect(await snapshot('note')).toMatchObject({
        kind: 'uploaded',
        notes: expect.arrayContaining([expect.stringMatching(note)]),
      });
      expect([...stored().keys()].filter((path) => path !== 'ready/')).toEqual(['f00']);
      expect(rig.platform.kindsOf(lease)).toEqual(['started']);
    },
    90_000,
  );

  it('fails the snapshot alone when its task wants that of a program which is not ready', async () => {
    const constants = { SNAPSHOT_READY_FILE: 'ready', SNAPSHOT_READY_SECONDS: '1', SNAPSHOT_IF_NOT_READY: 'fail' };
    await run('sh -c "echo x > f00; touch up; exec sleep 600"', constants);
    expect(await snapshot('none')).toEqual({
      ...{ kind: 'failed', snapshotId: 'none', leaseId: lease },
      reason: 'its program was not ready: it did not make the file ready within 1 s',
    });
    expect([...stored().keys()]).toEqual([]);
    expect(rig.platform.kindsOf(lease)).toEqual(['started']);
  }, 90_000);

  it('tells no secret that its ready file is named by', async () => {
    rig.platform.secrets['QARNOT_SECRET_NAME'] = 'secret-name';
    const constants = { SNAPSHOT_READY_FILE: '${QARNOT_SECRET_NAME}', SNAPSHOT_READY_SECONDS: '1' };
    await run('sh -c "echo x > f00; touch up; exec sleep 600"', constants, { secretKeys: ['QARNOT_SECRET_NAME'] });
    expect(await snapshot('named')).toMatchObject({
      kind: 'uploaded',
      notes: [expect.stringContaining('it did not make the file [SECRET] within 1 s')],
    });
  }, 90_000);

  it('is not waited for once the command is over', async () => {
    await run('sh -c "echo x > f00; touch up; until [ -e go ]; do sleep 0.02; done"', {
      ...{ SNAPSHOT_READY_FILE: 'ready', SNAPSHOT_READY_SECONDS: '600', SNAPSHOT_IF_NOT_READY: 'fail' },
    });
    await ask('over');
    await rig.platform.order({ kind: 'cancel', leaseId: lease, taskId: 'task-1' });
    expect(await rig.ended(lease)).toMatchObject({ outcome: 'cancelled' });
    expect(await endOf('over')).toMatchObject({ kind: 'failed', reason: 'the instance does not run any more' });
  }, 90_000);

  it('is named by constants that the node reads, where they hold references', async () => {
    await rig.platform.order(
      aLeaseOrder(lease, '', {
        constants: [
          { key: 'DOCKER_CMD', value: 'true' },
          { key: 'WHICH', value: 'KILL' },
          { key: 'SNAPSHOT_SIGNAL', value: '${WHICH}' },
        ],
      }),
    );
    expect(await rig.ended(lease)).toMatchObject({
      outcome: 'failure',
      cause: 'user',
      error: { code: 'FX-CONSTANT', message: 'The constant SNAPSHOT_SIGNAL must be USR1, USR2 or HUP.' },
    });
  }, 60_000);
});
