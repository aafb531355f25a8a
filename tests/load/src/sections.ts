import { verifySegments } from './archive.js';
import { connectNats } from '@fornax/event-store';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { OPERATOR_USER } from '@fornax/embedded';
import { KINDS } from './cpu.js';
import { commandLineSpeed } from './command-line.js';
import { natsCredentials } from './credentials.js';
import { outputOfMany } from './dashboard-output.js';
import { tableOfMany } from './dashboard-tasks.js';
import { echoBesideFlood, type EchoLatency } from './echo-beside-flood.js';
import { publishFloor, spawnFloor } from './floors.js';
import { documentOfLayers, fanJob, layeredJob } from './layered-job.js';
import { ledgerLag } from './ledger-lag.js';
import { logLines } from './log-lines.js';
import { pagesOfMany } from './many-tasks.js';
import { controlPlane, endToEnd, idleLatency, rebuild } from './measures.js';
import { slotsOpened, startsInPool } from './pool-starts.js';
import { rateAttempts } from './rating.js';
import { statementsOf } from './statements.js';
import { readOne, readPages } from './reads.js';
import { type AfterTasks, afterTasks } from './retention.js';
import type { Figure } from './report.js';
import { smallResults, someInputs } from './results-inputs.js';
import { measureImages } from './images.js';
import { measureS3 } from './s3-section.js';
import { scrapes } from './scrapes.js';
import { someSnapshots } from './snapshots.js';
import { measureSlurm, slurmFigures } from './slurm.js';
import { statusFreshness } from './status-freshness.js';
import { bulkSubmissions, submissions } from './submissions.js';
import { wideTask } from './wide-task.js';

export interface Run {
  /** 1 for a run that may be quoted. */
  readonly scale: number;
  /** Whether Slurm is measured in the same run, beside the node. */
  readonly isBesideSlurm?: boolean;
  /** Size of the folder that snapshots are taken of. */
  readonly snapshotMiB: number;
  /** Finished tasks of which the log is measured. */
  readonly retainedTasks: number;
  readonly say: (text: string) => void;
}

/** One part of the benchmark, on a platform of its own; measures its floor in the same minute. */
export interface Section {
  readonly name: string;
  /** Only where it was asked for: it takes minutes and gigabytes. */
  readonly isLarge?: boolean;
  readonly measure: (run: Run) => Promise<readonly Figure[]>;
}

const withPlatform = async <T>(
  env: Readonly<Record<string, string>>,
  work: (platform: RunningPlatform) => Promise<T>,
): Promise<T> => {
  const platform = await startPlatform({ env: { FORNAX_LOG_LEVEL: 'warn', FORNAX_SIMULATED_FLEET: '1', ...env } });
  try {
    return await work(platform);
  } finally {
    await platform.stop();
  }
};

const publishes = async (platform: RunningPlatform): ReturnType<typeof publishFloor> => {
  const nc = await connectNats({ ...(await natsCredentials(platform, OPERATOR_USER)), name: 'bench' });
  try {
    return await publishFloor(nc);
  } finally {
    await nc.close();
  }
};

const controlPlaneSection: Section = {
  name: 'control',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      say('floor: durable publishes');
      const { single, pipelined } = await publishes(platform);
      const beside = { floor: pipelined, floorName: 'publishes' };
      say('single submissions over HTTP, 32 clients');
      const submitted = await submissions(platform, 32, Math.round(6_000 * scale));
      say('control plane with simulated agents: single-instance tasks, then one wide task');
      const { tasksPerSecond, instancesPerSecond } = await controlPlane(platform, {
        waitingTasks: Math.round(6_000 * scale),
        instances: Math.round(20_000 * scale),
      });
      say('projection rebuild');
      const rebuilt = await rebuild(platform, 'status');
      return [
        { name: 'raw durable publish, 1 in flight', value: single, unit: '/s' },
        { name: 'raw durable publish, 256 in flight', value: pipelined, unit: '/s' },
        { name: 'single submissions over HTTP, 32 clients', value: submitted, unit: '/s', ...beside },
        {
          name: 'control plane, single-instance tasks',
          value: tasksPerSecond,
          unit: 'tasks/s',
          floor: pipelined / 4,
          floorName: 'publishes / 4 commits',
        },
        { name: 'control plane, one wide task', value: instancesPerSecond, unit: 'instances/s', ...beside },
        { name: 'status projection rebuild', value: rebuilt, unit: 'events/s', ...beside },
      ];
    }),
};

