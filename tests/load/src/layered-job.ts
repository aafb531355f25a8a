import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { withSimulatedNodes } from './measures.js';
import { withPeakMemory } from './memory.js';
import { percentile } from './statistics.js';

interface Created {
  readonly uuid: string;
}
interface Item {
  readonly uuid: string | null;
  readonly message: string | null;
}
interface Page {
  readonly total: number;
}
interface LedgerLine {
  readonly startedAt: string;
  readonly endedAt: string;
}

/** Tasks of the layer before that each task waits for. */
const EDGES = 10;

const submitBulk = async (client: LoadClient, tasks: readonly object[]): Promise<readonly string[]> => {
  const items = await client.call<readonly Item[]>('POST', '/tasks', tasks);
  return items.map(({ uuid, message }) => {
    if (uuid === null) throw new Error(`a task of a job was refused: ${message}`);
    return uuid;
  });
};

const newJob = async (client: LoadClient, name: string): Promise<string> =>
  (await client.call<Created>('POST', '/jobs', { name, useDependencies: true })).uuid;

const inJob = (jobUuid: string, name: string, dependsOn: readonly string[]): object => ({
  ...noOp(name, 1),
  jobUuid,
  dependencies: { dependsOn },
});

/** Waits until all tasks of a job have succeeded. @throws Error one did not */
const allSucceed = async (client: LoadClient, jobUuid: string, count: number): Promise<void> => {
  const inState = async (state: string): Promise<number> => {
    const filters = [
      { operator: 'Equal', field: 'JobUuid', value: jobUuid },
      { operator: 'Equal', field: 'State', value: state },
    ];
    const body = { filter: { operator: 'And', filters }, maximumResults: 1 };
    return (await client.call<Page>('POST', '/tasks/summaries/paginate', body)).total;
  };
  while ((await inState('Success')) < count) {
    if ((await inState('Failure')) + (await inState('Cancelled')) > 0)
      throw new Error('a task of a job did not succeed');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

/** When a task's only instance started and ended, in milliseconds. */
const timesOf = async (client: LoadClient, uuid: string): Promise<readonly [start: number, end: number]> => {
  const { lines } = await client.call<{ readonly lines: readonly LedgerLine[] }>(
    'GET',
    `/fornax/v1/billing/tasks/${uuid}/lines`,
  );
  const [line] = lines;
  if (!line) throw new Error(`task ${uuid} has no ledger line`);
  return [Date.parse(line.startedAt), Date.parse(line.endedAt)];
};

export interface LayeredJob {
  readonly submitMs: number;
  /** Of all layers but the first: from the end of the last task that one waits for to its own start. */
  readonly gapMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly totalSeconds: number;
  readonly peakMiB: number;
  readonly edges: number;
}

/** A job of layers of equal width, whose tasks each wait for ten of the layer before, run by simulated nodes. @throws Error a task did not succeed */
export const layeredJob = async (platform: RunningPlatform, layers: number, width: number): Promise<LayeredJob> => {
  const client = new LoadClient(platform, 8);
  const edges = Math.min(EDGES, width);
  try {
    const jobUuid = await newJob(client, 'layers');
    const started = performance.now();
    const rows: (readonly string[])[] = [];
    for (let layer = 0; layer < layers; layer += 1) {
      const before = rows.at(-1) ?? [];
      const tasks = Array.from({ length: width }, (_, index) => {
        const waited = Array.from(
          { length: before.length === 0 ? 0 : edges },
          (_, edge) => before[(index + edge) % width],
        );
        return inJob(jobUuid, `${layer}.${index}`, waited as readonly string[]);
      });
      rows.push(await submitBulk(client, tasks));
    }
    const submitMs = performance.now() - started;
    const begun = performance.now();
    const { peakMiB } = await withPeakMemory(platform, () =>
      withSimulatedNodes(platform, () => allSucceed(client, jobUuid, layers * width)),
    );
    const totalSeconds = (performance.now() - begun) / 1_000;
    const times = new Map<string, readonly [number, number]>();
    const gaps: number[] = [];
    for (const row of rows) {
      const known = await Promise.all(row.map(async (uuid) => [uuid, await timesOf(client, uuid)] as const));
      for (const [uuid, at] of known) times.set(uuid, at);
    }
    rows.slice(1).forEach((row, above) =>
      row.forEach((uuid, index) => {
        const before = rows[above] ?? [];
        const ends = Array.from(
          { length: edges },
          (_, edge) => times.get(before[(index + edge) % width] ?? '')?.[1] ?? 0,
        );
        gaps.push((times.get(uuid)?.[0] ?? 0) - Math.max(...ends));
      }),
    );
    if (gaps.some((gap) => gap < 0)) throw new Error('a task started before one that it waits for had ended');
    return {
      submitMs,
      gapMs: { p50: percentile(gaps, 0.5), p99: percentile(gaps, 0.99), max: Math.max(...gaps) },
      totalSeconds,
      peakMiB,
      edges: edges * width * (layers - 1),
    };
  } finally {
    client.close();
  }
};

/** The same layers as one document, by the names of its tasks. @returns milliseconds until the job is there with all of them */
export const documentOfLayers = async (platform: RunningPlatform, layers: number, width: number): Promise<number> => {
  const client = new LoadClient(platform, 1);
  const edges = Math.min(EDGES, width);
  try {
    const tasks = Array.from({ length: layers * width }, (_, at) => {
      const [layer, index] = [Math.floor(at / width), at % width];
      const after = Array.from(
        { length: layer === 0 ? 0 : edges },
        (_, edge) => `${layer - 1}.${(index + edge) % width}`,
      );
      return { name: `${layer}.${index}`, after };
    });
    const started = performance.now();
    await client.call('POST', '/fornax/v1/jobs', { name: 'layers', tasks });
    return performance.now() - started;
  } finally {
    client.close();
  }
};

export interface FanJob {
  /** From the end of the last task that is waited for to the start of the one that waits for all of them. */
  readonly fanInMs: number;
  /** From the end of the task that all wait for to the start of the last of them. */
  readonly fanOutMs: number;
}

/** One task that waits for `count` tasks, and `count` tasks that wait for it. */
export const fanJob = async (platform: RunningPlatform, count: number): Promise<FanJob> => {
  const client = new LoadClient(platform, 8);
  try {
    const jobUuid = await newJob(client, 'fan');
    const first = await submitBulk(
      client,
      Array.from({ length: count }, (_, index) => inJob(jobUuid, `in ${index}`, [])),
    );
    const [middle = ''] = await submitBulk(client, [inJob(jobUuid, 'middle', first)]);
    const last = await submitBulk(
      client,
      Array.from({ length: count }, (_, index) => inJob(jobUuid, `out ${index}`, [middle])),
    );
    await withSimulatedNodes(platform, () => allSucceed(client, jobUuid, 2 * count + 1));
    const timesOfAll = (uuids: readonly string[]) => Promise.all(uuids.map((uuid) => timesOf(client, uuid)));
    const [ins, outs, [start, end]] = [await timesOfAll(first), await timesOfAll(last), await timesOf(client, middle)];
    return {
      fanInMs: start - Math.max(...ins.map(([, ended]) => ended)),
      fanOutMs: Math.max(...outs.map(([began]) => began)) - end,
    };
  } finally {
    client.close();
  }
};
