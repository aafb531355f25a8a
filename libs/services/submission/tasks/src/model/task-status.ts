import type { RecordedCommit } from '@fornax/contracts';
import {
  isOver,
  publicStateOf,
  taskDecider,
  verdictOf,
  type AttemptEnd,
  type CancelCause,
  type DependencyEnd,
  type NodeHardwareFacts,
  type PublicTaskState,
  type TaskDependency,
  type TaskEvent,
  type TaskState,
} from '@fornax/domain';
import type { WorkTimes } from './work-rows.js';

const { initial: initialTaskState, evolve: evolveTask } = taskDecider;

/** Work done on one kind of hardware. */
export interface HardwareUsage {
  readonly hardware: NodeHardwareFacts;
  readonly executionMs: number;
  /** Execution times the frequency of the cores meanwhile. */
  readonly ghzMs: number;
}

export interface TaskUsage {
  readonly executionMs: number;
  readonly downloadMs: number;
  readonly environmentMs: number;
  readonly uploadMs: number;
  /** By specification key, in order of first use. */
  readonly byHardware: Readonly<Record<string, HardwareUsage>>;
  /** An attempt's command has run: such a task has uploaded before it ended. */
  readonly hasExecuted: boolean;
}

export interface TaskError {
  readonly code: string;
  readonly message: string;
  readonly debug: string;
  /** Whose error it is; absent in rows of before, and where it is the task's own. */
  readonly instance?: number;
}

/** One instance that is over, with the attempt that ended it. */
export interface CompletedInstance {
  readonly taskId: string;
  readonly end: AttemptEnd;
  /** From the start of the attempt to its conclusion. */
  readonly wallMs: number;
  readonly error: TaskError | null;
}

/** What is shown of a task: its fold, and what only the history tells (transitions, usage, errors). */
export interface TaskStatus extends WorkTimes {
  readonly taskId: string;
  readonly fold: TaskState;
  readonly state: PublicTaskState;
  readonly previousState: PublicTaskState | null;
  readonly usage: TaskUsage;
  readonly errors: readonly TaskError[];
  readonly resultsCount: number;
  /** Sequence of the task's own last commit: where a decision about it starts. */
  readonly sequence: number;
  /** Sequence of the last commit of any aggregate that changed this row. */
  readonly version: number;
}

/** What a commit did to one task. */
export interface StatusChange {
  /** Null when the task is gone. */
  readonly status: TaskStatus | null;
  readonly completed: readonly CompletedInstance[];
}

/** Errors shown of one task: the first ones tell most. */
const MAX_ERRORS = 20;
const TERMINAL: readonly PublicTaskState[] = ['Success', 'Failure', 'Cancelled'];

/** Nothing has run yet. */
export const noUsage: TaskUsage = {
  executionMs: 0,
  downloadMs: 0,
  environmentMs: 0,
  uploadMs: 0,
  byHardware: {},
  hasExecuted: false,
};

/** The hardware of an attempt with the frequency that was measured while it ran, if one was. */
export const hardwareAsRun = ({ hardware, averageGHz }: AttemptEnd): NodeHardwareFacts =>
  averageGHz === undefined ? hardware : { ...hardware, ghz: averageGHz };

const initialStatus = (taskId: string, at: number): TaskStatus => ({
  taskId,
  fold: initialTaskState,
  state: 'Submitted',
  previousState: null,
  stateMs: at,
  previousStateMs: null,
  createdMs: at,
  modifiedMs: at,
  endMs: null,
  usage: noUsage,
  errors: [],
  resultsCount: 0,
  sequence: 0,
  version: 0,
});

export const executionMsOf = (end: AttemptEnd): number =>
  end.startedAt === undefined ? 0 : Math.max(0, Math.round(end.endedAt - end.startedAt));

/** Text from a node, made fit for Postgres: no NUL, no half of a surrogate pair. */
const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** What a node tells of an instance though it is no failure. */
export const notesIn = ({ notes = [] }: AttemptEnd): readonly string[] => notes.map(storable);

/** The folder of an instance's results where it has one of its own. */
export const folderIn = ({ folder }: AttemptEnd): string | null => (folder === undefined ? null : storable(folder));

/** Paths of the first results of an instance. */
export const resultsIn = ({ results = [] }: AttemptEnd): readonly string[] => results.map(storable);

