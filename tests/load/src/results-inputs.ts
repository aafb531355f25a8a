import { randomBytes } from 'node:crypto';
import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, success } from './api.js';
import { type CpuByKind, KINDS, cpuOfDescendants } from './cpu.js';
import type { Figure } from './report.js';
import { payloadOf, S3Load } from './s3-load.js';
import { timed } from './statistics.js';

const EMAIL = 'admin@fornax.local';
const MIB = 1024 * 1024;
const PARALLEL = 16;

interface Task {
  readonly command: string;
  readonly more?: object;
}

/** Runs a task of one instance. @returns seconds from its submission to Success, and what it printed */
const run = async (client: LoadClient, { command, more = {} }: Task) => {
  const submittedAt = Date.now();
  const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', {
    name: 'files',
    profile: 'docker-batch',
    instanceCount: 1,
    constants: [{ key: 'DOCKER_CMD', value: command }],
    ...more,
  });
  await success(client, uuid);
  const seconds = (Date.now() - submittedAt) / 1000;
  return { submittedAt, seconds, output: await client.text('GET', `/tasks/${uuid}/stdout`) };
};

/** Milliseconds from a task's submission to its first instruction, which tells the time of day. */
const untilFirst = async (client: LoadClient, resourceBuckets: readonly string[]): Promise<number> => {
  const { submittedAt, output } = await run(client, { command: 'date +%s%3N', more: { resourceBuckets } });
  const [told] = /\d{13}/.exec(output) ?? [];
  if (told === undefined) throw new Error(`the task told no time: ${output.slice(0, 200)}`);
  return Number(told) - submittedAt;
};

const least = async (times: number, measure: () => Promise<number>): Promise<number> => {
  let found = Infinity;
  for (let time = 0; time < times; time += 1) found = Math.min(found, await measure());
  return found;
};

const on = async <T>(
  platform: RunningPlatform,
  work: (client: LoadClient, bucketOf: (name: string) => S3Load) => Promise<T>,
): Promise<T> => {
  const client = new LoadClient(platform, 2);
  const keys = { accessKey: EMAIL, secretKey: platform.token };
  const loads: S3Load[] = [];
  const bucketOf = (name: string): S3Load => {
    const load = new S3Load({ url: platform.storageUrl, keys }, name, PARALLEL);
    loads.push(load);
    return load;
  };
  try {
    return await work(client, bucketOf);
  } finally {
    client.close();
    for (const load of loads) load.close();
  }
};

const each = (before: CpuByKind, after: CpuByKind, count: number): number =>
  KINDS.reduce((sum, kind) => sum + after[kind] - before[kind], 0) / count;

/** What it takes to store so many small files as the results of one instance, beside a task that makes as many and stores none. */
export const smallResults = (platform: RunningPlatform, files: number): Promise<readonly Figure[]> =>
  on(platform, async (client, bucketOf) => {
    await bucketOf('bench-results').open();
    const command = `sh -c "seq 1 ${files} | split -l 1 -a 6 -d - file-"`;
    await run(client, { command: '/bin/true' });
    const without = await run(client, { command });
    const before = await cpuOfDescendants();
    const stored = await run(client, { command, more: { resultBucket: 'bench-results' } });
    const after = await cpuOfDescendants();
    const name = `${files} small files as results`;
    return [
      { name: `${name}: seconds more than without`, value: stored.seconds - without.seconds, unit: 's' },
      { name: `${name}: processor time of one, by Success`, value: each(before, after, files), unit: 'ms' },
    ];
  });

/** What it takes to begin with inputs: many small ones that the node does not have, and large ones that it has. */
export const someInputs = (platform: RunningPlatform, files: number, cachedMiB: number): Promise<readonly Figure[]> =>
  on(platform, async (client, bucketOf) => {
    const [many, large] = [bucketOf('bench-many'), bucketOf('bench-large')];
    await many.open();
    await timed(files, PARALLEL, (index) => many.put(`folder/file-${index}`, payloadOf(randomBytes(1_000))));
    await large.open();
    const parts = Math.max(1, Math.round(cachedMiB / 64));
    await timed(parts, 2, (index) => large.put(`part-${index}`, payloadOf(randomBytes(64 * MIB))));
    await run(client, { command: '/bin/true' });
    const nothing = await least(5, () => untilFirst(client, []));
    const before = await cpuOfDescendants();
    const small = await untilFirst(client, ['bench-many']);
    const after = await cpuOfDescendants();
    await untilFirst(client, ['bench-large']);
    const cached = await least(5, () => untilFirst(client, ['bench-large']));
    return [
      { name: 'submit to first instruction, no inputs, best of 5', value: nothing, unit: 'ms' },
      { name: `submit to first instruction, ${files} small inputs`, value: small, unit: 'ms' },
      { name: `${files} small inputs: processor time of one`, value: each(before, after, files), unit: 'ms' },
      { name: `submit to first instruction, ${parts * 64} MiB of cached inputs, best of 5`, value: cached, unit: 'ms' },
    ];
  });
