import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient } from './api.js';
import { percentile } from './statistics.js';
import { bulkSubmissions } from './submissions.js';

export interface ScrapeCost {
  /** Tasks that wait meanwhile. */
  readonly tasks: number;
  readonly p50: number;
  readonly p99: number;
  readonly series: number;
}

const CLIENTS = 4;
const SIZE = 500;

/** Tasks that have not ended, as the metrics say. */
const unfinishedIn = (text: string): number => Number(/^fornax_tasks_unfinished (\d+)$/m.exec(text)?.[1] ?? 0);

const measured = async (client: LoadClient, tasks: number, samples: number): Promise<ScrapeCost> => {
  let text = await client.text('GET', '/metrics');
  while (unfinishedIn(text) < tasks) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    text = await client.text('GET', '/metrics');
  }
  const times: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const started = performance.now();
    text = await client.text('GET', '/metrics');
    times.push(performance.now() - started);
  }
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  return { tasks: unfinishedIn(text), p50: percentile(times, 0.5), p99: percentile(times, 0.99), series };
};

/** Milliseconds for `/metrics` of one process, and its series, with a few tasks that wait and with so many. */
export const scrapes = async (
  platform: RunningPlatform,
  tasks: number,
  samples: number,
): Promise<readonly ScrapeCost[]> => {
  const client = new LoadClient(platform, 1);
  const submit = (count: number) => bulkSubmissions(platform, CLIENTS, { tasks: count, size: SIZE });
  try {
    await submit(1_000);
    const few = await measured(client, 1_000, samples);
    // Half as many again are sent to warm up.
    await submit(Math.round((tasks - few.tasks) / 1.5));
    return [few, await measured(client, tasks - SIZE * CLIENTS, samples)];
  } finally {
    client.close();
  }
};
