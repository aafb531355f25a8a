import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '@fornax/testing';
import { kill } from './nemesis/fault.js';
import { leavesASoundLog } from './testbed/sound-log.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const LAYERS = 8;
const WIDTH = 25;
const ENDS_MS = 240_000;

interface Graph {
  readonly tasks: readonly { readonly uuid: string; readonly name: string; readonly state: string }[];
  readonly dependencies: readonly { readonly from: string; readonly to: string; readonly state: string }[];
}
interface Line {
  readonly instance: number;
  readonly attempt: number;
  readonly startedAt: string;
  readonly endedAt: string;
}

/** Each task waits for three of the layer before; the last one is an array that waits for another one instance by instance. */
const document = (name: string): object => ({
  name,
  tasks: [
    ...Array.from({ length: LAYERS * WIDTH }, (_, at) => {
      const [layer, place] = [Math.floor(at / WIDTH), at % WIDTH];
      const after = [0, 1, 7].map((step) => `t${(layer - 1) * WIDTH + ((place + step) % WIDTH)}`);
      return { name: `t${at}`, command: 'true', ...(layer === 0 ? {} : { after }) };
    }),
    { name: 'first', command: 'true', instanceCount: WIDTH },
    { name: 'second', command: 'true', instanceCount: WIDTH, maxParallel: 3, after: [{ task: 'first', each: true }] },
  ],
});
const TASKS = LAYERS * WIDTH + 2;

const LARGE = 1_500;
/** More tasks than there is room for, none of which ends by itself. */
const endless = (name: string): object => ({
  name,
  tasks: Array.from({ length: LARGE }, (_, at) => ({ name: `t${at}`, command: 'sleep 1000' })),
});

describe(`kill -9 of the platform with jobs under way (seed ${seed})`, () => {
  let bed: Testbed;

  /** Sends a document under a key until it is answered, as a client that wants it done. @returns the job's id */
  const insistOn = (name: string, body = document(name)): Promise<string> =>
    insist(async () => {
      const response = await fetch(`${bed.platform.apiUrl}/fornax/v1/jobs`, {
        method: 'POST',
        headers: { authorization: bed.platform.token, 'content-type': 'application/json', 'idempotency-key': name },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return ((await response.json()) as { readonly uuid: string }).uuid;
    }, `submit ${name}`);

  const graphOf = (job: string): Promise<Graph> =>
    insist(() => call<Graph>(bed.platform, 'GET', `/fornax/v1/jobs/${job}/graph`), 'read the graph');

  const until = (job: string, count: number): Promise<Graph> =>
    insist(
      async () => {
        const graph = await graphOf(job);
        const ended = graph.tasks.filter(({ state }) => state === 'Success').length;
        if (ended < count) throw new Error(`${ended} of ${count} tasks have ended`);
        return graph;
      },
      `${count} tasks of a job have ended`,
      ENDS_MS,
    );

  /** What is wrong with a job that is over: tasks that are not there or twice, instances that ran twice, or before what they wait for had ended. */
  const faultsOf = async (job: string): Promise<readonly string[]> => {
    const { tasks, dependencies } = await until(job, TASKS);
    const faults: string[] = tasks.length === TASKS ? [] : [`${tasks.length} tasks, not ${TASKS}`];
    const lines = new Map<string, readonly Line[]>();
    for (const { uuid, name } of tasks) {
      const path = `/fornax/v1/billing/tasks/${uuid}/lines`;
      const count = name === 'first' || name === 'second' ? WIDTH : 1;
      const own = await insist(async () => {
        const answer = await call<{ readonly lines: readonly Line[] }>(bed.platform, 'GET', path);
        if (answer.lines.length < count) throw new Error(`${answer.lines.length} lines`);
        return answer.lines;
      }, 'read the ledger');
      if (own.length !== count) faults.push(`${name} ran ${own.length} times, not ${count}`);
      lines.set(uuid, own);
    }
    const names = new Map(tasks.map(({ uuid, name }) => [uuid, name]));
    for (const { from, to, state } of dependencies) {
      if (state !== 'dependencyConditionsFulfilled') faults.push(`${names.get(to)} after ${names.get(from)}: ${state}`);
      const isEach = names.get(to) === 'second';
      for (const { instance, startedAt } of lines.get(to) ?? [])
        for (const before of lines.get(from) ?? [])
          if ((!isEach || before.instance === instance) && Date.parse(startedAt) < Date.parse(before.endedAt))
            faults.push(`${names.get(to)}/${instance} started before ${names.get(from)} had ended`);
    }
    return faults;
  };

  const pause = (ms: readonly [number, number]): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, between(bed.random, ms)));

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_NODE_CORES: '16' } });
  });

  afterAll(() => bed.close());

  // The moments are part of the seed: while it is checked, staged, decided, or taken to the log.
  it.each([
    ['at first', [20, 200]],
    ['in the middle', [200, 700]],
    ['at last', [700, 1_500]],
  ] as const)('while one is created, %s: it is there once, with all of its tasks', async (name, moment) => {
    const created = insistOn(name);
    await pause(moment);
    await kill('platform').inject(bed);
    const job = await created;
    expect(await insistOn(name)).toBe(job);
    expect(await faultsOf(job)).toEqual([]);
  });

  it('between the end of a layer and the start of the next: nothing starts early, twice or never', async () => {
    const job = await insistOn('layers');
    for (const part of [1, 2, 3]) {
      await until(job, Math.floor((part * TASKS) / 4));
      await pause([0, 50]);
      await kill('platform').inject(bed);
    }
    expect(await faultsOf(job)).toEqual([]);
  });

  it('while the tasks of a large one are deleted behind the answer: all of them go, and then it does', async () => {
    const job = await insistOn('large', endless('large'));
    const left = (): Promise<number> =>
      insist(async () => {
        const jobs = await call<readonly { readonly uuid: string }[]>(bed.platform, 'GET', '/jobs');
        if (!jobs.some(({ uuid }) => uuid === job)) return -1;
        const { fornax } = await call<{ readonly fornax: { readonly taskCount: number } }>(
          bed.platform,
          'GET',
          `/jobs/${job}`,
        );
        return fornax.taskCount;
      }, 'read how many tasks are left');
    const untilLeft = (most: number): Promise<void> =>
      insist(async () => {
        const now = await left();
        if (now > most) throw new Error(`${now} tasks are left`);
      }, `${most} tasks are left`);
    await insist(() => call(bed.platform, 'DELETE', `/jobs/${job}?force=true`), 'delete the job');
    for (const part of [1, 0.7, 0.3]) {
      await untilLeft(LARGE * part);
      await pause([0, 200]);
      await kill('platform').inject(bed);
    }
    await untilLeft(-1);
    const tasks = await call<readonly { readonly jobUuid: string | null }[]>(bed.platform, 'GET', '/tasks');
    expect(tasks.filter(({ jobUuid }) => jobUuid === job)).toEqual([]);
  });

  it('is over with the jobs that were not deleted', async () => {
    const jobs = await call<readonly { readonly name: string }[]>(bed.platform, 'GET', '/jobs');
    expect(jobs.map(({ name }) => name).toSorted()).toEqual(['at first', 'at last', 'in the middle', 'layers']);
  });

  leavesASoundLog(() => bed);
});
