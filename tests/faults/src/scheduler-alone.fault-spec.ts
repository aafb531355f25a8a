import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '@fornax/testing';
import { kill } from './nemesis/fault.js';
import { foldersOnNode, leasesInLog, untilGone, untilSleeping, untilState } from './testbed/slots.js';
import { leavesASoundLog } from './testbed/sound-log.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const LAYERS = 12;
const WIDTH = 6;
const SLOTS = 3;
const ENDS_MS = 120_000;
/** Seconds that an instance sleeps: no other process sleeps as long. */
const WORK = `3.${process.pid}`;

interface Named {
  readonly uuid: string;
}
interface Graph {
  readonly tasks: readonly { readonly state: string }[];
}
/** Every task of a layer waits for two of the layer before. */
const layered = {
  name: 'layers',
  tasks: Array.from({ length: LAYERS * WIDTH }, (_, at) => {
    const [layer, place] = [Math.floor(at / WIDTH), at % WIDTH];
    const after = [0, 1].map((step) => `t${(layer - 1) * WIDTH + ((place + step) % WIDTH)}`);
    return { name: `t${at}`, command: 'true', ...(layer === 0 ? {} : { after }) };
  }),
};

/** The other services, the log and the nodes go on: what the scheduler had decided, and had not told anybody yet, is left to its next process. */
describe(`kill -9 of the scheduler alone (seed ${seed})`, () => {
  let bed: Testbed;

  const killAfter = async (ms: readonly [number, number]): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, between(bed.random, ms)));
    await kill('scheduler').inject(bed);
  };

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_NODE_CORES: '8', FORNAX_SERVICES: '1' } });
  });

  afterAll(() => bed.close());

  it('while layers of a job end: every task starts once, after those that it waits for', async () => {
    const { uuid } = await call<Named>(bed.platform, 'POST', '/fornax/v1/jobs', layered);
    const until = (count: number): Promise<void> =>
      insist(
        async () => {
          const { tasks } = await call<Graph>(bed.platform, 'GET', `/fornax/v1/jobs/${uuid}/graph`);
          const ended = tasks.filter(({ state }) => state === 'Success').length;
          if (ended < count) throw new Error(`${ended} of ${count} tasks have ended`);
        },
        `${count} tasks have ended`,
        ENDS_MS,
      );
    for (const part of [0, 0.2, 0.5, 0.8]) {
      await until(Math.floor(part * LAYERS * WIDTH));
      await killAfter([0, 60]);
    }
    await until(LAYERS * WIDTH);
  });

  it('while slots are opened: each is opened once, and is there', async () => {
    for (const moment of [
      [0, 40],
      [40, 120],
      [120, 400],
    ] as const) {
      const body = { name: 'slots', profile: 'docker-batch', instanceCount: SLOTS };
      const { uuid } = await call<Named>(bed.platform, 'POST', '/pools', body);
      await killAfter(moment);
      await untilState(bed, `/pools/${uuid}`, 'FullyExecuting');
      const { opened, ended } = await leasesInLog(bed, uuid);
      expect(opened.toSorted()).toEqual([0, 1, 2]);
      expect(ended).toEqual([]);
      await insist(() => call(bed.platform, 'DELETE', `/pools/${uuid}`), 'delete the pool');
    }
  });

  it.each(
    (['close', 'delete'] as const).flatMap((how) =>
      (
        [
          [0, 20],
          [20, 80],
          [80, 300],
        ] as const
      ).map((moment) => [how, moment] as const),
    ),
  )(
    'while a pool is to %s, %j ms after it was asked: its tasks end once, its slots too, and nothing is left on the node',
    async (how, moment) => {
      const body = { name: how, profile: 'docker-batch', instanceCount: SLOTS };
      const { uuid } = await call<Named>(bed.platform, 'POST', '/pools', body);
      await untilState(bed, `/pools/${uuid}`, 'FullyExecuting');
      // One of its slots stands idle.
      const constants = [{ key: 'DOCKER_CMD', value: `sleep ${WORK}` }];
      const asked = { name: how, poolUuid: uuid, instanceCount: SLOTS - 1, constants };
      const task = await call<Named>(bed.platform, 'POST', '/tasks', asked);
      await untilSleeping(WORK, SLOTS - 1);
      if (how === 'close') await call(bed.platform, 'POST', `/pools/${uuid}/close`);
      else await call(bed.platform, 'DELETE', `/pools/${uuid}`);
      await killAfter(moment);
      await untilState(bed, `/tasks/${task.uuid}`, how === 'close' ? 'Success' : 'Cancelled');
      if (how === 'close') await untilState(bed, `/pools/${uuid}`, 'Closed');
      else await untilGone(bed, uuid);
      await untilSleeping(WORK, 0);
      const { open, opened, ended } = await leasesInLog(bed, uuid);
      expect({ open, opened: opened.toSorted() }).toEqual({ open: [], opened: [0, 1, 2] });
      expect([ended.length, new Set(ended).size]).toEqual([SLOTS, SLOTS]);
      await insist(async () => expect(await foldersOnNode(bed)).toEqual([]), 'the node has no folders');
    },
  );

  leavesASoundLog(() => bed);
});
