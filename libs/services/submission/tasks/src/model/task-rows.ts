import { phaseCounts, restoreTaskState, storeTaskState, type PublicTaskState, type TaskSpec } from '@fornax/domain';
import type { EntityManager } from 'typeorm';
import {
  executionMsOf,
  hardwareAsRun,
  notesIn,
  folderIn,
  resultsIn,
  restoreUsage,
  type CompletedInstance,
  type TaskError,
  type TaskStatus,
  type TaskUsage,
} from './task-status.js';
import {
  CHANGING_COLUMNS,
  LASTING_COLUMNS,
  rowsOf,
  timesOf,
  TIMES_COLUMNS,
  updateSql,
  upsertSql,
  type Column,
  type TimesRecord,
} from './work-rows.js';

/** A row of `task` as Postgres gives it. bigint comes as text. */
export interface TaskRecord extends TimesRecord {
  readonly task_id: string;
  readonly owner: string;
  readonly state: PublicTaskState;
  readonly previous_state: PublicTaskState | null;
  readonly results_count: number;
  readonly spec: TaskSpec;
  readonly fold: unknown;
  readonly usage: TaskUsage;
  readonly errors: readonly TaskError[];
  readonly sequence: string;
  readonly version: string;
}

/** Columns that make up a TaskStatus. */
export const STATUS_COLUMNS = `task_id, owner, state, previous_state, ${TIMES_COLUMNS}, results_count, spec, fold, usage, errors, sequence, version`;

/** The specification, which hardly ever changes, stands in a column of its own, so that a step of the task does not write it again. */
export const statusOf = (record: TaskRecord): TaskStatus => ({
  taskId: record.task_id,
  fold: restoreTaskState({ ...(record.fold as object), spec: record.spec }),
  state: record.state,
  previousState: record.previous_state,
  ...timesOf(record),
  usage: restoreUsage(record.usage),
  errors: record.errors,
  resultsCount: record.results_count,
  sequence: Number(record.sequence),
  version: Number(record.version),
});

/** The sum of the times at which the instances now running began: n of them have run for n * now - this. */
export const runningSinceMs = ({ fold }: TaskStatus): number => {
  let sum = 0;
  for (const { phase, startedAt } of fold.inFlight.values()) if (phase === 'executing') sum += startedAt ?? 0;
  return sum;
};

const storedFold = ({ fold }: TaskStatus): unknown => {
  const { spec: _spec, ...rest } = storeTaskState(fold) as { readonly spec: TaskSpec };
  return rest;
};

/** Columns written with every change. */
const CHANGING: readonly Column<TaskStatus>[] = [
  ...CHANGING_COLUMNS,
  { name: 'running_instances', type: 'integer', value: (s) => phaseCounts(s.fold).executing },
  {
    name: 'running_cores',
    type: 'double precision',
    value: (s) => phaseCounts(s.fold).executing * s.fold.spec.request.cores,
  },
  { name: 'running_since_ms', type: 'bigint', value: (s) => runningSinceMs(s) },
  {
    name: 'ended_instances',
    type: 'integer',
    value: ({ fold }) => fold.succeeded.size + fold.failed.size + fold.cancelled.size,
  },
  { name: 'succeeded_instances', type: 'integer', value: ({ fold }) => fold.succeeded.size },
  { name: 'results_count', type: 'integer', value: (s) => s.resultsCount },
  { name: 'fold', type: 'jsonb', value: storedFold },
  { name: 'errors', type: 'jsonb', value: (s) => s.errors },
  { name: 'version', type: 'bigint', value: (s) => s.version },
];

/** Columns that only a new task or an update by its owner writes. */
const LASTING: readonly Column<TaskStatus>[] = [
  ...LASTING_COLUMNS,
  { name: 'plan', type: 'text', value: (s) => s.fold.spec.plan },
  {
    name: 'instance_count',
    type: 'integer',
    value: (s) => (s.fold.spec.advancedRanges === null ? s.fold.all.size : 0),
  },
  { name: 'job_id', type: 'text', value: (s) => s.fold.spec.jobId ?? null },
  { name: 'total_instances', type: 'integer', value: (s) => s.fold.all.size },
];

