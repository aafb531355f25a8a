import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { between } from '@fornax/testing';
import { auditFaults, projectionFaults } from './invariants.js';
import { kill } from './nemesis/fault.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const TASKS = 12;
const ENDS_MS = 180_000;
/** What a GHz·core·hour costs here, so that a second is worth cents. */
const DEAR = '100';

interface Event {
  readonly type: string;
  readonly data: { readonly because?: string };
}

describe(`kill -9 of the platform while a budget stops what runs (seed ${seed})`, () => {
  let bed: Testbed;
  beforeAll(async () => {
    bed = await Testbed.open({ seed, env: { FORNAX_NODE_CORES: '16', FORNAX_BUDGET_STOP_GRACE_S: '60' } });
  });
  afterAll(() => bed.close());

  const get = <T>(path: string): Promise<T> => insist(() => call<T>(bed.platform, 'GET', path), `read ${path}`);
  const pause = (ms: readonly [number, number]): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, between(bed.random, ms)));

  it('everything that ran is saved once and stopped once, and nothing is forgotten', async () => {
    const post = <T>(path: string, body: object): Promise<T> => call<T>(bed.platform, 'POST', path, body);
    const plans = { flex: DEAR, onDemand: DEAR, reserved: DEAR };
    await post('/fornax/v1/billing/prices', { currency: 'EUR', work: plans, hardware: [{ match: '', ...plans }] });
    const [project] = await get<readonly { readonly uuid: string }[]>('/fornax/v1/me/projects');
    const ids: string[] = [];
    for (let count = 0; count < TASKS; count += 1) {
      const { uuid } = await post<{ readonly uuid: string }>('/tasks', {
        name: `stopped-${count}`,
        profile: 'docker-batch',
        instanceCount: 1,
        snapshotBucket: 'saved',
        constants: [{ key: 'DOCKER_CMD', value: `sh -c 'echo so far > state; sleep 1000'` }],
      });
      ids.push(uuid);
    }
    const running = async (): Promise<number> => {
      const counts = await Promise.all(ids.map((id) => get<{ readonly runningInstanceCount: number }>(`/tasks/${id}`)));
      return counts.reduce((sum, { runningInstanceCount }) => sum + runningInstanceCount, 0);
    };
    await insist(async () => {
      if ((await running()) < TASKS) throw new Error('not all run');
    }, 'all tasks run');
    const budget = { project: project?.uuid, amount: '0.01', policy: 'StopAndBlockAll' };
    const made = await post<{ readonly uuid: string; readonly isExhausted: boolean }>(
      '/fornax/v1/billing/budgets',
      budget,
    );
    // The moments are part of the seed: while snapshots are asked for, taken, and tasks cancelled.
    for (const moment of [
      [0, 300],
      [300, 1_500],
      [500, 2_500],
    ] as const) {
      await pause(moment);
      await kill('platform').inject(bed);
    }
    await insist(
      async () => {
        for (const id of ids) {
          const { state } = await get<{ readonly state: string }>(`/tasks/${id}`);
          if (state !== 'Cancelled') throw new Error(`${id} is ${state}`);
        }
      },
      'all tasks are stopped',
      ENDS_MS,
    );
    for (const id of ids) {
      const { events } = await get<{ readonly events: readonly Event[] }>(`/fornax/v1/tasks/${id}/events?limit=1000`);
      const cancels = events.filter(({ type }) => type === 'TaskCancelRequested');
      expect(cancels).toMatchObject([{ data: { because: 'budget-exhausted' } }]);
      const { snapshots } = await get<{ readonly snapshots: readonly unknown[] }>(`/fornax/v1/snapshots?task=${id}`);
      expect(snapshots.length).toBeLessThanOrEqual(1);
    }
    expect(await get(`/fornax/v1/billing/budgets/${made.uuid}`)).toMatchObject({ isExhausted: true });
  }, 400_000);

  it('leaves a log in which the audit finds nothing, and projections that rebuild to it', async () => {
    expect(await auditFaults(bed.platform)).toEqual([]);
    expect(await projectionFaults(bed.platform)).toEqual([]);
  });
});
