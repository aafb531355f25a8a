import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { percentile, timed } from './statistics.js';

const SAMPLES = 80;
const SAMPLE_EVERY_MS = 100;
const CLIENTS = 8;

interface Task {
  readonly state: string;
  readonly status: { readonly timestamp: string; readonly runningInstancesInfo: { readonly timestamp: string } } | null;
}

/**
 * How old the live status of a task is when it is read, in milliseconds: `instances` of it run on the real agent, while other tasks are submitted
 * as fast as eight clients can.
 */
export const statusFreshness = async (
  platform: RunningPlatform,
  instances: number,
): Promise<{ readonly p50: number; readonly max: number }> => {
  const reader = new LoadClient(platform, 1);
  const submitter = new LoadClient(platform, CLIENTS);
  const ages: number[] = [];
  let isOver = false;
  try {
    const { uuid } = await reader.call<{ readonly uuid: string }>('POST', '/tasks', {
      ...noOp('long', instances),
      constants: [{ key: 'DOCKER_CMD', value: 'sleep 60' }],
    });
    const read = (): Promise<Task> => reader.call('GET', `/tasks/${uuid}`);
    while ((await read()).state !== 'FullyExecuting') await new Promise((resolve) => setTimeout(resolve, 50));
    const load = timed(Number.MAX_SAFE_INTEGER, CLIENTS, async (index) => {
      if (isOver) throw new Error('over');
      await submitter.call('POST', '/tasks', noOp(`beside ${index}`, 1));
    }).catch(() => undefined);
    // The first message of each instance is on its way.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const { status } = await read();
      if (status === null) throw new Error('a running task has no status');
      ages.push(Date.parse(status.timestamp) - Date.parse(status.runningInstancesInfo.timestamp));
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    }
    isOver = true;
    await load;
    await reader.call('POST', `/tasks/${uuid}/abort`);
    return { p50: percentile(ages, 0.5), max: Math.max(...ages) };
  } finally {
    isOver = true;
    reader.close();
    submitter.close();
  }
};
