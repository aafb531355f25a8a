import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RpcClient } from '@fornax/base';
import {
  liveProgressReplySchema,
  liveSubject,
  RPC,
  taskSummarySchema,
  type LiveInstance,
  type LiveMessage,
  type WireTask,
} from '@fornax/contracts';
import { NATS } from '@fornax/service-kit';
import { aLease, anEnd, concluded, dispatched, eventually } from '@fornax/testing';
import type { Nats } from '@fornax/event-store';
import { readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';
import { SILENT_AFTER_MS } from '@fornax/tasks/specs';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const read = (id: string): Promise<WireTask> => readFrom(harness, id);
const lease = (taskId: string, instance: number, node = 'node-1') =>
  aLease(instance, { leaseId: `${taskId}/${instance}`, node });
const said = (taskId: string, instance: number, overrides: Partial<LiveInstance> = {}): LiveInstance => ({
  leaseId: `${taskId}/${instance}`,
  taskId,
  instance,
  phase: 'execution',
  cpuUsage: 80,
  memoryMB: 64,
  networkInKbps: 8,
  networkOutKbps: 4,
  progress: 50,
  executionMs: 3_000,
  ghzSeconds: 7.5,
  ...overrides,
});
const message = (...instances: readonly LiveInstance[]): LiveMessage => ({
  nodeEpoch: 1,
  specificationKey: '8c-32g-test',
  cpuModel: 'Test CPU',
  cores: 8,
  ghz: 2.5,
  maxGhz: 5,
  instances: [...instances],
});
/** Speaks as a node, until the status shows what it says or the time is over. */
const tell = async (node: string, body: unknown): Promise<void> => {
  const nats = harness.test.app.get<Nats>(NATS);
  nats.publish(liveSubject(node), JSON.stringify(body));
  await nats.flush();
};
/** A task with instances 0 and 1 running, 2 on its way and 3 waiting. */
const runningTask = async (): Promise<string> => {
  const id = await submitTo(harness);
  const at = Date.now() - 4_000;
  await harness.happen(
    id,
    { ...dispatched(lease(id, 0), lease(id, 1, 'node-2'), lease(id, 2)), at },
    {
      type: 'InstancesStarted',
      leases: [
        { instance: 0, leaseId: `${id}/0`, startedAt: at },
        { instance: 1, leaseId: `${id}/1`, startedAt: at },
      ],
      at,
    },
  );
  return id;
};

describe('the live status of a task', () => {
  it('merges what the nodes say into the task and its summary, each instance and all together', async () => {
    const id = await runningTask();
    await tell('node-1', message(said(id, 0), said(id, 2, { phase: 'download', progress: 0, cpuUsage: 0 })));
    await tell('node-2', { ...message(said(id, 1, { progress: 100, cpuUsage: 40 })), ghz: 4.5 });
    const task = await eventually(async () => {
      const seen = await read(id);
      return seen.status?.runningInstancesInfo.maxFrequencyGHz === 4.5 ? seen : undefined;
    });
    const told = await harness.test.app
      .get(RpcClient)
      .request(RPC.liveProgress, { taskId: id }, liveProgressReplySchema, 30_000);
    expect(told.leases.map(({ node, progress }) => [node, progress])).toEqual([
      ['node-1', 50],
      ['node-2', 100],
    ]);
    const info = task?.status?.runningInstancesInfo;
    expect(info?.perRunningInstanceInfo).toMatchObject([
      {
        instanceId: 0,
        phase: 'execution',
        currentFrequencyGHz: 2.5,
        maxFrequencyGHz: 5,
        cpuUsage: 80,
        currentMemoryMB: 64,
        maxMemoryMB: 256,
        memoryUsage: 0.25,
        networkInKbps: 8,
        networkOutKbps: 4,
        progress: 50,
        executionTimeGHz: 7.5,
        specificationKey: '8c-32g-test',
        cpuModel: 'Test CPU',
        coreCount: 1,
        executionAttemptCount: 1,
      },
      { instanceId: 1, progress: 100 },
      { instanceId: 2, phase: 'download' },
    ]);
    expect(info?.perRunningInstanceInfo[0]?.executionTimeSec).toBeGreaterThanOrEqual(4);
    expect(info).toMatchObject({
      minFrequencyGHz: 2.5,
      averageCpuUsage: 40,
      totalNetworkInKbps: 24,
      averageNetworkOutKbps: 4,
      runningCoreCountByCpuModel: [{ model: 'Test CPU', core: 8, runningCoreCount: 3 }],
    });
    // Four instances: one is half through, one all the way.
    expect(task).toMatchObject({
      progress: 37.5,
      status: { executionProgress: 37.5, instanceCount: 2, downloadProgress: 50 },
    });
    expect(task?.status?.executionTimeByCpuModel).toEqual([{ model: 'Test CPU', core: 8, time: expect.any(Number) }]);
    expect(task?.status?.executionTimeByCpuModel[0]?.time).toBeGreaterThanOrEqual(8);
    expect(task?.status?.executionTimeByInstanceId).toMatchObject([
      { instanceId: 0, timeGhz: 7.5 },
      { instanceId: 1, timeGhz: 7.5 },
    ]);
    const summaries = (await harness.call('GET', '/tasks/summaries')).json() as unknown as unknown[];
    const summary = summaries.map((one) => taskSummarySchema.parse(one)).find(({ uuid }) => uuid === id);
    expect(summary?.progress).toBe(37.5);
  });

  it('believes no node that does not have the lease, and no message that is not as it should be', async () => {
    const id = await runningTask();
    await tell('node-3', message(said(id, 0, { progress: 99 })));
    await tell('node-1', { ...message(said(id, 0, { progress: 99 })), extra: true });
    await tell('node-1', message(said(id, 0, { cpuUsage: 1e9 })));
    await tell('node-1', 'no message');
    // NATS keeps the order of one connection: once this one shows, the others have been read.
    await tell('node-2', message(said(id, 1, { progress: 10 })));
    const task = await eventually(async () => {
      const seen = await read(id);
      return seen.progress === 2.5 ? seen : undefined;
    });
    expect(task?.status?.runningInstancesInfo.perRunningInstanceInfo[0]).toMatchObject({ progress: 0, cpuUsage: 0 });
  });

  it('drops what a node said that has fallen silent', async () => {
    const id = await runningTask();
    await tell('node-1', message(said(id, 0)));
    await eventually(async () => (await read(id)).progress === 12.5);
    await eventually(async () => (await read(id)).progress === 0, { timeoutMs: SILENT_AFTER_MS + 10_000 });
    expect((await read(id)).status?.runningInstancesInfo.perRunningInstanceInfo).toMatchObject([
      { instanceId: 0, phase: 'execution', cpuUsage: 0, cpuModel: '' },
      { instanceId: 1 },
      { instanceId: 2, phase: 'dispatch' },
    ]);
  }, 60_000);

  it('ends in times that the nodes have measured', async () => {
    const id = await runningTask();
    const now = Date.now();
    const end = (instance: number, overrides: Partial<Parameters<typeof anEnd>[1]> = {}) =>
      anEnd(instance, { leaseId: `${id}/${instance}`, startedAt: now - 4_000, endedAt: now, ...overrides });
    await harness.happen(id, {
      ...concluded(
        end(0, { downloadMs: 2_000, environmentMs: 1_000, uploadMs: 3_000, averageGHz: 2, peakMemoryMB: 100 }),
        end(1, { downloadMs: 4_000, environmentMs: 1_000, uploadMs: 1_000, averageGHz: 3 }),
      ),
      at: now + 10_000,
    });
    const { status, completedInstances } = await read(id);
    expect(status).toMatchObject({
      downloadTimeSec: 6,
      environmentTime: '00:00:02',
      executionTimeSec: 8,
      uploadTimeSec: 4,
      executionTimeByMachineSpecification: [{ specificationKey: '8c-32g-intel-xeon-ssd', time: 8 }],
      executionTimeBySiteAndMachine: [{ specificationKey: '8c-32g-intel-xeon-ssd', time: 8 }],
      executionTimeGhzByCpuModel: [{ timeGhz: 20 }],
      executionTimeByInstanceId: [
        { instanceId: 0, time: 4, timeGhz: 8 },
        { instanceId: 1, time: 4, timeGhz: 12 },
      ],
      succeededRange: '0-1',
    });
    expect(completedInstances).toMatchObject([
      { averageGHz: 2, execTimeSecGHz: 8, peakMemoryMB: 100, executionAttemptCount: 1 },
      { averageGHz: 3, execTimeSecGHz: 12 },
    ]);
  });
});
