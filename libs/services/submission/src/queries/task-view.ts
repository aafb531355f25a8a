import {
  wireDate,
  wireDuration,
  type WireCompletedInstance,
  type WireRunningInstance,
  type WireStatus,
  type WireTask,
} from '@fornax/contracts';
import { difference, formatRanges, union, type InFlight, type NodeHardwareFacts, type TaskSpec } from '@fornax/domain';
import { masked } from '../commands/secret-constants.js';
import type { Echo } from '../commands/task-spec.js';
import type { TaskError, TaskStatus } from '../projections/task-status.js';
import { shortened, summaryView } from './task-summary.js';

/** A row of `completed_instance`. */
export interface CompletedRecord {
  readonly task_id: string;
  readonly instance: number;
  readonly outcome: 'success' | 'failure' | 'cancelled';
  readonly attempt: number;
  readonly wall_ms: string;
  readonly execution_ms: string;
  readonly peak_memory_mb: number;
  readonly hardware: NodeHardwareFacts;
  readonly error: TaskError | null;
}

/** How long a resource stays in a node's cache when nobody says (contract, section 3.1). */
const DEFAULT_CACHE_TTL_S = 7_776_000;
/** The clock ratio compares a node's speed with the reference hardware of its class; nodes report their true frequency, so it is 1. */
const CLOCK_RATIO = 1;
/** All nodes are at one place, which has no name of its own; clients want an id. */
const ONLY_SITE = '00000000-0000-0000-0000-000000000000';
const OUTCOMES = { success: 'Success', failure: 'Failure', cancelled: 'Cancelled' } as const;

const echoOf = (spec: TaskSpec): Echo => spec.echo as Echo;
const seconds = (ms: number): number => Math.max(0, Math.floor(ms / 1_000));
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Time that the instances now running have spent so far. */
const runningMs = (task: TaskStatus, now: number): number => {
  let total = 0;
  for (const { phase, startedAt } of task.fold.inFlight.values()) {
    if (phase === 'executing' && startedAt !== undefined) total += Math.max(0, now - startedAt);
  }
  return total;
};

const wallMs = (task: TaskStatus, now: number): number => Math.max(0, (task.endMs ?? now) - task.createdMs);

const progressOf = ({ fold, endMs }: TaskStatus): number => {
  if (endMs !== null) return 100;
  const over = fold.succeeded.size + fold.failed.size + fold.cancelled.size;
  return fold.all.size === 0 ? 0 : rounded((100 * over) / fold.all.size);
};

/** The whole task as its owner sees it (contract, section 3.2); secrets are masked, nothing is null that a client cannot take. */
export const taskView = (
  task: TaskStatus,
  completed: readonly CompletedRecord[],
  now: number,
  notes: readonly string[],
): WireTask => {
  const { spec } = task.fold;
  const echo = echoOf(spec);
  return {
    ...summaryView(shortened(task), now),
    errors: task.errors.map(({ code, message, debug }) => ({ code, message, debug })),
    resourceBuckets: echo.advancedResourceBuckets ? [] : (echo.resourceBuckets ?? []),
    advancedResourceBuckets: echo.advancedResourceBuckets ?? [],
    resultBucket: spec.resultBucket,
    resultsBucket: spec.resultBucket,
    resultsBucketPrefix: spec.resultsPrefix,
    resultsCacheTTLSec: echo.resultsCacheTTLSec ?? null,
    resultsWhitelist: spec.resultsWhitelist,
    resultsBlacklist: spec.resultsBlacklist,
    resultsCount: task.resultsCount,
    snapshotInterval: 0,
    snapshotWhitelist: spec.snapshotWhitelist,
    snapshotBlacklist: spec.snapshotBlacklist,
    snapshotBucket: spec.snapshotBucket,
    snapshotBucketPrefix: spec.snapshotPrefix,
    completedInstances: completed.map(completedView),
    status: statusView(task, completed, now),
    constants: masked(spec.constants),
    forcedConstants: echo.forcedConstants ?? [],
    constraints: echo.constraints ?? [],
    secretsAccessRights: {
      bySecret: echo.secretsAccessRights?.bySecret ?? [],
      byPrefix: echo.secretsAccessRights?.byPrefix ?? [],
    },
    tags: [...spec.tags],
    labels: spec.labels,
    privileges: {
      exportApiAndStorageCredentialsInEnvironment:
        echo.privileges?.exportApiAndStorageCredentialsInEnvironment ?? false,
    },
    retrySettings: {
      maxTotalRetries: echo.retrySettings?.maxTotalRetries ?? null,
      maxPerInstanceRetries: echo.retrySettings?.maxPerInstanceRetries ?? null,
    },
    hardwareConstraints: spec.hardwareConstraints.map((constraint) => ({ ...constraint })),
    forcedNetworkRules: echo.forcedNetworkRules ?? [],
    schedulingType: spec.plan,
    targetedReservedMachineKey: echo.targetedReservedMachineKey ?? null,
    targetedReservationName: echo.targetedReservationName ?? null,
    projectUuid: spec.projectUuid ?? null,
    maxTimeQueueSeconds: echo.maxTimeQueueSeconds ?? null,
    defaultResourcesCacheTTLSec: echo.defaultResourcesCacheTTLSec ?? DEFAULT_CACHE_TTL_S,
    uploadResultsOnCancellation: echo.uploadResultsOnCancellation ?? null,
    autoDeleteOnCompletion: echo.autoDeleteOnCompletion ?? false,
    completionTimeToLive: echo.completionTimeToLive ?? '00:00:00',
    dependencies: null,
    notes: [...notes],
    fornax: { waitingReason: task.fold.lastReason, notes: [...notes], origin: spec.origin ?? null },
  };
};