/** Why an instance failed, in words; the vendor's samples print the first error of a failed task without looking. */
const errorOf = (end: AttemptEnd): TaskError | null => {
  if (end.outcome !== 'failure') return null;
  if (end.error)
    return { code: storable(end.error.code), message: storable(end.error.message), debug: storable(end.error.debug) };
  if (end.signal !== undefined)
    return failed('FX-SIGNAL', `Instance ${end.instance} was ended by ${storable(end.signal)}`);
  if (end.exitCode !== undefined) return failed('FX-EXIT', `Instance ${end.instance} exited with code ${end.exitCode}`);
  return failed('FX-FAILED', `Instance ${end.instance} failed (${end.cause ?? 'unknown cause'})`);
};
const failed = (code: string, message: string): TaskError => ({ code, message, debug: '' });

/** Uploads of attempts that tell no time of their own lasted until their end was known. */
const uploadMsOf = (end: AttemptEnd, at: number): number =>
  end.uploadMs ?? (end.startedAt === undefined ? 0 : Math.max(0, at - end.endedAt));

/** The usage with what attempts that ended at some time add to it. */
export const withUsage = (usage: TaskUsage, attempts: readonly AttemptEnd[], at: number): TaskUsage => {
  let { executionMs, downloadMs, environmentMs, uploadMs, hasExecuted } = usage;
  const byHardware = { ...usage.byHardware };
  for (const end of attempts) {
    downloadMs += end.downloadMs ?? 0;
    environmentMs += end.environmentMs ?? 0;
    uploadMs += uploadMsOf(end, at);
    if (end.startedAt === undefined) continue;
    const ms = executionMsOf(end);
    const { specificationKey } = end.hardware;
    const before = byHardware[specificationKey];
    executionMs += ms;
    hasExecuted = true;
    byHardware[specificationKey] = {
      hardware: end.hardware,
      executionMs: (before?.executionMs ?? 0) + ms,
      ghzMs: (before?.ghzMs ?? 0) + ms * hardwareAsRun(end).ghz,
    };
  }
  return { executionMs, downloadMs, environmentMs, uploadMs, byHardware, hasExecuted };
};

type StoredUsage = Omit<TaskUsage, 'byHardware' | 'downloadMs' | 'environmentMs'> &
  Partial<Pick<TaskUsage, 'downloadMs' | 'environmentMs'>> & {
    readonly byHardware: Readonly<Record<string, Omit<HardwareUsage, 'ghzMs'> & Partial<HardwareUsage>>>;
  };

/** Usage as a row holds it: rows of before have no measured times, and their attempts had none either. */
export const restoreUsage = (stored: StoredUsage): TaskUsage => ({
  ...noUsage,
  ...stored,
  byHardware: Object.fromEntries(
    Object.entries(stored.byHardware).map(([key, used]) => [
      key,
      { ...used, ghzMs: used.ghzMs ?? used.executionMs * used.hardware.ghz },
    ]),
  ),
});

/**
 * The new state, if it changed. A task that ran always uploads before it ends, also when both facts came in one commit: its last state but
 * one is UploadingResults (contract, section 4.1).
 */
const withTransition = (before: TaskStatus, fold: TaskState, at: number): TaskStatus => {
  const state = publicStateOf(fold);
  // A cancellation names its state before the event that leaves nothing waiting.
  const endMs = before.endMs ?? (TERMINAL.includes(state) && isOver(fold) ? at : null);
  if (state === before.state) return { ...before, fold, endMs };
  const skipsUpload =
    (state === 'Success' || state === 'Failure') && before.usage.hasExecuted && before.state !== 'UploadingResults';
  return {
    ...before,
    fold,
    state,
    stateMs: at,
    previousState: skipsUpload ? 'UploadingResults' : before.state,
    previousStateMs: skipsUpload ? at : before.stateMs,
    endMs,
  };
};

const completedBy = (taskId: string, event: TaskEvent): readonly CompletedInstance[] =>
  event.type !== 'InstancesConcluded'
    ? []
    : event.attempts.map((end) => ({
        taskId,
        end,
        wallMs: end.startedAt === undefined ? 0 : Math.max(0, event.at - end.startedAt),
        error: errorOf(end),
      }));

const applyEvent = (status: TaskStatus, event: TaskEvent): TaskStatus => {
  if (event.type === 'TaskSubmitted')
    return { ...initialStatus(status.taskId, event.at), fold: evolveTask(initialTaskState, event) };
  const attempts = event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued' ? event.attempts : [];
  const isFinal = event.type === 'InstancesConcluded';
  const hasResults = isFinal && status.fold.spec.resultBucket !== null && attempts.some((end) => end.uploadedFiles > 0);
  const next: TaskStatus = {
    ...status,
    modifiedMs: event.at,
    usage: attempts.length === 0 ? status.usage : withUsage(status.usage, attempts, event.at),
    errors: withErrors(status.errors, errorsBy(status, event)),
    resultsCount: status.resultsCount + (hasResults ? 1 : 0),
  };
  return withTransition(next, evolveTask(status.fold, event), event.at);
};

