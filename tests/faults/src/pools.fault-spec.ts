import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditFaults, projectionFaults } from './invariants.js';
import { kill } from './nemesis/fault.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
/** Seconds that a preparation and an instance sleep: no other process sleeps as long. */
const PREPARATION = `5.${process.pid}`;
const WORK = `6.${process.pid}`;

interface Lease {
  readonly leaseId: string;
}
interface History {
  readonly events: readonly {
    readonly type: string;
    readonly data: { readonly leases?: readonly Lease[]; readonly attempts?: readonly Lease[] };
  }[];
}

/** Processes of this machine that sleep for so long. */
const sleepers = async (seconds: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter((line) => /^(?:\S*\/)?sleep\0/.test(line) && line.split('\0').includes(seconds)).length;
};

describe(`kill -9 with slots of a pool (seed ${seed})`, () => {
  const slots = 2;
  let bed: Testbed;
  let pool: string;

  const untilState = (path: string, wanted: string): Promise<void> =>
    insist(async () => {
      const { state } = await call<{ readonly state: string }>(bed.platform, 'GET', path);
      if (state !== wanted) throw new Error(`${path} is ${state}`);
    }, `${path} is ${wanted}`);

  const untilSleeping = (seconds: string, count: number): Promise<void> =>
    insist(async () => {
      const now = await sleepers(seconds);
      if (now !== count) throw new Error(`${now} processes`);
    }, `${count} processes sleep`);

  /** Leases of slots, by the log: those that are being prepared, those that are ready, and how many there ever were. */
  const leasesInLog = async () => {
    const path = `/fornax/v1/pools/${pool}/events?limit=1000`;
    const { events } = await insist(() => call<History>(bed.platform, 'GET', path), 'read the history of the pool');
    const of = (wanted: string): Set<string> =>
      new Set(
        events.flatMap(({ type, data }) =>
          type === wanted ? [...(data.leases ?? []), ...(data.attempts ?? [])].map(({ leaseId }) => leaseId) : [],
        ),
      );
    const [dispatched, ready, ended] = [of('SlotsDispatched'), of('SlotsReady'), of('SlotsEnded')];
    const open = [...dispatched].filter((id) => !ended.has(id));
    return {
      preparing: open.filter((id) => !ready.has(id)).length,
      ready: open.filter((id) => ready.has(id)).length,
      ever: dispatched.size,
    };
  };

  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_NODE_CORES: '4' } });
    const body = {
      name: 'slots',
      profile: 'docker-batch',
      instanceCount: slots,
      preparationTask: { commandLine: `sleep ${PREPARATION}` },
    };
    pool = (await call<{ readonly uuid: string }>(bed.platform, 'POST', '/pools', body)).uuid;
  });

  afterAll(() => bed.close());

  it('of the agent while they are prepared: they are opened anew, and nothing of the old ones runs on', async () => {
    await untilSleeping(PREPARATION, slots);
    await kill('node-1').inject(bed);
    await untilState(`/pools/${pool}`, 'FullyExecuting');
    expect(await sleepers(PREPARATION)).toBe(0);
    // Else the kill would have hit nobody.
    expect(await leasesInLog()).toEqual({ preparing: 0, ready: slots, ever: 2 * slots });
  });

  it('of the platform while they are open: tasks in them go on, and no slot is opened twice', async () => {
    const { ever } = await leasesInLog();
    const body = {
      name: 'in slots',
      poolUuid: pool,
      instanceCount: slots,
      constants: [{ key: 'DOCKER_CMD', value: `sleep ${WORK}` }],
    };
    const { uuid } = await call<{ readonly uuid: string }>(bed.platform, 'POST', '/tasks', body);
    await untilSleeping(WORK, slots);
    await kill('platform').inject(bed);
    await untilState(`/tasks/${uuid}`, 'Success');
    expect(await sleepers(WORK)).toBe(0);
    expect(await leasesInLog()).toEqual({ preparing: 0, ready: slots, ever });
    await untilState(`/pools/${pool}`, 'FullyExecuting');
  });

  it('of the agent while they are open: others are opened for them', async () => {
    const { ever } = await leasesInLog();
    await kill('node-1').inject(bed);
    await insist(async () => {
      const now = await leasesInLog();
      if (now.ready !== slots || now.ever !== ever + slots) throw new Error(JSON.stringify(now));
    }, 'slots are opened anew');
    expect(await sleepers(PREPARATION)).toBe(0);
  });

  it('leaves a log in which the audit finds nothing, and projections that rebuild to it', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