const KEY: Column<TaskStatus> = { name: 'task_id', type: 'text', value: (s) => s.taskId };
const ALL = [KEY, ...CHANGING, ...LASTING] as const;
const STEP = [KEY, ...CHANGING] as const;
const UPSERT = upsertSql('task', ALL);
const UPDATE = updateSql('task', STEP);

/** Writes whole rows: new tasks, and tasks whose owner changed them. @param before ids of those that had a row already */
export const upsertTasks = async (
  tx: EntityManager,
  statuses: readonly TaskStatus[],
  before: ReadonlyMap<string, unknown>,
): Promise<void> => {
  if (statuses.length === 0) return;
  await tx.query(UPSERT, [rowsOf(ALL, statuses)]);
  const known = statuses.filter(({ taskId }) => before.has(taskId));
  if (known.length > 0) await tx.query(DROP_TAGS, [tagsOf(known)]);
  const tagged = statuses.filter(({ fold }) => fold.spec.tags.length > 0);
  if (tagged.length > 0) await tx.query(ADD_TAGS, [tagsOf(tagged)]);
};

const TAGS = 'json_to_recordset($1::json) AS r(owner text, task_id text, tags text[])';
const DROP_TAGS = `DELETE FROM task_tag USING ${TAGS} WHERE task_tag.task_id = r.task_id AND task_tag.tag <> ALL(r.tags)`;
const ADD_TAGS = `INSERT INTO task_tag (owner, tag, task_id) SELECT r.owner, unnest(r.tags), r.task_id FROM ${TAGS} ON CONFLICT DO NOTHING`;
const tagsOf = (statuses: readonly TaskStatus[]): string =>
  JSON.stringify(statuses.map(({ taskId, fold }) => ({ owner: fold.owner, task_id: taskId, tags: fold.spec.tags })));

/** Writes what a step of the task changes. */
export const updateTasks = async (tx: EntityManager, statuses: readonly TaskStatus[]): Promise<void> => {
  if (statuses.length > 0) await tx.query(UPDATE, [rowsOf(STEP, statuses)]);
};

export const deleteTasks = async (tx: EntityManager, taskIds: readonly string[]): Promise<void> => {
  if (taskIds.length === 0) return;
  await tx.query('DELETE FROM task WHERE task_id = ANY($1)', [taskIds]);
  await tx.query('DELETE FROM completed_instance WHERE task_id = ANY($1)', [taskIds]);
  await tx.query('DELETE FROM task_tag WHERE task_id = ANY($1)', [taskIds]);
};

const COMPLETED = `INSERT INTO completed_instance
  (task_id, instance, outcome, attempt, node, exit_code, wall_ms, execution_ms, peak_memory_mb, hardware, error, uploaded_files, uploaded_bytes,
   started_ms, ended_ms, cause, notes, results, manifest, folder, inputs)
  SELECT * FROM json_to_recordset($1::json) AS r(task_id text, instance integer, outcome text, attempt integer, node text, exit_code integer,
    wall_ms bigint, execution_ms bigint, peak_memory_mb double precision, hardware jsonb, error jsonb, uploaded_files integer, uploaded_bytes bigint,
    started_ms bigint, ended_ms bigint, cause text, notes jsonb, results jsonb, manifest text, folder text, inputs text)
  ON CONFLICT (task_id, instance) DO NOTHING`;

export const insertCompleted = async (tx: EntityManager, completed: readonly CompletedInstance[]): Promise<void> => {
  if (completed.length === 0) return;
  const rows = completed.map(({ taskId, end, wallMs, error }) => ({
    task_id: taskId,
    instance: end.instance,
    outcome: end.outcome,
    attempt: end.attempt,
    node: end.node,
    exit_code: end.exitCode ?? null,
    wall_ms: Math.round(wallMs),
    execution_ms: Math.round(executionMsOf(end)),
    peak_memory_mb: end.peakMemoryMB ?? 0,
    hardware: hardwareAsRun(end),
    error,
    uploaded_files: end.uploadedFiles,
    uploaded_bytes: end.uploadedBytes,
    started_ms: end.startedAt ?? null,
    ended_ms: end.endedAt,
    cause: end.cause ?? null,
    notes: notesIn(end),
    results: resultsIn(end),
    manifest: end.manifest ?? null,
    folder: folderIn(end),
    inputs: end.inputs ?? null,
  }));
  await tx.query(COMPLETED, [JSON.stringify(rows)]);
};