const bulkSection: Section = {
  name: 'bulk',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      const { pipelined } = await publishes(platform);
      say('submissions in bulks of 100, 4 clients');
      const value = await bulkSubmissions(platform, 4, { tasks: Math.round(20_000 * scale), size: 100 });
      return [
        {
          name: 'submissions in bulks of 100, 4 clients',
          value,
          unit: 'tasks/s',
          floor: pipelined,
          floorName: 'publishes one by one',
        },
      ];
    }),
};

const readsSection: Section = {
  name: 'reads',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      say('reading one task, 32 clients');
      const one = await readOne(platform, 32, Math.round(9_000 * scale));
      const tasks = Math.round(10_000 * scale);
      say(`pages of 50 summaries of ${tasks} tasks, 8 clients`);
      await bulkSubmissions(platform, 4, { tasks, size: 100 });
      const pages = await readPages(platform, 8, Math.round(1_500 * scale));
      return [
        { name: 'GET one task, 32 clients', value: one, unit: '/s' },
        { name: `page of 50 summaries of ${tasks} tasks, 8 clients`, value: pages, unit: '/s' },
      ];
    }),
};

const wideSection: Section = {
  name: 'wide',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      const instances = Math.round(100_000 * scale);
      say(`one task of ${instances} instances with simulated agents`);
      const { submitMs, instancesPerSecond, peakMiB } = await wideTask(platform, instances);
      return [
        { name: `task of ${instances} instances: submit`, value: submitMs, unit: 'ms' },
        { name: `task of ${instances} instances: to Success`, value: instancesPerSecond, unit: 'instances/s' },
        { name: `task of ${instances} instances: peak memory of the platform`, value: peakMiB, unit: 'MiB' },
      ];
    }),
};

const jobsSection: Section = {
  name: 'jobs',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      const [layers, width, count] = [Math.round(100 * scale), 100, Math.round(1_000 * scale)];
      const tasks = layers * width;
      say(`a job of ${tasks} tasks in ${layers} layers with simulated agents`);
      const { submitMs, gapMs, totalSeconds, peakMiB, edges } = await layeredJob(platform, layers, width);
      say(`a task that waits for ${count} tasks, and ${count} tasks that wait for it`);
      const { fanInMs, fanOutMs } = await fanJob(platform, count);
      say('the job of layers as one document');
      const documentMs = await documentOfLayers(platform, layers, width);
      const job = `job of ${tasks} tasks in ${layers} layers, ${edges} edges`;
      return [
        { name: `${job}: submit in bulks of ${width}`, value: submitMs, unit: 'ms' },
        { name: `${job}: submit as one document`, value: documentMs, unit: 'ms' },
        ...(['p50', 'p99', 'max'] as const).map((at) => ({
          name: `${job}: last end before to start, ${at}`,
          value: gapMs[at],
          unit: 'ms',
        })),
        { name: `${job}: all of it`, value: totalSeconds, unit: 's' },
        { name: `${job}: peak memory of the platform`, value: peakMiB, unit: 'MiB' },
        { name: `${count} ends to the start of the one that waits for them`, value: fanInMs, unit: 'ms' },
        { name: `one end to the start of the last of ${count} that wait for it`, value: fanOutMs, unit: 'ms' },
      ];
    }),
};

const nodeSection: Section = {
  name: 'node',
  measure: async ({ scale, say, isBesideSlurm = false }) => {
    say('floor: spawn');
    const spawns = await spawnFloor();
    const slurm = isBesideSlurm ? await measureSlurm(scale) : undefined;
    return withPlatform({ FORNAX_NODES: '1' }, async (platform) => {
      say('submit to start on an idle platform');
      const { p50, p95, p99 } = await idleLatency(platform, Math.round(200 * scale));
      say('no-op instances with the real agent');
      const { perSecond, cpuMs } = await endToEnd(platform, Math.round(600 * scale));
      say('lines of output to a reader');
      const lines = await logLines(platform, Math.round(3_000_000 * scale));
      return [
        { name: 'raw spawn of /bin/true, 2 at once', value: spawns, unit: '/s' },
        { name: 'idle submit to start, p50', value: p50, unit: 'ms' },
        { name: 'idle submit to start, p95', value: p95, unit: 'ms' },
        { name: 'idle submit to start, p99', value: p99, unit: 'ms' },
        {
          name: 'no-op instances end to end, real agent',
          value: perSecond,
          unit: '/s',
          floor: spawns,
          floorName: 'spawns',
        },
        {
          name: 'no-op instance, processor time of the platform, its servers and its node',
          value: KINDS.reduce((sum, kind) => sum + cpuMs[kind], 0),
          unit: 'ms',
        },
        ...KINDS.map((kind) => ({ name: `no-op instance, of that: ${kind}`, value: cpuMs[kind], unit: 'ms' })),
        { name: 'lines of output, agent to reader', value: lines, unit: 'lines/s' },
        ...(slurm ? slurmFigures(slurm, { perSecond, p50 }) : []),
      ];
    });
  },
};

