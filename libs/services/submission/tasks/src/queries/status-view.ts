import { wireDate, wireDuration, type WireStatus } from '@fornax/contracts';
import { difference, formatRanges, union } from '@fornax/domain';
import type { LiveLease, LiveLeases } from '../live/live-board.js';
import type { HardwareUsage, TaskStatus } from '../model/task-status.js';
import { executionMsSoFar, runningInfo, runningOf, type Running } from './running-view.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { CLOCK_RATIO, rounded, seconds } from './view-values.js';

/** All nodes are at one place, which has no name of its own; clients want an id. */
const ONLY_SITE = '00000000-0000-0000-0000-000000000000';

/** Work of attempts that are over and, where its node tells, of what runs now, by kind of hardware. */
const workByHardware = (task: TaskStatus, running: readonly Running[], now: number): readonly HardwareUsage[] => {
  const work = new Map(Object.entries(task.usage.byHardware));
  for (const one of running) {
    const { live, lease } = one;
    if (!live || lease.phase !== 'executing') continue;
    const { specificationKey, cpuModel, cores, ghz } = live.host;
    const executionMs = executionMsSoFar(one, now);
    const before = work.get(specificationKey);
    work.set(specificationKey, {
      hardware: before?.hardware ?? { specificationKey, cpuModel, cores, ghz },
      executionMs: (before?.executionMs ?? 0) + executionMs,
      ghzMs: (before?.ghzMs ?? 0) + live.instance.ghzSeconds * 1_000,
    });
  }
  return [...work.values()];
};

/** Several kinds of hardware may have one processor. */
const byProcessor = (work: readonly HardwareUsage[]): readonly HardwareUsage[] => {
  const together = new Map<string, HardwareUsage>();
  for (const { hardware, executionMs, ghzMs } of work) {
    const key = `${hardware.cpuModel}|${hardware.cores}`;
    const before = together.get(key);
    together.set(key, {
      hardware,
      executionMs: (before?.executionMs ?? 0) + executionMs,
      ghzMs: (before?.ghzMs ?? 0) + ghzMs,
    });
  }
  return [...together.values()];
};

type ByInstance = WireStatus['executionTimeByInstanceId'];

const timesByInstance = (
  completed: readonly CompletedRecord[],
  running: readonly Running[],
  now: number,
): ByInstance => [
  ...completed.map((record) => ({
    instanceId: record.instance,
    specificationKey: record.hardware.specificationKey,
    siteUuid: ONLY_SITE,
    time: seconds(Number(record.execution_ms)),
    timeGhz: rounded((Number(record.execution_ms) / 1_000) * record.hardware.ghz),
    clockRatio: CLOCK_RATIO,
  })),
  ...running.flatMap((one): ByInstance =>
    one.live && one.lease.phase === 'executing'
      ? [
          {
            instanceId: one.instance,
            specificationKey: one.live.host.specificationKey,
            siteUuid: ONLY_SITE,
            time: seconds(executionMsSoFar(one, now)),
            timeGhz: one.live.instance.ghzSeconds,
            clockRatio: CLOCK_RATIO,
          },
        ]
      : [],
  ),
];

const shareOf = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.min(100, rounded((100 * part) / whole));

/** The ranges of instances (contract, section 3.8). */
const rangesOf = ({ fold }: TaskStatus) => ({
  succeededRange: formatRanges(fold.succeeded),
  executedRange: formatRanges(union(fold.succeeded, fold.failed)),
  failedRange: formatRanges(fold.failed),
  cancelledRange: formatRanges(fold.cancelled),
  failedOnlyRange: formatRanges(difference(fold.failed, fold.cancelled)),
  startedOnceRange: formatRanges(fold.startedOnce),
});

/**
 * Null until the first instance was dispatched (contract, section 3.2).
 * @param live what nodes say now; nothing for the status of another time
 */
export const statusView = (
  task: TaskStatus,
  completed: readonly CompletedRecord[],
  now: number,
  live: LiveLeases,
  progress: number,
): WireStatus | null => {
  const { fold, usage, endMs } = task;
  if (fold.attempts.size === 0) return null;
  const running = runningOf(task, live);
  const begun = running.filter(({ lease }) => lease.phase !== 'dispatched');
  const executing = begun.filter(({ lease }) => lease.phase === 'executing');
  const executionMs = usage.executionMs + executing.reduce((sum, one) => sum + executionMsSoFar(one, now), 0);
  const elapsedMs = Math.max(0, (endMs ?? now) - task.createdMs);
  const work = workByHardware(task, running, now);
  const info = runningInfo(task, running, now);
  return {
    timestamp: wireDate(now),
    lastUpdateTimestamp: info.timestamp,
    downloadProgress: shareOf(fold.startedOnce.size, fold.all.size),
    executionProgress: progress,
    uploadProgress: shareOf(fold.succeeded.size, fold.all.size),
    instanceCount: begun.length,
    downloadTime: wireDuration(usage.downloadMs),
    downloadTimeSec: seconds(usage.downloadMs),
    environmentTime: wireDuration(usage.environmentMs),
    environmentTimeSec: seconds(usage.environmentMs),
    executionTime: wireDuration(executionMs),
    executionTimeSec: seconds(executionMs),
    uploadTime: wireDuration(usage.uploadMs),
    uploadTimeSec: seconds(usage.uploadMs),
    wallTime: wireDuration(elapsedMs),
    wallTimeSec: seconds(elapsedMs),
    executionTimeByCpuModel: byProcessor(work).map((used) => ({
      model: used.hardware.cpuModel,
      time: seconds(used.executionMs),
      core: used.hardware.cores,
    })),
    executionTimeGhzByCpuModel: byProcessor(work).map((used) => ({
      model: used.hardware.cpuModel,
      timeGhz: rounded(used.ghzMs / 1_000),
      clockRatio: CLOCK_RATIO,
      core: used.hardware.cores,
    })),
    executionTimeByMachineSpecification: work.map((used) => ({
      specificationKey: used.hardware.specificationKey,
      time: seconds(used.executionMs),
    })),
    executionTimeBySiteAndMachine: work.map((used) => ({
      siteUuid: ONLY_SITE,
      specificationKey: used.hardware.specificationKey,
      time: seconds(used.executionMs),
    })),
    executionTimeByInstanceId: timesByInstance(completed, running, now),
    ...rangesOf(task),
    runningInstancesInfo: info,
  };
};

/** How many instances' worth of work has been done by what runs, by its own account: two at 50 % make one. */
export const workDone = (told: Iterable<LiveLease | undefined>): number =>
  [...told].reduce((sum, live) => sum + Math.min(1, Math.max(0, (live?.instance.progress ?? 0) / 100)), 0);