const completedView = (record: CompletedRecord): WireCompletedInstance => {
  const { hardware } = record;
  const executionS = Number(record.execution_ms) / 1_000;
  return {
    results: [],
    instanceId: record.instance,
    wallTimeSec: rounded(Number(record.wall_ms) / 1_000),
    execTimeSec: rounded(executionS),
    execTimeSecGHz: rounded(executionS * hardware.ghz),
    peakMemoryMB: Math.round(record.peak_memory_mb),
    state: OUTCOMES[record.outcome],
    error: record.error,
    specificationKey: hardware.specificationKey,
    cpuModel: hardware.cpuModel,
    coreCount: hardware.cores,
    clockRatio: CLOCK_RATIO,
    averageGHz: hardware.ghz,
    executionAttemptCount: record.attempt,
  };
};

/** Null until the first instance was dispatched (contract, section 3.2). */
const statusView = (task: TaskStatus, completed: readonly CompletedRecord[], now: number): WireStatus | null => {
  const { fold, usage } = task;
  if (fold.attempts.size === 0) return null;
  const executionMs = usage.executionMs + runningMs(task, now);
  const elapsedMs = wallMs(task, now);
  const progress = progressOf(task);
  // In the order of their keys: the rows do not keep another one.
  const hardware = Object.keys(usage.byHardware)
    .toSorted()
    .flatMap((key) => usage.byHardware[key] ?? []);
  const executed = union(fold.succeeded, fold.failed);
  const running = runningInstances(task, now);
  return {
    timestamp: wireDate(now),
    lastUpdateTimestamp: wireDate(task.modifiedMs),
    downloadProgress: fold.startedOnce.size > 0 ? 100 : 0,
    executionProgress: progress,
    uploadProgress: progress,
    instanceCount: running.length,
    downloadTime: '00:00:00',
    downloadTimeSec: 0,
    environmentTime: '00:00:00',
    environmentTimeSec: 0,
    executionTime: wireDuration(executionMs),
    executionTimeSec: seconds(executionMs),
    uploadTime: wireDuration(usage.uploadMs),
    uploadTimeSec: seconds(usage.uploadMs),
    wallTime: wireDuration(elapsedMs),
    wallTimeSec: seconds(elapsedMs),
    executionTimeByCpuModel: hardware.map((used) => ({
      model: used.hardware.cpuModel,
      time: seconds(used.executionMs),
      core: used.hardware.cores,
    })),
    executionTimeGhzByCpuModel: hardware.map((used) => ({
      model: used.hardware.cpuModel,
      timeGhz: rounded((used.executionMs / 1_000) * used.hardware.ghz),
      clockRatio: CLOCK_RATIO,
      core: used.hardware.cores,
    })),
    executionTimeByMachineSpecification: hardware.map((used) => ({
      specificationKey: used.hardware.specificationKey,
      time: seconds(used.executionMs),
    })),
    executionTimeBySiteAndMachine: [],
    executionTimeByInstanceId: completed.map((record) => ({
      instanceId: record.instance,
      specificationKey: record.hardware.specificationKey,
      siteUuid: ONLY_SITE,
      time: seconds(Number(record.execution_ms)),
      timeGhz: rounded((Number(record.execution_ms) / 1_000) * record.hardware.ghz),
      clockRatio: CLOCK_RATIO,
    })),
    succeededRange: formatRanges(fold.succeeded),
    executedRange: formatRanges(executed),
    failedRange: formatRanges(fold.failed),
    cancelledRange: formatRanges(fold.cancelled),
    failedOnlyRange: formatRanges(difference(fold.failed, fold.cancelled)),
    startedOnceRange: formatRanges(fold.startedOnce),
    runningInstancesInfo: {
      perRunningInstanceInfo: running,
      snapshotResults: [],
      timestamp: wireDate(task.modifiedMs),
      averageFrequencyGHz: 0,
      maxFrequencyGHz: 0,
      minFrequencyGHz: 0,
      averageMaxFrequencyGHz: 0,
      averageCpuUsage: 0,
      clusterPowerIndicator: running.length > 0 ? 1 : 0,
      averageMemoryUsage: 0,
      averageNetworkInKbps: 0,
      averageNetworkOutKbps: 0,
      totalNetworkInKbps: 0,
      totalNetworkOutKbps: 0,
      runningCoreCountByCpuModel: [],
    },
  };
};

const PHASES = { dispatched: 'dispatch', executing: 'execution', uploading: 'upload' } as const satisfies Record<
  InFlight['phase'],
  string
>;

/** In order of instance number: scripts look at the first one. What nodes do not measure yet is 0. */
const runningInstances = (task: TaskStatus, now: number): WireRunningInstance[] =>
  [...task.fold.inFlight]
    .filter(([, lease]) => lease.phase !== 'dispatched')
    .sort(([a], [b]) => a - b)
    .map(([instance, lease]) => ({
      phase: PHASES[lease.phase],
      instanceId: instance,
      maxFrequencyGHz: 0,
      currentFrequencyGHz: 0,
      cpuUsage: 0,
      maxMemoryMB: task.fold.spec.request.memoryMB,
      currentMemoryMB: 0,
      memoryUsage: 0,
      networkInKbps: 0,
      networkOutKbps: 0,
      progress: 0,
      executionTimeSec: lease.startedAt === undefined ? 0 : seconds(now - lease.startedAt),
      executionTimeGHz: 0,
      specificationKey: '',
      cpuModel: '',
      coreCount: Math.round(task.fold.spec.request.cores),
      executionAttemptCount: lease.attempt,
      clockRatio: CLOCK_RATIO,
      activeForwards: [],
      vpnConnections: [],
    }));