const poolsSection: Section = {
  name: 'pools',
  measure: ({ scale, say }) =>
    // Room for all slots, which stand idle, and for one task beside them.
    withPlatform({ FORNAX_NODES: '1', FORNAX_NODE_CORES: '102', FORNAX_NODE_MEMORY_MB: '30000' }, async (platform) => {
      say('submit to start in a slot that is ready, and outside of pools, in turns');
      const { warm, cold } = await startsInPool(platform, Math.round(200 * scale));
      const slots = Math.round(100 * scale);
      say(`a pool of ${slots} slots`);
      const opened = await slotsOpened(platform, slots);
      return [
        ...(['p50', 'p95', 'p99'] as const).flatMap((at) => [
          {
            name: `idle submit to start in a warm pool, ${at}`,
            value: warm[at],
            unit: 'ms',
            floor: cold[at],
            floorName: 'outside of pools',
          },
          { name: `the same task outside of pools, ${at}`, value: cold[at], unit: 'ms' },
        ]),
        { name: `slots opened, a pool of ${slots}`, value: opened, unit: '/s' },
      ];
    }),
};

const outputSection: Section = {
  name: 'output',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '1', FORNAX_NODE_CORES: '4' }, async (platform) => {
      say('lines of output of one instance alone to a reader');
      const lines = await logLines(platform, Math.round(3_000_000 * scale));
      say('lines of one instance, alone and beside one that prints as fast as it can');
      const { alone, beside, floodMBperS } = await echoBesideFlood(platform, Math.round(600 * scale));
      const figures = (name: string, latency: EchoLatency): readonly Figure[] =>
        (['p50', 'p95', 'p99'] as const).map((at) => ({ name: `${name}, ${at}`, value: latency[at], unit: 'ms' }));
      return [
        { name: 'lines of output of one instance alone, agent to reader', value: lines, unit: 'lines/s' },
        ...figures('a line from echo to its reader, nothing else printed', alone),
        ...figures('a line from echo to its reader, another instance floods', beside),
        { name: 'the flood beside it', value: floodMBperS, unit: 'MB/s' },
      ];
    }),
};

const RUNNING = 16;

const freshnessSection: Section = {
  name: 'freshness',
  measure: ({ say }) =>
    withPlatform({ FORNAX_NODES: '1', FORNAX_NODE_CORES: String(RUNNING) }, async (platform) => {
      say(`age of the live status of ${RUNNING} running instances while tasks are submitted`);
      const { p50, max } = await statusFreshness(platform, RUNNING);
      return [
        { name: `age of the live status of ${RUNNING} instances under load, p50`, value: p50, unit: 'ms' },
        { name: `age of the live status of ${RUNNING} instances under load, max`, value: max, unit: 'ms' },
      ];
    }),
};

const resultsSection: Section = {
  name: 'results',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '1' }, async (platform) => {
      const files = Math.round(12_000 * scale);
      say(`${files} small files as results`);
      return smallResults(platform, files);
    }),
};

const inputsSection: Section = {
  name: 'inputs',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '1', FORNAX_STORAGE_REQUESTS_PER_S: '0' }, async (platform) => {
      const [files, cachedMiB] = [Math.round(1_000 * scale), Math.round(1_024 * scale)];
      say(`${files} small inputs, then ${cachedMiB} MiB that the node has`);
      return someInputs(platform, files, cachedMiB);
    }),
};

