import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kill } from './nemesis/fault.js';
import { foldersOnNode, leasesInLog, sleepers, untilGone, untilSleeping, untilState } from './testbed/slots.js';
import { leavesASoundLog } from './testbed/sound-log.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
/** Seconds that a preparation and an instance sleep: no other process sleeps as long. */
const PREPARATION = `5.${process.pid}`;
const WORK = `6.${process.pid}`;
const OTHER_PREPARATION = `7.${process.pid}`;
const OTHER_WORK = `8.${process.pid}`;

interface Named {
  readonly uuid: string;
}

/** The folder of an instance goes after its end was told. */
const untilAsInLog = (bed: Testbed, pool: string): Promise<void> =>
  insist(async () => {
    const [{ open }, folders] = await Promise.all([leasesInLog(bed, pool), foldersOnNode(bed)]);
    expect(folders).toEqual(open);
  }, 'the node has the folders of its open slots');

describe(`kill -9 with slots of a pool (seed ${seed})`, () => {
  const slots = 2;
  let bed: Testbed;
  let pool: string;
  /** The most that was seen at once. */
  let most = { running: 0, counted: 0 };

  const submit = async (name: string, poolUuid: string, command: string): Promise<string> => {
    const body = { name, poolUuid, instanceCount: slots, constants: [{ key: 'DOCKER_CMD', value: command }] };
    return (await call<Named>(bed.platform, 'POST', '/tasks', body)).uuid;
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
    pool = (await call<Named>(bed.platform, 'POST', '/pools', body)).uuid;
  });

  afterAll(() => bed.close());

  it('of the agent while they are prepared: they are opened anew, and nothing of the old ones runs on', async () => {
    await untilSleeping(PREPARATION, slots);
    await kill('node-1').inject(bed);
    await untilState(bed, `/pools/${pool}`, 'FullyExecuting');
    expect(await sleepers(PREPARATION)).toBe(0);
    // Else the kill would have hit nobody.
    expect(await leasesInLog(bed, pool)).toMatchObject({ preparing: 0, ready: slots, ever: 2 * slots });
  });

  it('of the platform while they are open: tasks in them go on, and no slot is opened twice', async () => {
    const { ever } = await leasesInLog(bed, pool);
    const uuid = await submit('in slots', pool, `sleep ${WORK}`);
    await untilSleeping(WORK, slots);
    await kill('platform').inject(bed);
    await untilState(bed, `/tasks/${uuid}`, 'Success');
    expect(await sleepers(WORK)).toBe(0);
    expect(await leasesInLog(bed, pool)).toMatchObject({ preparing: 0, ready: slots, ever });
    await untilState(bed, `/pools/${pool}`, 'FullyExecuting');
  });

  it('of the agent while they are open: others are opened for them', async () => {
    const { ever } = await leasesInLog(bed, pool);
    await kill('node-1').inject(bed);
    await insist(async () => {
      const now = await leasesInLog(bed, pool);
      if (now.ready !== slots || now.ever !== ever + slots) throw new Error(JSON.stringify(now));
    }, 'slots are opened anew');
    expect(await sleepers(PREPARATION)).toBe(0);
  });

  it('of the agent while tasks run in them: no slot is counted twice, and the node has what the log knows, and nothing else', async () => {
    const { ever } = await leasesInLog(bed, pool);
    const uuid = await submit('in slots that go', pool, `sh -c 'cat file; sleep ${WORK}'`);
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
    expect(await leasesInLog(bed, pool)).toMatchObject({ preparing: 0, ready: slots, ever: ever + slots });
    await untilAsInLog(bed, pool);
  });

  it('of the agent while slots are prepared whose pool is deleted: none of them is opened again, and nothing is left of them', async () => {
    const { ever } = await leasesInLog(bed, pool);
    const preparationTask = { commandLine: `sleep ${OTHER_PREPARATION}` };
    const body = { name: 'deleted', profile: 'docker-batch', instanceCount: slots, preparationTask };
    const { uuid } = await call<Named>(bed.platform, 'POST', '/pools', body);
    await untilSleeping(OTHER_PREPARATION, slots);
    await insist(() => call(bed.platform, 'DELETE', `/pools/${uuid}`), 'delete the pool');
    await kill('node-1').inject(bed);
    await untilGone(bed, uuid);
    expect(await sleepers(OTHER_PREPARATION)).toBe(0);
    const { ended, ...counts } = await leasesInLog(bed, uuid);
    expect(counts).toMatchObject({ open: [], ever: slots });
    expect(new Set(ended).size).toBe(ended.length);
    // Those of the other pool were on the node, too.
    await insist(async () => {
      expect(await leasesInLog(bed, pool)).toMatchObject({ preparing: 0, ready: slots, ever: ever + slots });
    }, 'slots are opened anew');
    await untilAsInLog(bed, pool);
  });

  it.each([
    ['closed', 'Closed', 'Success'],
    ['deleted', 'gone', 'Cancelled'],
  ] as const)(
    'of the platform while a pool is %s: its tasks end as they are to, once, and its slots do',
    async (how, end, taskEnd) => {
      const body = { name: how, profile: 'docker-batch', instanceCount: slots };
      const { uuid } = await call<Named>(bed.platform, 'POST', '/pools', body);
      await untilState(bed, `/pools/${uuid}`, 'FullyExecuting');
      const task = await submit(how, uuid, `sleep ${OTHER_WORK}`);
      await untilSleeping(OTHER_WORK, slots);
      if (how === 'closed') await call(bed.platform, 'POST', `/pools/${uuid}/close`);
      else await call(bed.platform, 'DELETE', `/pools/${uuid}`);
      await kill('platform').inject(bed);
      await untilState(bed, `/tasks/${task}`, taskEnd);
      if (end === 'gone') await untilGone(bed, uuid);
      else await untilState(bed, `/pools/${uuid}`, end);
      await untilSleeping(OTHER_WORK, 0);
      const { ended, ...counts } = await leasesInLog(bed, uuid);
      expect(counts).toMatchObject({ open: [], ever: slots });
      expect(new Set(ended).size).toBe(ended.length);
      await untilAsInLog(bed, pool);
    },
  );

  it('leaves nothing on the node when it is deleted', async () => {
    await insist(() => call(bed.platform, 'DELETE', `/pools/${pool}`), 'delete the pool');
    await insist(async () => expect(await foldersOnNode(bed)).toEqual([]), 'the node has no folders');
    expect((await sleepers(WORK)) + (await sleepers(PREPARATION))).toBe(0);
  });

  leavesASoundLog(() => bed);
});
