import { Injectable } from '@nestjs/common';
import { wireDate } from '@fornax/contracts';
import {
  difference,
  emptyRanges,
  fromNumbers,
  has,
  iterate,
  rangesOf,
  union,
  type InFlight,
  type LeasePhase,
  type Ranges,
  type TaskState,
} from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { TaskStatus } from '../model/task-status.js';
import { InjectDatabase } from '../model/database.js';

export const INSTANCE_STATES = [
  'waiting',
  'dispatched',
  'running',
  'uploading',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

const PHASES = { dispatched: 'dispatched', executing: 'running', uploading: 'uploading' } as const satisfies Record<
  LeasePhase,
  InstanceState
>;

const amount = z.number().nonnegative();

export const instanceSchema = z.object({
  instanceId: z.int().nonnegative(),
  state: z.enum(INSTANCE_STATES),
  /** Of the current or last attempt; 0 before the first one. */
  attempt: z.int().nonnegative(),
  /** Null where there is none (yet). */
  node: z.string().nullable(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  exitCode: z.int().nullable(),
  cause: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string(), debug: z.string() }).nullable(),
  wallTimeSec: amount.nullable(),
  executionTimeSec: amount.nullable(),
  peakMemoryMB: amount.nullable(),
  uploadedFiles: z.int().nonnegative().nullable(),
  uploadedBytes: z.int().nonnegative().nullable(),
  /** Its row of the table of parameters, by column; null in tasks without one. */
  row: z.record(z.string(), z.string()).nullable(),
  /** What its user should know though it is no failure, e.g. which files are no results. */
  notes: z.array(z.string()),
  /** SHA-256 of the list of its results, in hex: the object `<task>/<it>.json` of the storage's area `.manifests`. Null where there is none. */
  manifest: z.string().nullable(),
  /** SHA-256 of the list of inputs that it got, in hex: `<task>/inputs-<it>.json` there. Null where there is none. */
  inputs: z.string().nullable(),
});
export type WireInstance = z.output<typeof instanceSchema>;

interface EndedRecord {
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly exit_code: number | null;
  readonly cause: string | null;
  readonly error: WireInstance['error'];
  readonly started_ms: string | null;
  readonly ended_ms: string | null;
  readonly wall_ms: string;
  readonly execution_ms: string;
  readonly peak_memory_mb: number;
  readonly uploaded_files: number;
  readonly uploaded_bytes: string;
  readonly notes: string[];
  readonly manifest: string | null;
  readonly inputs: string | null;
}

const inPhase = ({ inFlight }: TaskState, state: InstanceState): Ranges =>
  fromNumbers([...inFlight].filter(([, { phase }]) => PHASES[phase] === state).map(([instance]) => instance));

/** The instances that are in one state. */
const instancesIn = (fold: TaskState, state: InstanceState): Ranges => {
  switch (state) {
    case 'waiting':
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return fold[state];
    case 'dispatched':
    case 'running':
    case 'uploading':
      return inPhase(fold, state);
  }
};

const stateOf = (fold: TaskState, instance: number): InstanceState => {
  const lease = fold.inFlight.get(instance);
  if (lease) return PHASES[lease.phase];
  if (has(fold.succeeded, instance)) return 'succeeded';
  if (has(fold.failed, instance)) return 'failed';
  return has(fold.cancelled, instance) ? 'cancelled' : 'waiting';
};

export interface InstancesRequest {
  /** All of them when empty. */
  readonly states: readonly InstanceState[];
  /** Only instances with a higher number. */
  readonly after: number | undefined;
  readonly limit: number;
}

export interface InstancesPage {
  readonly data: WireInstance[];
  /** Instances of the task in these states. */
  readonly total: number;
  /** `after` of the next page; null on the last one. */
  readonly nextAfter: number | null;
}

/** Lists the instances of a task by number. The sets of the fold say which exist, so reading one page of 100,000 instances costs one page. */
@Injectable()
export class TaskInstances {
  constructor(@InjectDatabase() private readonly db: DataSource) {}

  async page(task: TaskStatus, { states, after, limit }: InstancesRequest): Promise<InstancesPage> {
    const { fold } = task;
    const chosen =
      states.length === 0
        ? fold.all
        : states.reduce((sum: Ranges, state) => union(sum, instancesIn(fold, state)), emptyRanges);
    const left = after === undefined ? chosen : difference(chosen, rangesOf(after + 1));
    const numbers = [...iterate(left).take(limit)];
    const ended = await this.ended(
      task.taskId,
      numbers.filter((instance) => !fold.inFlight.has(instance) && !has(fold.waiting, instance)),
    );
    const last = numbers.at(-1);
    return {
      data: numbers.map((instance) => instanceOf(fold, instance, ended.get(instance))),
      total: chosen.size,
      nextAfter: last !== undefined && numbers.length < left.size ? last : null,
    };
  }

  private async ended(taskId: string, instances: readonly number[]): Promise<ReadonlyMap<number, EndedRecord>> {
    if (instances.length === 0) return new Map();
    const records = await this.db.query<EndedRecord[]>(
      `SELECT instance, attempt, node, exit_code, cause, error, started_ms, ended_ms, wall_ms, execution_ms, peak_memory_mb, uploaded_files,
         uploaded_bytes, notes, manifest, inputs FROM completed_instance WHERE task_id = $1 AND instance = ANY($2::integer[])`,
      [taskId, instances],
    );
    return new Map(records.map((record) => [record.instance, record]));
  }
}

const dateOrNull = (ms: string | number | null | undefined): string | null =>
  ms === null || ms === undefined ? null : wireDate(Number(ms));
const seconds = (ms: string): number => Number(ms) / 1_000;

const nothing = {
  node: null,
  startedAt: null,
  endedAt: null,
  exitCode: null,
  cause: null,
  error: null,
  wallTimeSec: null,
  executionTimeSec: null,
  peakMemoryMB: null,
  uploadedFiles: null,
  uploadedBytes: null,
  manifest: null,
  inputs: null,
  row: null,
} as const;

const instanceOf = (fold: TaskState, instance: number, ended: EndedRecord | undefined): WireInstance => {
  const base = {
    ...nothing,
    notes: [],
    instanceId: instance,
    state: stateOf(fold, instance),
    attempt: fold.attempts.countOf(instance),
  };
  const lease = fold.inFlight.get(instance);
  if (lease) return { ...base, ...leased(lease) };
  if (ended === undefined) return base;
  return {
    ...base,
    attempt: ended.attempt,
    node: ended.node,
    startedAt: dateOrNull(ended.started_ms),
    endedAt: dateOrNull(ended.ended_ms),
    exitCode: ended.exit_code,
    cause: ended.cause,
    error: ended.error,
    wallTimeSec: seconds(ended.wall_ms),
    executionTimeSec: seconds(ended.execution_ms),
    peakMemoryMB: ended.peak_memory_mb,
    uploadedFiles: ended.uploaded_files,
    uploadedBytes: Number(ended.uploaded_bytes),
    notes: ended.notes,
    manifest: ended.manifest,
    inputs: ended.inputs,
  };
};

const leased = ({ node, attempt, startedAt }: InFlight) => ({ node, attempt, startedAt: dateOrNull(startedAt) });
