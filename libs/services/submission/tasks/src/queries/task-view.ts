import { dependenciesView, dependencyViews, type Outcomes } from './dependencies-view.js';
import type { WireCompletedInstance, WireTask } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import type { Echo } from '../model/task-spec.js';
import { askedView } from './asked-view.js';
import { nothingLive, type LiveLeases } from '../live/live-board.js';
import type { TaskStatus } from '../model/task-status.js';
import { type Running, runningOf } from './running-view.js';
import { statusView, workDone } from './status-view.js';
import { shortened, summaryView } from './task-summary.js';
import type { CompletedRecord } from '../model/completed-record.js';
import { CLOCK_RATIO, rounded } from './view-values.js';

/** How long a resource stays in a node's cache when nobody says (contract, section 3.1). */
const DEFAULT_CACHE_TTL_S = 7_776_000;
const OUTCOMES = { success: 'Success', failure: 'Failure', cancelled: 'Cancelled' } as const;

const echoOf = (spec: TaskSpec): Echo => spec.echo as Echo;

type AdvancedBucket = WireTask['advancedResourceBuckets'][number];

/** Without objects that say nothing: a strict client needs what is inside of them (contract, section 7.8). */
export const withoutEmptyParts = ({
  filtering,
  resourcesTransformation,
  ...bucket
}: AdvancedBucket): AdvancedBucket => ({
  ...bucket,
  ...(filtering?.prefixFiltering?.prefix === undefined ? {} : { filtering }),
  ...(resourcesTransformation?.stripPrefix?.prefix === undefined ? {} : { resourcesTransformation }),
});

/** Notes of instances that are shown of one task: the first ones tell most. */
const MAX_INSTANCE_NOTES = 20;

const instanceNotes = (completed: readonly CompletedRecord[], instances: number): readonly string[] =>
  completed
    .flatMap(({ instance, notes }) => notes.map((note) => (instances === 1 ? note : `Instance ${instance}: ${note}`)))
    .slice(0, MAX_INSTANCE_NOTES);

/** What keeps running instances back, as their nodes tell it. */
const waitingNotes = (running: readonly Running[]): readonly string[] =>
  running
    .flatMap(({ instance, live }) => {
      const why = live?.instance.waiting;
      if (why === undefined) return [];
      const isBegun = live?.instance.phase !== 'download';
      return [`Instance ${instance} ${isBegun ? 'waits to store its results: ' : ''}${why}`];
    })
    .slice(0, MAX_INSTANCE_NOTES);

/** The whole task as its owner sees it (contract, section 3.2); secrets are masked, nothing is null that a client cannot take. */
export const taskView = (
  task: TaskStatus,
  completed: readonly CompletedRecord[],
  now: number,
  taskNotes: readonly string[],
  live: LiveLeases = nothingLive,
  outcomes: Outcomes = new Map(),
): WireTask => {
  const { spec } = task.fold;
  const echo = echoOf(spec);
  const running = runningOf(task, live);
  const waiting = waitingNotes(running);
  const notes = [...taskNotes, ...waiting, ...instanceNotes(completed, task.fold.all.size)];
  const told = running.map((one) => one.live);
  const summary = summaryView(shortened(task), now, workDone(told));
  return {
    ...summary,
    errors: task.errors.map(({ code, message, debug }) => ({ code, message, debug })),
    resourceBuckets: echo.advancedResourceBuckets ? [] : (echo.resourceBuckets ?? []),
    advancedResourceBuckets: (echo.advancedResourceBuckets ?? []).map(withoutEmptyParts),
    resultBucket: spec.resultBucket,
    resultsBucket: spec.resultBucket,
    resultsBucketPrefix: spec.resultsPrefix,
    resultsCacheTTLSec: echo.resultsCacheTTLSec ?? null,
    resultsWhitelist: spec.resultsWhitelist,
    resultsBlacklist: spec.resultsBlacklist,
    resultsCount: task.resultsCount,
    snapshotInterval: spec.snapshotIntervalSeconds ?? 0,
    snapshotWhitelist: spec.snapshotWhitelist,
    snapshotBlacklist: spec.snapshotBlacklist,
    snapshotBucket: spec.snapshotBucket,
    snapshotBucketPrefix: spec.snapshotPrefix,
    completedInstances: completed.map(completedView),
    status: statusView(task, completed, now, live, summary.progress),
    ...askedView(spec, echo),
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
    dependencies: dependenciesView(task.fold, outcomes),
    notes,
    fornax: {
      waitingReason: task.fold.lastReason ?? waiting[0] ?? null,
      notes,
      origin: spec.origin ?? null,
      maxParallel: spec.maxParallel ?? null,
      resumeFromSnapshot: spec.resumeFromSnapshot ?? null,
      redactOutput: spec.redactOutput ?? true,
      snapshotRetention: spec.snapshotRetention ?? null,
      table: tableView(spec),
      pinned: spec.pin !== undefined || spec.pinnedImage !== undefined,
      images: [...(task.fold.images ?? [spec.pinnedImage].flatMap((image) => image ?? []))],
      dependencies: dependencyViews(task.fold, outcomes),
    },
  };
};

const tableView = ({ table }: TaskSpec): WireTask['fornax']['table'] =>
  table === undefined ? null : { columns: [...table.columns], rows: table.rows };

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
