import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  /** The most that was seen at once. */
  let most = { running: 0, counted: 0 };

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

  /** Folders of instances on the node, but those that wait for whatever comes. */
  const foldersOnNode = async (): Promise<readonly string[]> => {
    const names = await readdir(join(bed.dataDir, 'nodes', 'node-1', 'instances'));
    return names.filter((name) => !name.startsWith('+')).sort();
  };

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
      open: open.map(encodeURIComponent).sort(),
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
      // With a file, so that tasks lie over it where this machine permits that.
      preparationTask: { commandLine: `sh -c 'echo prepared > file; sleep ${PREPARATION}'` },
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
    expect(await leasesInLog()).toMatchObject({ preparing: 0, ready: slots, ever: 2 * slots });
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
    expect(await leasesInLog()).toMatchObject({ preparing: 0, ready: slots, ever });
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

  it('of the agent while tasks run in them: no slot is counted twice, and the node has what the log knows, and nothing else', async () => {
    const { ever } = await leasesInLog();
    const body = {
      name: 'in slots that go',
      poolUuid: pool,
      instanceCount: slots,
      constants: [{ key: 'DOCKER_CMD', value: `sh -c 'cat file; sleep ${WORK}'` }],
    };
    const { uuid } = await call<{ readonly uuid: string }>(bed.platform, 'POST', '/tasks', body);
    await untilSleeping(WORK, slots);
    await kill('node-1').inject(bed);
    await insist(async () => {
      const [running, { runningInstanceCount, state }, task] = await Promise.all([
        sleepers(WORK),
        call<{ readonly state: string; readonly runningInstanceCount: number }>(bed.platform, 'GET', `/pools/${pool}`),
        call<{ readonly state: string }>(bed.platform, 'GET', `/tasks/${uuid}`),
      ]);
      most = { running: Math.max(most.running, running), counted: Math.max(most.counted, runningInstanceCount) };
      if (task.state !== 'Success' || state !== 'FullyExecuting') throw new Error(`${task.state} in ${state}`);
    }, 'the task is done in slots that were opened anew');
    expect(most).toEqual({ running: slots, counted: slots });
    expect(await sleepers(WORK)).toBe(0);
    const { open, ...counts } = await leasesInLog();
    expect(counts).toEqual({ preparing: 0, ready: slots, ever: ever + slots });
    // The folder of an instance goes after its end was told.
    await insist(async () => expect(await foldersOnNode()).toEqual(open), 'the node has the folders of its open slots');
  });

  it('leaves nothing on the node when it is deleted', async () => {
    await insist(() => call(bed.platform, 'DELETE', `/pools/${pool}`), 'delete the pool');
    await insist(async () => expect(await foldersOnNode()).toEqual([]), 'the node has no folders');
    expect((await sleepers(WORK)) + (await sleepers(PREPARATION))).toBe(0);
  });

  it('leaves a log in which the audit finds nothing, and projections that rebuild to it', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
