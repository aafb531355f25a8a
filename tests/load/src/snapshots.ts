import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient, success } from './api.js';
import type { Figure } from './report.js';
import { payloadOf, S3Load } from './s3-load.js';

const MIB = 1_048_576;
const POLL_MS = 50;
const EMAIL = 'admin@fornax.local';
/** Steps of the computation that is resumed, and how long each takes. */
const [STEPS, STEP_S] = [1_000, 0.02];

interface Created {
  readonly uuid: string;
}
interface Part {
  readonly bytes: number;
  readonly sentBytes: number;
}

const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};

/** The first match in what a task prints, once it prints it. */
const printed = (client: LoadClient, task: string, wanted: RegExp): Promise<string> =>
  until(async () => wanted.exec(await client.text('GET', `/tasks/${task}/stdout`))?.[0]);

const submit = async (client: LoadClient, command: string, more: object): Promise<string> => {
  const { uuid } = await client.call<Created>('POST', '/tasks', {
    name: 'snapshots',
    profile: 'docker-batch',
    instanceCount: 1,
    constants: [{ key: 'DOCKER_CMD', value: command }],
    ...more,
  });
  return uuid;
};

/** Takes a snapshot. @returns seconds until it is complete */
const take = async (client: LoadClient, task: string): Promise<number> => {
  const startedAt = performance.now();
  const { id } = await client.call<{ readonly id: string }>('POST', `/tasks/${task}/snapshot`);
  await until(async () => {
    const { status, notes } = await client.call<{ readonly status: string; readonly notes: readonly string[] }>(
      'GET',
      `/tasks/${task}/snapshot/${id}`,
    );
    if (status === 'failure') throw new Error(`the snapshot ${id} failed: ${notes.join('; ')}`);
    return status === 'success' ? true : undefined;
  });
  return (performance.now() - startedAt) / 1_000;
};

/** Parts of all snapshots of a task, in order, as the log has them. */
const partsOf = async (client: LoadClient, task: string): Promise<readonly Part[]> => {
  const { events } = await client.call<{ readonly events: readonly { readonly type: string; readonly data: Part }[] }>(
    'GET',
    `/fornax/v1/tasks/${task}/events?limit=1000`,
  );
  return events.filter(({ type }) => type === 'SnapshotPartUploaded').map(({ data }) => data);
};

/** A snapshot of a folder of files of 1 MiB, and one more after one file in a hundred has changed. */
const ofFolder = async (client: LoadClient, inputs: S3Load, files: number): Promise<readonly Figure[]> => {
  const changed = Math.max(1, Math.round(files / 100));
  const write = (count: number): string =>
    `for i in $(seq ${count}); do head -c ${MIB} /dev/urandom > next; mv next file-$i; done`;
  const command = `sh -c '${write(files)}; echo written; until [ -e go ]; do sleep 0.1; done; ${write(changed)}; echo changed; exec sleep 600'`;
  const task = await submit(client, command, {
    resultBucket: 'bench-snapshots',
    resourceBuckets: ['bench-snapshots-go'],
  });
  await printed(client, task, /written/);
  const firstS = await take(client, task);
  await inputs.put('go', payloadOf(Buffer.from('go')));
  await client.text('PATCH', `/tasks/${task}`);
  await printed(client, task, /changed/);
  const secondS = await take(client, task);
  const [first, second] = await partsOf(client, task);
  await client.text('DELETE', `/tasks/${task}`);
  if (!first || !second) throw new Error('the history of the task does not tell of both snapshots');
  const name = `snapshot of ${files} files of 1 MiB`;
  return [
    { name, value: first.bytes / MIB / firstS, unit: 'MiB/s' },
    { name: `${name}, ${changed} of them changed: sent`, value: (second.sentBytes / second.bytes) * 100, unit: '%' },
    { name: `${name}, ${changed} of them changed`, value: second.bytes / MIB / secondS, unit: 'MiB/s' },
  ];
};

/** A computation that is stopped after half of its steps, and goes on from its snapshot. */
const ofComputation = async (client: LoadClient): Promise<readonly Figure[]> => {
  const command =
    `sh -c 'n=$(cat state 2>/dev/null || echo 0); echo begins at $n;` +
    ` while [ $n -lt ${STEPS} ]; do n=$((n + 1)); echo $n > next; mv next state; [ $n -ne ${STEPS / 2} ] || echo half; sleep ${STEP_S}; done'`;
  const more = { resultBucket: 'bench-snapshots' };
  const undisturbedAt = performance.now();
  await success(client, await submit(client, command, more));
  const undisturbedS = (performance.now() - undisturbedAt) / 1_000;
  const task = await submit(client, command, more);
  await printed(client, task, /half/);
  await take(client, task);
  await client.text('POST', `/tasks/${task}/abort`);
  await until(async () =>
    (await client.call<{ readonly state: string }>('GET', `/tasks/${task}`)).state === 'Cancelled' ? true : undefined,
  );
  const resumedAt = performance.now();
  const { uuid } = await client.call<Created>('POST', `/tasks/${task}/resume`, {
    fornax: { resumeFromSnapshot: 'latest' },
  });
  await success(client, uuid);
  const resumedS = (performance.now() - resumedAt) / 1_000;
  const begun = Number(/\d+/.exec(await printed(client, uuid, /begins at \d+/))?.[0] ?? 0);
  return [
    { name: 'work saved by a snapshot after half of it', value: (begun / STEPS) * 100, unit: '%' },
    { name: 'the rest of it: time, beside that of all of it', value: (resumedS / undisturbedS) * 100, unit: '%' },
  ];
};

/** How fast a snapshot is, how little of one is sent that is much like the one before, and how much work one saves. */
export const someSnapshots = async (platform: RunningPlatform, files: number): Promise<readonly Figure[]> => {
  const client = new LoadClient(platform, 2);
  const keys = { accessKey: EMAIL, secretKey: platform.token };
  const [results, inputs] = ['bench-snapshots', 'bench-snapshots-go'].map(
    (bucket) => new S3Load({ url: platform.storageUrl, keys }, bucket, 1),
  );
  try {
    if (!results || !inputs) throw new RangeError('two buckets');
    await results.open();
    await inputs.open();
    return [...(await ofFolder(client, inputs, files)), ...(await ofComputation(client))];
  } finally {
    client.close();
    results?.close();
    inputs?.close();
  }
};
