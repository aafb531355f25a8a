import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RPC, taskCostSchema, type liveProgressReplySchema, type TaskCost } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { NATS, ProjectionHost } from '@fornax/service-kit';
import {
  aCommit,
  aLease,
  anEnd,
  aRef,
  concluded,
  dispatched,
  nodeJoined,
  submitted,
  waitingCancelled,
} from '@fornax/testing';
import type { z } from 'zod';
import { billingRig, type BillingRig } from '../billing-rig.fixture.js';

const HOUR_MS = 3_600_000;

describe('what a task will cost, and would have', () => {
  let rig: BillingRig;
  beforeAll(async () => {
    rig = await billingRig();
    await rig.account('ada');
    await rig.account('bob');
    await rig.append('node', 'node-1', [nodeJoined('node-1', { ghz: 2.5 })]);
  }, 120_000);
  afterAll(() => rig?.close());

  const cost = async (id: string): Promise<TaskCost> =>
    taskCostSchema.parse((await rig.get(`/fornax/v1/billing/tasks/${id}/cost`)).body);
  const startedFor = (ms: number, ...instances: readonly number[]) => {
    const startedAt = Date.now() - ms;
    return {
      startedAt,
      event: {
        type: 'InstancesStarted',
        leases: instances.map((one) => ({ ...aRef(one), startedAt })),
        at: startedAt,
      } as const,
    };
  };
  /** Answers as submission does. */
  const telling = async <T>(progress: number, ask: () => Promise<T>): Promise<T> => {
    const leases = [
      { node: 'node-1', leaseId: aRef(0).leaseId, progress, executionMs: HOUR_MS },
      { node: 'node-2', leaseId: aRef(0).leaseId, progress: 1, executionMs: HOUR_MS },
    ];
    const reply: z.output<typeof liveProgressReplySchema> = { leases };
    const subscription = rig.service.app.get<Nats>(NATS).subscribe(RPC.liveProgress, {
      callback: (_error, message) => void message.respond(JSON.stringify({ ok: reply })),
    });
    try {
      return await ask();
    } finally {
      subscription.unsubscribe();
    }
  };

  it('goes by what instances have cost, and says what the whole would cost elsewhere', async () => {
    const { startedAt, event } = startedFor(HOUR_MS / 4, 0, 1, 2);
    await rig.append(
      'task',
      'some',
      [submitted('some', { instances: '0-5' })],
      [dispatched(aLease(0), aLease(1), aLease(2))],
      [event],
      [
        concluded(
          anEnd(0, { startedAt, endedAt: startedAt + HOUR_MS }),
          anEnd(1, { startedAt, endedAt: startedAt + 2 * HOUR_MS }),
        ),
      ],
      [waitingCancelled('5')],
    );
    const found = await cost('some');
    expect(found).toMatchObject({
      spentMicros: 30_000,
      finished: 2,
      running: { attempts: 1 },
      forecast: {
        // Of the three that ran and those that wait: the cheapest and the dearest each.
        lowMicros: 30_000 + 3 * 10_000,
        highMicros: 30_000 + 3 * 20_000,
        running: { progress: 0, finished: 1, 'max-wall-time': 0 },
        waiting: 2,
        waitingBasis: 'finished',
      },
      noForecast: null,
    });
    const own = found.whatIf.filter(({ isOwn }) => isOwn);
    expect(own).toEqual([{ plan: 'flex', hardware: null, micros: 30_000, isOwn: true }]);
    expect(found.whatIf).toContainEqual({ plan: 'onDemand', hardware: 'xeon', micros: 60_000, isOwn: false });
    expect(found.whatIf).toHaveLength(12);
  });

  it('goes by the progress that its node tells of it', async () => {
    const { event } = startedFor(HOUR_MS, 0);
    await rig.append('task', 'telling', [submitted('telling', { instances: '0' })], [dispatched(aLease(0))], [event]);
    expect(await cost('telling')).toMatchObject({ forecast: null, noForecast: 'unknown-length' });
    const { forecast } = await telling(50, () => cost('telling'));
    expect(forecast).toMatchObject({ running: { progress: 1 }, waiting: 0, waitingBasis: null });
    expect(forecast?.lowMicros).toBeGreaterThanOrEqual(19_600);
    expect(forecast?.lowMicros).toBeLessThan(20_000);
    expect(forecast?.highMicros).toBeGreaterThan(20_000);
    expect(forecast?.highMicros).toBeLessThan(21_000);
  });

  it('goes at most to the end of its job', async () => {
    const { event } = startedFor(HOUR_MS, 0);
    const spec = { ...{ name: 'j', shortname: 'j', useDependencies: false, tags: [] }, maxWallTimeSeconds: 7_200 };
    const at = Date.now() - HOUR_MS;
    await rig.log.append('job', 'j', aCommit('job-1', [{ type: 'JobCreated', jobId: 'j', owner: 'ada', spec, at }]), 0);
    await rig.append(
      'task',
      'bounded',
      [submitted('bounded', { instances: '0', jobId: 'j' })],
      [dispatched(aLease(0))],
      [event],
    );
    const { forecast, running } = await cost('bounded');
    expect(forecast).toMatchObject({ running: { 'max-wall-time': 1 } });
    expect(forecast?.lowMicros).toBe(running.micros);
    expect(forecast?.highMicros).toBeGreaterThan(19_000);
    expect(forecast?.highMicros).toBeLessThanOrEqual(20_100);
  });

  it('says why it says nothing: nothing is left, or its pool is billed', async () => {
    await rig.append('task', 'over', [submitted('over', { instances: '0-2' })], [waitingCancelled('0-2')]);
    expect(await cost('over')).toMatchObject({ noForecast: 'over', spentMicros: 0 });
    await rig.append('task', 'pooled', [submitted('pooled', { poolUuid: 'p' })]);
    expect(await cost('pooled')).toMatchObject({ forecast: null, noForecast: 'in-pool' });
  });

  it("is nobody else's", async () =>
    expect(await rig.get('/fornax/v1/billing/tasks/some/cost', 'bob-token')).toMatchObject({ status: 404 }));

  it('is the same when it is folded anew', async () => {
    const report = await rig.service.app.get(ProjectionHost).runner('running').rebuild({ verify: true });
    expect(report).toMatchObject({ differences: [], rows: { job_deadline: 1 } });
  });
});