const snapshotsSection: Section = {
  name: 'snapshots',
  measure: ({ scale, snapshotMiB, say }) =>
    withPlatform({ FORNAX_NODES: '1' }, async (platform) => {
      const files = Math.max(1, Math.round(snapshotMiB * scale));
      say(`snapshots of ${files} MiB in files of 1 MiB, and of a computation`);
      return someSnapshots(platform, files);
    }),
};

const ratingSection: Section = {
  name: 'rating',
  measure: ({ scale, say }) => {
    const attempts = Math.round(500_000 * scale);
    say(`the bill of ${attempts} attempts, in this process alone`);
    const { perSecond } = rateAttempts(attempts);
    return Promise.resolve([{ name: `attempts rated, of ${attempts}, one process`, value: perSecond, unit: '/s' }]);
  },
};

/** Completions a second, as the issue of the bill asks. */
const COMPLETIONS = 2_000;

const ledgerSection: Section = {
  name: 'ledger',
  measure: async ({ scale, say }) => {
    const seconds = Math.max(2, Math.round(20 * scale));
    say(`how far the ledger is behind the log at ${COMPLETIONS} completions a second, for ${seconds} s`);
    const { completions, p50, p99, max } = await ledgerLag(COMPLETIONS, seconds);
    return [
      { name: 'completions that got their lines', value: completions, unit: '/s' },
      { name: 'the ledger behind the log, p50', value: p50, unit: 'ms' },
      { name: 'the ledger behind the log, p99', value: p99, unit: 'ms' },
      { name: 'the ledger behind the log, max', value: max, unit: 'ms' },
    ];
  },
};

const archiveSection: Section = {
  name: 'archive',
  measure: async ({ scale, say }) => {
    const segments = Math.max(1, Math.round(16 * scale));
    say(`the archive of the event log: ${segments} segments, in this process alone`);
    const { verified, archived, packedTo } = await verifySegments(segments);
    return [
      { name: 'archive verified, MB of commits', value: verified, unit: '/s' },
      { name: 'archive written, MB of commits', value: archived, unit: '/s' },
      { name: 'archive, of the size of the commits', value: packedTo * 100, unit: '%' },
    ];
  },
};

const LISTED_TASKS = 1_500;

/** Sizes of a run, each ten times the one before: what is bounded does not grow with it. */
const retentionSection: Section = {
  name: 'retention',
  isLarge: true,
  measure: async ({ retainedTasks, scale, say }) => {
    const most = Math.round(retainedTasks * scale);
    const counts = [100, 10, 1].map((part) => Math.round(most / part));
    say(`the log after ${counts.join(', ')} finished tasks that left it`);
    const left = await afterTasks(counts, '1s', say);
    say(`the log after ${counts.slice(0, 2).join(', ')} finished tasks that stay`);
    const stay = await afterTasks(counts.slice(0, 2), 'off', say);
    const compare = (what: string, unit: string, pick: (found: AfterTasks) => number): readonly Figure[] =>
      [left, stay].flatMap(([few, ...more], index) =>
        more.map((found) => {
          const how = index === 0 ? 'that left' : 'that stay';
          const floorName = `after ${few?.tasks} ${how}`;
          const floor = few === undefined ? 0 : pick(few);
          return { name: `${what}, ${found.tasks} tasks ${how}`, unit, value: pick(found), floor, floorName };
        }),
      );
    return [
      ...compare('NATS after a start', 'MiB', ({ natsMiB }) => natsMiB),
      ...compare('its folder', 'MiB', ({ diskMiB }) => diskMiB),
      ...compare('start until ready', 's', ({ startS }) => startS),
      ...compare('commits in the log', '', ({ kept }) => kept),
    ];
  },
};

const cliSection: Section = {
  name: 'cli',
  measure: ({ scale, say }) =>
    withPlatform({ FORNAX_NODES: '0' }, async (platform) => {
      const tasks = Math.round(LISTED_TASKS * scale);
      say(`the command line: 20 whole processes each, and a list of ${tasks} tasks`);
      const { node, version, list } = await commandLineSpeed(platform, { tasks, rounds: 20 });
      const beside = { floor: node.medianMs, floorName: 'ms of node -e 0' };
      const besideCpu = { floor: node.cpuMs, floorName: 'ms of node -e 0' };
      return [
        { name: 'fornax --version, median of 20 whole processes', value: version.medianMs, unit: 'ms', ...beside },
        { name: 'fornax --version, processor time', value: version.cpuMs, unit: 'ms', ...besideCpu },
        { name: `fornax task list of ${tasks}, median of 20`, value: list.medianMs, unit: 'ms', ...beside },
        { name: `fornax task list of ${tasks}, processor time`, value: list.cpuMs, unit: 'ms', ...besideCpu },
      ];
    }),
};

