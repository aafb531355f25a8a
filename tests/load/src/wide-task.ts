import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { withSimulatedNodes } from './measures.js';
import { withPeakMemory } from './memory.js';

interface Page {
  readonly data: readonly { readonly state: string }[];
}

const stateOf = async (client: LoadClient, uuid: string): Promise<string> => {
  const filter = { operator: 'Equal', field: 'Uuid', value: uuid };
  const page = await client.call<Page>('POST', '/tasks/summaries/paginate', { filter, maximumResults: 1 });
  return page.data[0]?.state ?? 'missing';
};

interface Task {
  readonly status: {
    readonly succeededRange: string;
    readonly executedRange: string;
    readonly startedOnceRange: string;
  };
}

export interface WideTask {
  readonly submitMs: number;
  readonly instancesPerSecond: number;
  readonly peakMiB: number;
}

/**
 * One task of many instances, from submit to Success, run by simulated nodes. @throws Error when it does not succeed, or when its status does
 * not name all instances in one range
 */
export const wideTask = async (platform: RunningPlatform, instances: number): Promise<WideTask> => {
  const client = new LoadClient(platform, 2);
  try {
    const { result, peakMiB } = await withPeakMemory(platform, () =>
      withSimulatedNodes(platform, async () => {
        const started = performance.now();
        const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', noOp('wide', instances));
        const submitMs = performance.now() - started;
        for (let state = ''; state !== 'Success'; state = await stateOf(client, uuid)) {
          if (['Failure', 'Cancelled', 'missing'].includes(state)) throw new Error(`the wide task is ${state}`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        const seconds = (performance.now() - started) / 1_000;
        const { status } = await client.call<Task>('GET', `/tasks/${uuid}`);
        for (const range of [status.succeededRange, status.executedRange, status.startedOnceRange])
          if (range !== `0-${instances - 1}`) throw new Error(`not all instances are named: ${range.slice(0, 200)}`);
        return { submitMs, instancesPerSecond: instances / seconds };
      }),
    );
    return { ...result, peakMiB };
  } finally {
    client.close();
  }
};
