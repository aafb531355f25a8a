import { wireDate, wireDuration, type WireTaskSummary } from '@fornax/contracts';
import type { PublicTaskState } from '@fornax/domain';
import type { Echo } from '../model/task-spec.js';
import { runningSinceMs } from '../model/task-rows.js';
import type { TaskStatus } from '../model/task-status.js';
import { timesOf, TIMES_COLUMNS, type TimesRecord, type WorkTimes } from '../model/work-rows.js';

/** What a task in short consists of: columns of its row alone, so that a page of them restores no fold. */
export interface TaskInShort extends WorkTimes {
  readonly taskId: string;
  readonly name: string;
  readonly shortname: string;
  readonly profile: string;
  readonly jobId: string | null;
  readonly state: PublicTaskState;
  readonly previousState: PublicTaskState | null;
  readonly advancedRanges: string | null;
  readonly totalInstances: number;
  readonly endedInstances: number;
  readonly succeededInstances: number;
  readonly runningInstances: number;
  /** The sum of the times at which the running instances began. */
  readonly runningSinceMs: number;
  readonly runningCores: number;
  /** Of attempts that are over. */
  readonly executionMs: number;
  readonly maxRetriesPerInstance: number;
  readonly waitForPoolResourcesSynchronization: boolean | null;
  readonly poolUuid: string | null;
}

export interface SummaryRecord extends TimesRecord {
  readonly task_id: string;
  readonly name: string;
  readonly shortname: string;
  readonly profile: string;
  readonly job_id: string | null;
  readonly state: PublicTaskState;
  readonly previous_state: PublicTaskState | null;
  readonly total_instances: number;
  readonly ended_instances: number;
  readonly succeeded_instances: number;
  readonly running_instances: number;
  readonly running_since_ms: string;
  readonly running_cores: number;
  readonly execution_ms: string;
  readonly asked: readonly [
    advancedRanges: string | null,
    poolUuid: string | null,
    maxRetries: string | null,
    waitForPool: boolean | null,
  ];
}

/**
 * Columns of a SummaryRecord. What was asked for is taken out of its document in one go: Postgres puts a large value together again for each expression
 * that reads it, and that was most of what a page took.
 */
export const SUMMARY_COLUMNS = `task.task_id, name, shortname, profile, job_id, state, previous_state, ${TIMES_COLUMNS},
  total_instances, ended_instances, succeeded_instances, running_instances, running_since_ms, running_cores, execution_ms,
  (SELECT jsonb_build_array("advancedRanges", "poolUuid",
       coalesce(echo->>'maxRetriesPerInstance', echo->'retrySettings'->>'maxPerInstanceRetries'),
       (echo->>'waitForPoolResourcesSynchronization')::boolean)
     FROM jsonb_to_record(spec) AS asked("advancedRanges" text, "poolUuid" text, echo jsonb)) AS asked`;

export const inShort = (record: SummaryRecord): TaskInShort => {
  const [advancedRanges, poolUuid, maxRetries, waitForPool] = record.asked;
  return {
    taskId: record.task_id,
    name: record.name,
    shortname: record.shortname,
    profile: record.profile,
    jobId: record.job_id,
    state: record.state,
    previousState: record.previous_state,
    ...timesOf(record),
    advancedRanges,
    totalInstances: record.total_instances,
    endedInstances: record.ended_instances,
    succeededInstances: record.succeeded_instances,
    runningInstances: record.running_instances,
    runningSinceMs: Number(record.running_since_ms),
    runningCores: record.running_cores,
    executionMs: Number(record.execution_ms),
    maxRetriesPerInstance: Number(maxRetries ?? 0),
    waitForPoolResourcesSynchronization: waitForPool,
    poolUuid,
  };
};

/** The same of a task that was read as a whole. */
export const shortened = (task: TaskStatus): TaskInShort => {
  const { fold } = task;
  const { spec } = fold;
  const echo = spec.echo as Echo;
  const running = [...fold.inFlight.values()].filter(({ phase }) => phase === 'executing').length;
  return {
    ...task,
    name: spec.name,
    shortname: spec.shortname,
    profile: spec.profile,
    jobId: spec.jobId ?? null,
    advancedRanges: spec.advancedRanges,
    totalInstances: fold.all.size,
    succeededInstances: fold.succeeded.size,
    endedInstances: fold.succeeded.size + fold.failed.size + fold.cancelled.size,
    runningInstances: running,
    runningSinceMs: runningSinceMs(task),
    runningCores: running * spec.request.cores,
    executionMs: task.usage.executionMs,
    maxRetriesPerInstance: echo.maxRetriesPerInstance ?? echo.retrySettings?.maxPerInstanceRetries ?? 0,
    waitForPoolResourcesSynchronization: echo.waitForPoolResourcesSynchronization ?? null,
    poolUuid: spec.poolUuid ?? null,
  };
};

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

/**
 * Share of the work that is done, in percent: instances that succeeded and, until the task is over, what those under way say of themselves. What failed
 * or was cancelled is not done, so a task that did not succeed as a whole never ends at 100.
 */
const progressOf = (task: TaskInShort, workDone: number): number => {
  const { endMs, totalInstances, endedInstances, succeededInstances } = task;
  // What a node said of an instance a moment ago may be counted among those that are over already.
  const underWay = endMs === null ? Math.min(workDone, totalInstances - endedInstances) : 0;
  return totalInstances === 0 ? 0 : rounded((100 * (succeededInstances + underWay)) / totalInstances);
};

/**
 * @param now milliseconds; running times count up to it
 * @param workDone of the running instances, as their nodes tell: two that are half through count as one
 */
export const summaryView = (task: TaskInShort, now: number, workDone = 0): WireTaskSummary => {
  const cores = Math.round(task.runningCores);
  const runningMs = Math.max(0, task.runningInstances * now - task.runningSinceMs);
  return {
    uuid: task.taskId,
    name: task.name,
    shortname: task.shortname,
    profile: task.profile,
    poolUuid: task.poolUuid,
    jobUuid: task.jobId,
    progress: progressOf(task, workDone),
    runningInstanceCount: task.runningInstances,
    runningCoreCount: cores,
    clusterInfo: { clusterCoresCount: cores },
    executionTime: wireDuration(task.executionMs + runningMs),
    wallTime: wireDuration(Math.max(0, (task.endMs ?? now) - task.createdMs)),
    state: task.state,
    previousState: task.previousState,
    totalInstanceCount: task.totalInstances,
    instanceCount: task.advancedRanges === null ? task.totalInstances : 0,
    maxRetriesPerInstance: task.maxRetriesPerInstance,
    advancedRanges: task.advancedRanges,
    stateTransitionTime: wireDate(task.stateMs),
    previousStateTransitionTime: wireDate(task.previousStateMs),
    lastModified: wireDate(task.modifiedMs),
    creationDate: wireDate(task.createdMs),
    endDate: wireDate(task.endMs),
    waitForPoolResourcesSynchronization: task.waitForPoolResourcesSynchronization,
  };
};
