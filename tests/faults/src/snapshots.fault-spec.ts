import { eventually } from '@fornax/testing';
import type { WireSnapshotSummary } from '@fornax/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { auditFaults, projectionFaults, taskFaults } from './invariants.js';
import { kill, type Typed } from './nemesis/fault.js';
import { s3Of } from './nemesis/s3-of.js';
import type { Fate } from './nemesis/s3-relay.js';
import { signal } from './processes.js';
import { SnapshotBed, type SnapshotTask } from './testbed/snapshot-bed.js';
import { call } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const isLong = process.env['FORNAX_FAULT_LONG'] === '1';
const INSTANCES = 2;
const SETTINGS = {
  FORNAX_SERVICES: '1',
  FORNAX_NODES: String(INSTANCES),
  FORNAX_NODE_CORES: '1',
  FORNAX_SNAPSHOT_MIN_INTERVAL_S: '1',
};

/** Where a node stands with its part of a snapshot: what of its requests is not answered. */
interface Step {
  readonly name: string;
  readonly method: string;
  readonly path: RegExp;
  readonly fate: Fate;
  /** How many of these there are. */
  readonly times: number;
}

const STEPS = [
  { name: 'while files are sent', method: 'PUT', path: /\/big-0$/, fate: 'hold', times: 1 },
  { name: 'after the last file', method: 'POST', path: /\?fornax-copies/, fate: 'hold', times: INSTANCES },
  { name: 'before the lists of files', method: 'PUT', path: /^\/\.manifests\//, fate: 'hold', times: INSTANCES },
  { name: 'after the lists', method: 'PUT', path: /^\/\.manifests\//, fate: 'hold the answer', times: INSTANCES },
] as const satisfies readonly Step[];
type Moment = 'before its orders are followed' | (typeof STEPS)[number]['name'] | 'when it is complete';
const MOMENTS: readonly Moment[] = [
  'before its orders are followed',
  ...STEPS.map(({ name }) => name),
  'when it is complete',
];
const SERVERS = ['storage', 'snapshot', 'postgres'] as const;
/** What the service says of a lease that is over, or the agent that was started again and has the order still. */
const LOST = /ended before its files|does not run any more/;
type Victim = 'node' | (typeof SERVERS)[number];
const VICTIMS: readonly Victim[] = ['node', ...SERVERS];
/** In the short form each moment once with a node, and once with a server. */
const ROUNDS = MOMENTS.flatMap((moment, at) =>
  VICTIMS.filter((victim) => isLong || victim === 'node' || victim === SERVERS[at % SERVERS.length]).map((victim) => ({
    moment,
    victim,
  })),
);

describe(`snapshots of two instances on two nodes, and kill -9 at each step (seed ${seed})`, () => {
  let snapshots: SnapshotBed;
  let task: SnapshotTask;
  let attempts = 1;

  beforeAll(async () => {
    snapshots = await SnapshotBed.open({ seed, env: SETTINGS, hasClocks: true });
    task = await snapshots.submit('killed-snapshots', INSTANCES, { snapshotRetention: { last: 5 } });
    await snapshots.takeWhole(task);
  });
  beforeEach(() => snapshots.bed.note(expect.getState().currentTestName ?? ''));
  afterAll(() => snapshots?.close());

  /** Has a snapshot come to a moment, and kills. @returns the snapshot's id */
  const strike = async (moment: Moment, part: string): Promise<string> => {
    const { bed, relay } = snapshots;
    const step = STEPS.find(({ name }) => name === moment);
    if (step) {
      relay.decide((method, path) => (method === step.method && step.path.test(path) ? step.fate : 'hand on'));
      const id = await snapshots.take(task);
      await eventually(() => relay.kept >= step.times, { timeoutMs: 60_000 });
      await kill(part).inject(bed);
      relay.heal();
      return id;
    }
    if (moment === 'when it is complete') {
      const { id } = await snapshots.takeWhole(task);
      await kill(part).inject(bed);
      return id;
    }
    const nodes = await Promise.all(['node-1', 'node-2'].map((name) => bed.pid(name)));
    for (const pid of nodes) signal(pid, 'SIGSTOP');
    try {
      const id = await snapshots.take(task);
      await kill(part).inject(bed);
      return id;
    } finally {
      for (const pid of nodes) signal(pid, 'SIGCONT');
    }
  };

  it.each(ROUNDS)('$moment, $victim: one is whole or nothing', async ({ moment, victim }) => {
    const part = victim === 'node' ? await snapshots.nodeOf(task, 0) : victim;
    const id = await strike(moment, part);
    if (victim === 'node') attempts += 1;
    const end = await snapshots.ended(task, id);
    const isLost = victim === 'node' && moment !== 'when it is complete';
    expect([end.status, end.reason]).toEqual(isLost ? ['failure', expect.stringMatching(LOST)] : ['success', null]);
    expect(await snapshots.faultsOf(isLost ? await snapshots.takeWhole(task) : end)).toEqual([]);
    if (victim !== 'node') return;
    const began = await snapshots.begun(task, 0, attempts);
    if (isLost) {
      expect(began).toMatch('snap_');
      expect(began).not.toBe(id);
    } else expect(began).toBe(id);
  });

  describe('that are periodic', () => {
    beforeAll(() => snapshots.plan(task, 1));
    afterAll(() => snapshots.plan(task, 0));

    it.each(['snapshot', 'postgres'])('go on after kill -9 of %s', async (part) => {
      const [before] = await snapshots.list(task);
      await kill(part).inject(snapshots.bed);
      const next = await snapshots.completeAfter(task, before?.id ?? '');
      expect(await snapshots.faultsOf(next)).toEqual([]);
    });

    it.each([
      { name: 'forward', hours: 3 },
      { name: 'back', hours: -3 },
    ])('go on, and no more often, when the clock of what triggers them is set $name', async ({ hours }) => {
      const { bed } = snapshots;
      const [before] = await snapshots.list(task);
      const since = performance.now();
      await bed.moveClock('snapshot', hours * 3_600_000);
      try {
        for (let id = before?.id ?? '', more = 0; more < 3; more += 1)
          ({ id } = await snapshots.completeAfter(task, id));
      } finally {
        await bed.moveClock('snapshot', 0);
      }
      const all = await snapshots.list(task);
      const dates = all
        .slice(
          0,
          all.findIndex(({ id }) => id === before?.id),
        )
        .map(({ dueDate }) => dueDate);
      expect(new Set(dates).size).toBe(dates.length);
      // What is due comes at twice the pace at most (CautiousClock).
      expect(dates.length).toBeLessThanOrEqual((2 * (performance.now() - since)) / 1_000 + 2);
      await snapshots.completeAfter(task, all[0]?.id ?? '');
    });
  });

  it('keep nobody from ending: the task is over, billed once for each attempt, though its last snapshot is cut off', async () => {
    const { bed, relay } = snapshots;
    relay.decide((_, path) => (path.startsWith('/.manifests/') ? 'hold' : 'hand on'));
    await snapshots.take(task);
    await eventually(() => relay.kept >= INSTANCES, { timeoutMs: 60_000 });
    bed.recorder.release(task.key);
    await kill('snapshot').inject(bed);
    await kill('storage').inject(bed);
    relay.heal();
    expect(await taskFaults(bed.platform, [task])).toEqual([]);
  });

  it('leave nothing but those that are complete and kept, counted once', async () => {
    await eventually(
      async () => {
        const { stored, complete } = await snapshots.kept(task);
        return complete > 0 && stored === complete;
      },
      { timeoutMs: 60_000 },
    ).catch(async (cause: unknown) => {
      throw new Error(JSON.stringify(await snapshots.kept(task)), { cause });
    });
    const { platform } = snapshots.bed;
    expect(await call(platform, 'POST', '/fornax/v1/buckets/usage/reconcile')).toMatchObject({ differences: [] });
  });

  describe('into a bucket that', () => {
    let other: SnapshotTask;
    beforeAll(async () => {
      // It may hold all cores still, where a test before has failed.
      snapshots.bed.recorder.release(task.key);
      other = await snapshots.submit('no-room', 1);
    });

    /** Asks for one, and does something while its first large file is not answered. @returns the snapshot, once it is over */
    const during = async (
      step: Step['name'],
      bucket: string,
      work: () => Promise<unknown>,
    ): Promise<WireSnapshotSummary> => {
      const { relay } = snapshots;
      const { method, path, fate } = STEPS.find(({ name }) => name === step) ?? STEPS[0];
      relay.decide((asked, where) => (asked === method && path.test(where) ? fate : 'hand on'));
      const id = await snapshots.take(other, { bucket });
      await eventually(() => relay.kept > 0, { timeoutMs: 60_000 });
      await work();
      relay.heal();
      return snapshots.ended(other, id);
    };
    /** The next one is whole, and nothing is kept but it and those before. */
    const goesOn = async (failed: WireSnapshotSummary, bucket: string): Promise<void> => {
      const next = await snapshots.takeWhole(other, { bucket });
      expect(await snapshots.faultsOf(next)).toEqual([]);
      await eventually(
        async () => {
          const { stored, complete } = await snapshots.kept(other);
          return stored === complete;
        },
        { timeoutMs: 60_000 },
      );
      expect((await snapshots.list(other)).find((one) => one.id === failed.id)).toMatchObject({ status: 'failure' });
    };

    it('is deleted before a file is sent: it fails, and says why', async () => {
      const s3 = s3Of(snapshots.bed);
      try {
        const end = await during('while files are sent', 'soon-gone', () => s3.deleteBucket('soon-gone'));
        expect(end).toMatchObject({ status: 'failure', reason: expect.stringContaining('soon-gone') });
        await goesOn(end, 'no-room');
      } finally {
        s3.close();
      }
    });

    it('is deleted when all files are laid out, and made again: it fails, and nothing is in the new one', async () => {
      const s3 = s3Of(snapshots.bed);
      try {
        const end = await during('before the lists of files', 'made-again', async () => {
          await s3.deleteBucket('made-again');
          await s3.createBucket('made-again');
        });
        expect(end).toMatchObject({ status: 'failure', reason: expect.stringContaining('made-again') });
        expect(await s3.listObjects('made-again')).toEqual([]);
        await goesOn(end, 'made-again');
      } finally {
        s3.close();
      }
    });

    it('has no room half-way: it fails, says whose quota it was, and takes up none', async () => {
      const { bed } = snapshots;
      const { AWS_ACCESS_KEY_ID: owner = '' } = bed.platform.clientEnv;
      const { stored } = await snapshots.held();
      const quota = (bytes: string): Promise<Typed> => bed.fornax('quota', 'set', owner, '--storage-bytes', bytes);
      const before = await snapshots.kept(other);
      // For the files once, and not for what they are laid out for.
      expect((await quota(String(stored + 1_800_000))).code).toBe(0);
      const end = await during('while files are sent', 'no-room', async () => undefined);
      expect(end).toMatchObject({ status: 'failure', reason: expect.stringMatching(/quota/i) });
      await eventually(async () => (await snapshots.kept(other)).stored === before.stored, { timeoutMs: 60_000 });
      expect((await quota('1000000000000')).code).toBe(0);
      await goesOn(end, 'no-room');
    });

    it('lets its task end', async () => {
      snapshots.bed.recorder.release(other.key);
      expect(await taskFaults(snapshots.bed.platform, [other])).toEqual([]);
    });
  });

  it('leave a log and projections without a fault', async () => {
    expect(await auditFaults(snapshots.bed.platform)).toEqual([]);
    expect(await projectionFaults(snapshots.bed.platform)).toEqual([]);
  });
});