const statementsSection: Section = {
  name: 'statements',
  isLarge: true,
  measure: async ({ scale, say }) => {
    const lines = Math.round(1_000_000 * scale);
    say(`statements of a month with ${lines} lines`);
    const { times, ratedAgainSeconds, bookedSeconds, whileBookedMs } = await statementsOf(lines, 10);
    const ratings = [
      { name: `${lines} lines rated again`, value: ratedAgainSeconds, unit: 's' },
      { name: `${lines} lines rated again and their difference booked`, value: bookedSeconds, unit: 's' },
      { name: `statement of ${lines} lines by node while it is booked, longest`, value: whileBookedMs, unit: 'ms' },
    ] as const;
    const statements = times.flatMap(({ kind, attempts, p50, worst }) => [
      { name: `statement of ${attempts} lines ${kind}, p50`, value: p50, unit: 'ms' },
      { name: `statement of ${attempts} lines ${kind}, longest of 10`, value: worst, unit: 'ms' } as const,
    ]);
    return [...statements, ...ratings];
  },
};

const manySection: Section = {
  name: 'many',
  isLarge: true,
  measure: async ({ scale, say }) => {
    const tasks = Math.round(1_000_000 * scale);
    say(`pages of 50 summaries among ${tasks} tasks`);
    const latencies = await pagesOfMany(tasks, 500);
    return latencies.flatMap(({ kind, total, p50, p95, p99 }) =>
      (
        [
          ['p50', p50],
          ['p95', p95],
          ['p99', p99],
        ] as const
      ).map(([name, value]) => ({
        name: `page of 50 of ${total} ${kind}, among ${tasks}, ${name}`,
        value,
        unit: 'ms',
      })),
    );
  },
};

const scrapeSection: Section = {
  name: 'scrape',
  isLarge: true,
  measure: async ({ scale, say }) => {
    const tasks = Math.round(100_000 * scale);
    say(`/metrics with ${tasks} tasks that wait`);
    const costs = await withPlatform({ FORNAX_NODES: '0' }, (platform) => scrapes(platform, tasks, 100));
    return costs.flatMap(({ tasks: waiting, p50, p99, series }) => [
      { name: `/metrics with ${waiting} tasks that wait, p50`, value: p50, unit: 'ms' },
      { name: `/metrics with ${waiting} tasks that wait, p99`, value: p99, unit: 'ms' },
      { name: `series of /metrics with ${waiting} tasks that wait`, value: series, unit: 'series' },
    ]);
  },
};

const imagesSection: Section = {
  name: 'images',
  isLarge: true,
  measure: ({ scale, say }) => {
    say('starts in an image, and one that is pulled');
    return measureImages(Math.round(40 * scale), Math.round(1_024 * scale), say);
  },
};

const s3Section: Section = {
  name: 's3',
  isLarge: true,
  measure: ({ scale, say }) => measureS3(scale, say),
};

const dashboardOutputSection: Section = {
  name: 'dashboard-output',
  isLarge: true,
  measure: ({ scale, say }) => {
    const lines = Math.round(1_000_000 * scale);
    say(`output of ${lines} lines in Chromium`);
    return outputOfMany(lines);
  },
};

const dashboardTasksSection: Section = {
  name: 'dashboard-tasks',
  isLarge: true,
  measure: ({ scale, say }) => {
    const tasks = Math.round(1_000_000 * scale);
    say(`the table of ${tasks} tasks in Chromium`);
    return tableOfMany(tasks, Math.round(20_000 * scale));
  },
};

export const SECTIONS: readonly Section[] = [
  controlPlaneSection,
  bulkSection,
  readsSection,
  wideSection,
  jobsSection,
  nodeSection,
  poolsSection,
  outputSection,
  freshnessSection,
  resultsSection,
  inputsSection,
  snapshotsSection,
  ratingSection,
  ledgerSection,
  archiveSection,
  retentionSection,
  statementsSection,
  cliSection,
  manySection,
  scrapeSection,
  imagesSection,
  s3Section,
  dashboardOutputSection,
  dashboardTasksSection,
];
