import { access, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WireTask } from '@fornax/contracts';
import { FornaxClient, isOver } from '@fornax/client';
import { describeError } from '@fornax/embedded';
import { S3Client } from '@fornax/s3';
import type { Screen } from '../screen/screen.js';
import { decodePpm, encodePng, stack } from './picture.js';

export interface SampleContext {
  readonly apiUrl: string;
  readonly storageUrl: string;
  readonly email: string;
  readonly token: string;
  /** The data folder: results go to `results/` in it. */
  readonly data: string;
  /** Whether nodes run tasks in the images that they name. */
  readonly runsImages: boolean;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

export type SampleOutcome =
  { readonly isSuccess: true; readonly picture: string } | { readonly isSuccess: false; readonly reason: string };

const INPUT_BUCKET = 'sample-input';
const RESULT_BUCKET = 'sample-results';
const FILES = ['scene.txt', 'render.sh', 'render.mjs', 'render.awk'] as const;
const STRIPS = 4;
const POLL_MS = 200;
/** The bill follows the log: it may be a moment behind the task's end. */
const BILL_WAIT_MS = 10_000;
/** Longer than the slowest machine needs; a task that hangs must not hang the start. */
const SAMPLE_TIMEOUT_MS = 15 * 60_000;

const folder = fileURLToPath(new URL('../../../../examples/mandelbrot/', import.meta.url));
const doneFile = (data: string): string => join(data, 'sample.done');

/** Whether the sample has succeeded on this data folder before. */
export const isSampleDone = (data: string): Promise<boolean> =>
  access(doneFile(data)).then(
    () => true,
    () => false,
  );

const upload = async (s3: S3Client, screen: Screen, signal: AbortSignal): Promise<void> => {
  await s3.createBucket(INPUT_BUCKET, { signal });
  await s3.createBucket(RESULT_BUCKET, { signal });
  for (const name of FILES) await s3.putFile(INPUT_BUCKET, name, join(folder, name), { signal });
  screen.say(`uploaded ${FILES.join(', ')} to the bucket ${INPUT_BUCKET}`);
};

/** What it runs in where there are images: a shell and an awk. */
const IMAGE = [
  { key: 'DOCKER_REPO', value: 'library/busybox' },
  { key: 'DOCKER_TAG', value: 'stable' },
];

const submit = async (api: FornaxClient, runsImages: boolean): Promise<string> =>
  api.submitTask({
    name: 'mandelbrot sample',
    profile: 'docker-batch',
    instanceCount: STRIPS,
    constants: [
      { key: 'DOCKER_CMD', value: 'sh render.sh ${INSTANCE_ID}' },
      // Where instances see it, however its folder is linked to.
      ...(runsImages ? IMAGE : [{ key: 'SAMPLE_NODE', value: await realpath(process.execPath) }]),
    ],
    resourceBuckets: [INPUT_BUCKET],
    resultBucket: RESULT_BUCKET,
  });

interface StateSeen {
  readonly state: string;
  readonly afterMs: number;
}

/** States in the order they were left: a poll may miss a short one, which the next answer still names as the previous one. */
const addStates = (history: readonly StateSeen[], task: WireTask, afterMs: number): readonly StateSeen[] => {
  const last = history.at(-1)?.state;
  if (last === task.state) return history;
  const missed = task.previousState;
  const between = missed === null || missed === last ? [] : [{ state: missed, afterMs }];
  return [...history, ...between, { state: task.state, afterMs }];
};

const show = (screen: Screen, text: string): void => {
  for (const line of text.split('\n').filter((one) => one !== '')) screen.say(`  ${line}`);
};

/** Follows the task to its end: prints what it prints and every change of its state. */
const follow = async (api: FornaxClient, uuid: string, { screen, signal }: SampleContext) => {
  const startedAt = performance.now();
  let history: readonly StateSeen[] = [];
  for (;;) {
    signal.throwIfAborted();
    const task = await api.getTask(uuid, signal);
    show(screen, await api.freshOutput(uuid, 'stdout'));
    const known = history.length;
    history = addStates(history, task, performance.now() - startedAt);
    if (history.length > known) {
      const running = task.runningInstanceCount;
      screen.say(`state: ${task.state} (${running} running, ${task.completedInstances.length} of ${STRIPS} done)`);
    }
    if (isOver(task)) {
      show(screen, await api.freshOutput(uuid, 'stdout'));
      return { task, history };
    }
    await delay(POLL_MS, undefined, { signal });
  }
};

const download = async (s3: S3Client, data: string, screen: Screen, signal: AbortSignal): Promise<string> => {
  const results = join(data, 'results');
  await mkdir(results, { recursive: true, mode: 0o700 });
  const strips = await Promise.all(
    Array.from({ length: STRIPS }, async (_, index) => {
      const name = `strip-${index}.ppm`;
      const file = await s3.getBytes(RESULT_BUCKET, name, { signal });
      await writeFile(join(results, name), file);
      return decodePpm(file);
    }),
  );
  const picture = join(results, 'mandelbrot.png');
  await writeFile(picture, encodePng(stack(strips)));
  screen.say(`downloaded ${STRIPS} strips from the bucket ${RESULT_BUCKET} and put them together: ${picture}`);
  return picture;
};

const bill = async (api: FornaxClient, uuid: string, signal: AbortSignal): Promise<number> => {
  const deadline = performance.now() + BILL_WAIT_MS;
  for (;;) {
    const credits = await api.taskCredits(uuid);
    if (credits > 0 || performance.now() > deadline) return credits;
    await delay(POLL_MS, undefined, { signal });
  }
};

const explainFailure = async (api: FornaxClient, task: WireTask): Promise<string> => {
  const errors = task.errors.map(({ code, message }) => `  ${code} ${message}`);
  const stderr = (await api.output(task.uuid, 'stderr').catch(() => '')).trim();
  return [
    `the task ${task.uuid} ended as ${task.state}`,
    ...errors,
    ...(stderr === ''
      ? []
      : [
          'its standard error:',
          ...stderr
            .split('\n')
            .slice(-20)
            .map((line) => `  ${line}`),
        ]),
  ].join('\n');
};

const attempt = async (context: SampleContext, s3: S3Client): Promise<SampleOutcome> => {
  const { screen, data, signal } = context;
  const api = new FornaxClient({ url: context.apiUrl, token: context.token });
  await upload(s3, screen, signal);
  const uuid = await submit(api, context.runsImages);
  const where = context.runsImages ? ', in the image library/busybox:stable' : '';
  screen.say(`submitted task ${uuid}: ${STRIPS} instances of docker-batch${where}`);
  const { task, history } = await follow(api, uuid, context);
  if (task.state !== 'Success') return { isSuccess: false, reason: await explainFailure(api, task) };
  const picture = await download(s3, data, screen, signal);
  const steps = history.map(({ state, afterMs }) => `${state} ${(afterMs / 1000).toFixed(1)} s`);
  screen.say(`history: ${steps.join(', ')}`);
  screen.say(`bill: ${(await bill(api, uuid, signal)).toFixed(6)} euros`);
  await writeFile(doneFile(data), `${uuid}\n`, { mode: 0o600 });
  return { isSuccess: true, picture };
};

/**
 * Runs the sample of `examples/` through the public API and the storage, as any client would: files in, four instances, logs,
 * files out, history, bill.
 * @throws the reason of `signal` when that is aborted; every other trouble is an outcome
 */
export const runSample = async (context: SampleContext): Promise<SampleOutcome> => {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(SAMPLE_TIMEOUT_MS)]);
  const s3 = new S3Client({ endpoint: context.storageUrl, accessKey: context.email, secretKey: context.token });
  try {
    return await attempt({ ...context, signal }, s3);
  } catch (error) {
    context.signal.throwIfAborted();
    return { isSuccess: false, reason: describeError(error) };
  } finally {
    s3.close();
  }
};