const withErrors = (errors: readonly TaskError[], added: readonly TaskError[]): readonly TaskError[] =>
  added.length === 0 ? errors : [...errors, ...added].slice(0, MAX_ERRORS);

/** Why a task was cancelled that waited for others. */
const dependencyError = (dependencies: readonly TaskDependency[], ends: readonly DependencyEnd[]): TaskError => {
  const outcomes = new Map(ends.map(({ taskId, outcome }) => [taskId, outcome]));
  const failed = dependencies.filter((one) => verdictOf(one, outcomes.get(one.taskId)) === 'notFulfilled');
  const parts = failed.map(({ taskId, on }) => `${taskId} (${outcomes.get(taskId)}, not ${on.join(' or ')})`);
  return {
    code: 'FX-DEPENDENCY',
    message: `The task was cancelled because of how what it waited for ended: ${parts.slice(0, 3).join(', ')}`,
    debug: '',
  };
};

/** Why some instances were cancelled that waited for the same ones of another task. */
const instanceDependencyError = (instances: string, { taskId, outcome }: DependencyEnd): TaskError => ({
  code: 'FX-DEPENDENCY',
  message: `Instances ${instances.slice(0, 100)} were cancelled because of how the same ones of ${taskId} ended: ${outcome}`,
  debug: '',
});

/** Why a task was cancelled that nobody has cancelled by itself. */
const CANCELLED: Readonly<Record<CancelCause, TaskError>> = {
  'job-terminated': failed('FX-JOB-TERMINATED', 'The task was cancelled because its job was terminated'),
  'pool-deleted': failed('FX-POOL-DELETED', 'The task was cancelled because its pool was deleted'),
  'budget-exhausted': failed(
    'FX-BUDGET',
    'The task was cancelled because a budget of its project is used up, which stops what runs (StopAndBlockAll)',
  ),
  'job-wall-time': failed(
    'FX-JOB-WALL-LIMIT',
    'The task was cancelled because its job had lasted for as long as it may (maxWallTime)',
  ),
};

/** What the event adds to the errors of the task. */
const errorsBy = ({ errors, fold }: TaskStatus, event: TaskEvent): readonly TaskError[] => {
  if (errors.length >= MAX_ERRORS) return [];
  if (event.type === 'InstancesConcluded')
    return event.attempts.flatMap((end) => {
      const error = errorOf(end);
      return error ? [{ ...error, instance: end.instance }] : [];
    });
  if (event.type === 'TaskCancelRequested') return event.because === undefined ? [] : [CANCELLED[event.because]];
  if (event.type === 'DependenciesFailed') return [dependencyError(fold.spec.dependencies ?? [], event.ends)];
  if (event.type === 'WaitingInstancesCancelled' && event.because)
    return [instanceDependencyError(event.instances, event.because)];
  if (event.type !== 'WaitingInstancesExpired') return [];
  if (event.error) return [event.error];
  return [
    {
      code: 'FX-QUEUE-TIME',
      message: `The task waited for more than ${fold.spec.maxTimeQueueSeconds ?? 0} seconds (maxTimeQueueSeconds)`,
      debug: `Instances that never ran: ${event.instances}. ${fold.lastReason ?? ''}`.trim(),
    },
  ];
};

/** Folds one commit of the task itself. @param status undefined for a task that was not seen yet */
export const applyTaskCommit = (status: TaskStatus | undefined, commit: RecordedCommit<TaskEvent>): StatusChange => {
  const { aggregateId: taskId, sequence } = commit;
  let next = status ?? initialStatus(taskId, commit.at);
  const completed: CompletedInstance[] = [];
  for (const event of commit.events) {
    if (event.type === 'TaskDeleted') return { status: null, completed: [] };
    next = applyEvent(next, event);
    completed.push(...completedBy(taskId, event));
  }
  return { status: { ...next, sequence, version: sequence }, completed };
};

/** A snapshot has come in: clients download results again when the count grew (contract, section 3.2). */
export const applySnapshotCompleted = (status: TaskStatus, sequence: number): TaskStatus => ({
  ...status,
  resultsCount: status.resultsCount + 1,
  version: sequence,
});
