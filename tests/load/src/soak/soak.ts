import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { type RunningPlatform, startPlatform } from '@fornax/testing/platform';
import { LoadClient, noOp } from '../api.js';
import { countInState } from '../measures.js';
import { type Allowance, judge, renderVerdicts, type Sample, type Verdict } from './flatness.js';
import { look } from './sampling.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '8' },
    services: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run test:soak [-- --minutes N] [-- --rate N] [-- --services]
Starts a platform of its own and submits no-op tasks at a steady rate, watches memory and descriptors of every process, and fails
unless all of them end flat: after the first quarter, no more growth than a heap swings by (tests/load/src/soak/flatness.ts).
--minutes   how long (60)
--rate      tasks a second (8); fewer when the platform falls behind
--services  a process for each service`);
  process.exit(0);
}
const minutes = Number(values.minutes);
const rate = Number(values.rate);
if (!(minutes > 0) || !(rate > 0)) {
  console.error('--minutes and --rate must be numbers above 0');
  process.exit(2);
}

/** A soak has this many samples, whatever its length. */
const SAMPLES = 120;
const PROGRESS_MS = 15_000;
/** Tasks that wait or run at once: more would measure a queue. */
const MOST_OPEN = 100;
/** The event log keeps a subject for each task that ever ran, and its server an entry for each of them in memory, until the log's archive takes them. */
const ALLOWANCES: Readonly<Record<string, Allowance>> = { nats: { kibPerTask: 6 } };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text: string): void => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);

interface Progress {
  submitted: number;
  done: number;
}

/** Submits at the rate, as long as the platform keeps up. */
const submitSteadily = async (client: LoadClient, progress: Progress, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    if (progress.submitted - progress.done < MOST_OPEN) {
      progress.submitted += 1;
      await client.call('POST', '/tasks', noOp(`soak ${progress.submitted}`, 1));
    }
    await sleep(1_000 / rate);
  }
};

const countSteadily = async (client: LoadClient, progress: Progress, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    progress.done = await countInState(client, 'Success');
    await sleep(1_000);
  }
};

/** @throws Error a part's process is another one than before: it crashed */
const sampleSteadily = async (
  platform: RunningPlatform,
  progress: Progress,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Sample[]>> => {
  const samples = new Map<string, Sample[]>();
  const pids = await platform.parts();
  const everyMs = (minutes * 60_000) / SAMPLES;
  const startedAt = performance.now();
  let saidAt = startedAt;
  for (let due = startedAt; !signal.aborted; due += everyMs) {
    await sleep(Math.max(0, due - performance.now()));
    const parts = await platform.parts();
    for (const [part, pid] of Object.entries(pids)) {
      if (parts[part] !== pid) throw new Error(`${part} ended and was started again:\n${platform.output()}`);
      const { residentMiB, descriptors } = await look(part, pid);
      const own = samples.get(part) ?? [];
      own.push({ atMs: performance.now() - startedAt, residentMiB, descriptors, tasks: progress.done });
      samples.set(part, own);
    }
    if (performance.now() - saidAt < PROGRESS_MS) continue;
    saidAt = performance.now();
    const held = [...samples].map(([part, own]) => `${part} ${(own.at(-1)?.residentMiB ?? 0).toFixed(0)}`).join(', ');
    say(`${((saidAt - startedAt) / 60_000).toFixed(1)} of ${minutes} min, ${progress.done} tasks; MiB: ${held}`);
  }
  return samples;
};

/** Agents come last, after the platform has said that it is ready. */
const untilNodesRun = async (platform: RunningPlatform): Promise<void> => {
  while (!Object.keys(await platform.parts()).some((part) => part.startsWith('node-'))) await sleep(100);
};

const soak = async (platform: RunningPlatform): Promise<ReadonlyMap<string, Verdict>> => {
  const client = new LoadClient(platform, 8);
  const over = new AbortController();
  const progress: Progress = { submitted: 0, done: 0 };
  const timer = setTimeout(() => over.abort(), minutes * 60_000);
  const stopping = (): void => over.abort();
  process.once('SIGINT', stopping).once('SIGTERM', stopping);
  try {
    await untilNodesRun(platform);
    const loops = [
      submitSteadily(client, progress, over.signal),
      countSteadily(client, progress, over.signal),
      sampleSteadily(platform, progress, over.signal),
    ] as const;
    const [, , samples] = await Promise.all(loops);
    return new Map([...samples].map(([part, own]) => [part, judge(own, ALLOWANCES[part])] as const));
  } finally {
    clearTimeout(timer);
    over.abort();
    client.close();
  }
};

say(`starting a platform; ${rate} tasks a second for ${minutes} minutes`);
const platform = await startPlatform({
  env: { FORNAX_LOG_LEVEL: 'warn', ...(values.services ? { FORNAX_SERVICES: '1' } : {}) },
});
try {
  const verdicts = await soak(platform);
  const tasks = Math.max(...[...verdicts.values()].map(({ last }) => last.tasks));
  console.log(renderVerdicts(verdicts));
  console.log(
    `\n${tasks} no-op tasks in ${minutes} minutes; ${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}, ${new Date().toISOString()}`,
  );
  const grown = [...verdicts].flatMap(([part, { why }]) => why.map((reason) => `${part}: ${reason}`));
  for (const line of grown) console.error(`NOT FLAT: ${line}`);
  process.exitCode = grown.length > 0 ? 1 : 0;
} catch (error) {
  // Ended by hand before there was anything to judge.
  if (!(error instanceof RangeError)) throw error;
  console.error(`nothing can be said: ${error.message}`);
  process.exitCode = 2;
} finally {
  await platform.stop();
}
