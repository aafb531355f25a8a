import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '@fornax/testing';
import { auditFaults, projectionFaults } from './invariants.js';
import { kill } from './nemesis/fault.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const LAYERS = 12;
const WIDTH = 6;
const SLOTS = 3;
const ENDS_MS = 120_000;

interface Named {
  readonly uuid: string;
}
interface Graph {
  readonly tasks: readonly { readonly state: string }[];
}
interface Lease {
  readonly leaseId: string;
  readonly instance: number;
}
interface History {
  readonly events: readonly {
    readonly type: string;
    readonly data: { readonly leases?: readonly Lease[]; readonly attempts?: readonly Lease[] };
  }[];
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
      await insist(
        async () => {
          const { state } = await call<{ readonly state: string }>(bed.platform, 'GET', `/pools/${uuid}`);
          if (state !== 'FullyExecuting') throw new Error(`the pool is ${state}`);
        },
        'the pool has its slots',
        ENDS_MS,
      );
      const { events } = await insist(
        () => call<History>(bed.platform, 'GET', `/fornax/v1/pools/${uuid}/events?limit=1000`),
        'read the history of the pool',
      );
      const opened = events.flatMap(({ type, data }) => (type === 'SlotsDispatched' ? (data.leases ?? []) : []));
      expect(opened.map(({ instance }) => instance).toSorted()).toEqual([0, 1, 2]);
      expect(events.filter(({ type }) => type === 'SlotsEnded')).toEqual([]);
      await insist(() => call(bed.platform, 'DELETE', `/pools/${uuid}`), 'delete the pool');
    }
  });

  it('leaves a log in which the audit finds nothing, and projections that rebuild to it', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
