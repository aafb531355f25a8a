import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient, type WireLogArchive } from '@fornax/client';
import { LEFT_ID, RPC, eventSubject } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { auditFaults, projectionFaults, taskFaults } from './invariants.js';
import { signal } from './processes.js';
import { takeOut } from './testbed/take-out.js';
import { heardOn, type Sight } from './testbed/sights.js';
import { Testbed } from './testbed/testbed.js';
import { type Acknowledged, call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const isLong = process.env['FORNAX_FAULT_LONG'] === '1';
const PATIENT = { timeoutMs: 120_000 };
const SLOW_MS = 400_000;
const TASKS = 24;
const PURGED = '$JS.API.STREAM.PURGE.FORNAX_EVENTS';

const SAID = 'fx.ev.log-archive.left';
const GRACE_S = 37;

/** One after the other, and each such row waits once for what is left to be gone. In the short form the first one. */
const KILLS = [
  [
    ['storage', 'when it says so to the log', SAID],
    ['everything', 'when whoever owns the streams is told to take it out', PURGED],
  ],
  [
    ['storage', 'when it asks for it', 'fx.leave'],
    ['storage', 'when it is taken out', PURGED],
  ],
  [
    ['everything', 'when it is said to the log', SAID],
    ['nats', 'when it is told to take it out', PURGED],
  ],
] as const;

describe(`a platform whose finished tasks leave the log (seed ${seed})`, () => {
  const tasks: Acknowledged[] = [];
  /** Read again at each start: the rule is switched on by one. */
  const env: Record<string, string> = {
    FORNAX_SERVICES: '1',
    FORNAX_LOG_ARCHIVE_AFTER_MS: '300',
    FORNAX_LOG_ARCHIVE_SEGMENT_BYTES: '20000',
    FORNAX_LOG_ARCHIVE_LEADER_TTL_MS: '500',
    FORNAX_LOG_RETENTION: 'off',
    FORNAX_LOG_RETENTION_GRACE_S: String(GRACE_S),
  };
  let bed: Testbed;
  let failed: string;
  let before: Awaited<ReturnType<typeof answers>>;

  const client = (): FornaxClient => new FornaxClient({ url: bed.platform.apiUrl, token: bed.platform.token });
  const submitSome = async (count: number): Promise<void> => {
    const begun = Array.from({ length: count }, async (_, n) => {
      const key = `leaves-${seed}-${tasks.length + n}`;
      return { uuid: await bed.insistOn({ key, instances: 1, lastsMs: 20 }), key, instances: 1 };
    });
    tasks.push(...(await Promise.all(begun)));
    expect(await taskFaults(bed.platform, tasks)).toEqual([]);
  };

  /** What people are told of the first tasks. */
  const answers = async () => {
    const told = [];
    for (const { uuid } of tasks.slice(0, TASKS)) {
      const events = await Array.fromAsync(client().history.events(uuid));
      const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
      told.push({
        events,
        task: await client().getTask(uuid),
        then: await client().history.taskAsOf(uuid, String(middle)),
        bill: await call(bed.platform, 'GET', `/fornax/v1/billing/tasks/${uuid}/lines`),
      });
    }
    // When it was asked is in the answers.
    return JSON.parse(JSON.stringify(told), (name, value: unknown) =>
      name === 'timestamp' ? 'now' : value,
    ) as typeof told;
  };
  const archive = (): Promise<WireLogArchive> => insist(() => client().log.archive(), 'the archive tells its state');
  const lastOf = (told: typeof before): number =>
    Math.max(...told.flatMap(({ events }) => events.map(({ sequence }) => sequence)));
  /** Until everything up to a sequence is read from the archive alone. */
  const gone = (sequence: number): Promise<WireLogArchive> =>
    eventually(async () => {
      const state = await archive();
      if (state.first > sequence && state.first === state.left + 1) return state;
      throw new Error(`up to ${sequence} is to leave: ${JSON.stringify(state)}`);
    }, PATIENT);
  const expectSound = async (): Promise<void> => {
    expect(await answers()).toEqual(before);
    expect(await taskFaults(bed.platform, tasks)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
    expect(await auditFaults(bed.platform)).toEqual([]);
    for (const words of [
      ['log', 'verify'],
      ['log', 'verify', '--statement', statement()],
      ['log', 'audit'],
      ['billing', 'audit'],
      ['log', 'status'],
    ] as const)
      expect(await bed.fornax(...words)).toMatchObject({ code: 0 });
  };
  /** A statement of before anything has left. */
  const statement = (): string => join(bed.dataDir, 'statement.json');
  const writeStatement = async (): Promise<void> => {
    const year = new Date().getUTCFullYear();
    const wish = { from: `${year}-01`, to: `${year + 1}-01`, groupBy: 'project,user' } as const;
    await writeFile(statement(), JSON.stringify(await client().billing.statement(wish)));
  };
  const heard = (subject: string): Promise<Sight> => heardOn(bed, subject);

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env });
    await submitSome(TASKS);
    failed = await bed.insistOn({ key: 'fails', instances: 1, lastsMs: 20, script: 'exit 3' });
    await client().waitForTask(failed);
    before = await answers();
    await writeStatement();
  }, SLOW_MS);
  afterAll(() => bed.close(), SLOW_MS);

  it(
    'answers as before once it is switched on and they have left, and folds all read models from what has',
    async () => {
      expect(await archive()).toMatchObject({ left: 0, first: 1, retentionMs: null });
      env['FORNAX_LOG_RETENTION'] = '1s';
      await bed.restart({ ends: 'in order', awaits: 'ready' });
      const last = lastOf(before);
      // A part leaves once it is worth a commit.
      await submitSome(TASKS);
      const { kept, head } = await gone(last);
      expect(kept).toBeLessThan(head - last + 1);
      await expectSound();
      for (const { name } of await client().projections.list())
        expect(await bed.fornax('projection', 'rebuild', name)).toMatchObject({ code: 0 });
      await expectSound();
      const said = await bed.fornax('log', 'status');
      expect(said.output).toMatch(/left +up to \d+, read from the archive/);
      expect(said.output).toMatch(/leaves +what is older than 1 seconds/);
    },
    SLOW_MS,
  );

  it(
    'repeats a task that has left',
    async () => {
      const [first] = tasks;
      const cloned = await client().repeatTask(first?.uuid ?? '', 'clone');
      expect((await client().waitForTask(cloned)).state).toBe('Success');
      const again = await client().repeatTask(failed, 'retry');
      expect((await client().waitForTask(again)).state).toBe('Failure');
      expect((await client().getTask(failed)).state).toBe('Failure');
    },
    SLOW_MS,
  );

  it.each(
    KILLS.slice(0, isLong ? undefined : 1).map(
      (kills) => [kills.map((words) => words.slice(0, 2).join(' ')).join(', and '), kills] as const,
    ),
  )(
    'loses nothing when a kill takes %s',
    async (_, kills) => {
      const { head } = await archive();
      for (const [part, , subject] of kills) {
        const sight = await heard(subject);
        await submitSome(TASKS);
        await sight.seen;
        if (part === 'everything') await bed.powerCut();
        else expect(signal(await bed.pid(part), 'SIGKILL')).toBe(true);
        await sight.stop().catch(() => undefined);
        await bed.untilReady();
      }
      await gone(head);
      await expectSound();
    },
    SLOW_MS,
  );

  it(
    'takes out nothing that was not compared since, and takes no task twice, where whoever does stood still for the whole grace',
    async () => {
      const before = (await archive()).left;
      await submitSome(TASKS);
      const { left, first } = await eventually(async () => {
        const state = await archive();
        return state.left > before && state;
      }, PATIENT);
      const [known] = tasks.filter(({ key }) => key.startsWith('leaves-'));
      const still = [bed.platform.launcherPid, await bed.pid('submission')];
      // Decided before it stands still, or on the way there.
      const again = bed.insistOn({ key: known?.key ?? '', instances: 1, lastsMs: 20 });
      for (const pid of still) expect(signal(pid, 'SIGSTOP')).toBe(true);
      const [order, sights] = [[] as string[], await Promise.all([heard(RPC.leftMessages), heard(PURGED)])];
      // What is tested is that time goes by.
      await new Promise((resolve) => setTimeout(resolve, (GRACE_S + 1) * 1_000));
      expect((await archive()).first).toBe(first);
      void sights[0].seen.then(() => order.push('compared'));
      void sights[1].seen.then(() => order.push('purged'));
      for (const pid of still) expect(signal(pid, 'SIGCONT')).toBe(true);
      expect(await again).toBe(known?.uuid);
      await gone(left);
      await Promise.all(sights.map((sight) => sight.stop()));
      expect(order).toEqual(['compared', 'purged']);
      await expectSound();
    },
    SLOW_MS,
  );

  it(
    'says that its archive is away when it starts, and goes on as soon as that is back',
    async () => {
      const objects = join(bed.dataDir, 'objects');
      await bed.restart({ ends: 'in order', change: () => rename(objects, `${objects}.away`), awaits: 'answers' });
      await bed.untilSaid(/objects is gone/);
      await rm(objects, { recursive: true, force: true });
      await rename(`${objects}.away`, objects);
      await bed.untilReady();
      await expectSound();
    },
    SLOW_MS,
  );

  it(
    'is put back from its archive when it has lost the commit that says what has left',
    async () => {
      const { left } = await archive();
      await takeOut(bed, eventSubject('log-archive', LEFT_ID));
      await eventually(async () => (await bed.fornax('log', 'verify')).code !== 0, PATIENT);
      const lose = (): Promise<void> => rm(join(bed.dataDir, 'nats'), { recursive: true });
      await bed.restart({ ends: 'in order', change: lose, awaits: 'answers' });
      await eventually(
        async () => !(await insist(() => client().log.state(), 'the log tells its state')).isRight,
        PATIENT,
      );
      await eventually(async () => (await bed.fornax('log', 'restore')).code === 0, PATIENT);
      await bed.untilReady();
      expect((await archive()).left).toBeGreaterThanOrEqual(left);
      await expectSound();
    },
    SLOW_MS,
  );

  it(
    'is known to be damaged where something is missing that has not left, which stays from then on',
    async () => {
      const uuid = await bed.insistOn({ key: 'lost', instances: 1, lastsMs: 20 });
      await client().waitForTask(uuid);
      const lost = (await Array.fromAsync(client().history.events(uuid))).map(({ sequence }) => sequence);
      const { left } = await archive();
      expect(left).toBeLessThan(Math.min(...lost));
      await takeOut(bed, eventSubject('task', uuid));
      const verified = await eventually(async () => {
        const typed = await bed.fornax('log', 'verify');
        return typed.code !== 0 && typed;
      }, PATIENT);
      for (const sequence of lost) expect(isNamed(verified.output, sequence)).toBe(true);
      expect(isNamed(verified.output, left)).toBe(false);
      expect((await archive()).first).toBeLessThanOrEqual(Math.min(...lost));
    },
    SLOW_MS,
  );
});

/** Whether what `fornax log verify` prints names a gap that a sequence lies in. */
const isNamed = (printed: string, sequence: number): boolean =>
  [...printed.matchAll(/^gap-(\d+)-(\d+) /gm)].some(
    ([, from, through]) => Number(from) <= sequence && sequence <= Number(through),
  );
