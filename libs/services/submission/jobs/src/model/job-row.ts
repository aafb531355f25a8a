import type { RecordedCommit } from '@fornax/contracts';
import type { JobEnd, JobEvent, PublicJobState } from '@fornax/domain';

/** A row of `job`. Times in milliseconds. */
export interface JobRow {
  readonly job_id: string;
  readonly owner: string;
  readonly shortname: string;
  readonly name: string;
  readonly state: PublicJobState;
  readonly previous_state: PublicJobState | null;
  readonly state_ms: number;
  readonly previous_state_ms: number | null;
  readonly created_ms: number;
  readonly modified_ms: number;
  readonly tags: readonly string[];
  readonly pool_id: string | null;
  readonly use_dependencies: boolean;
  /** Seconds that it may last, and that it is kept after its completion; null: without end. */
  readonly max_wall_s: number | null;
  readonly keep_s: number | null;
  readonly auto_delete: boolean;
  /** Why it was terminated. */
  readonly ended_by: JobEnd | null;
  /** When it is to be terminated (while it is active) or deleted (once it is completed); null: never. */
  readonly due_ms: number | null;
  /** Of its last commit. */
  readonly sequence: number;
}

/** The columns of a row and their types, in order. */
export const JOB_COLUMNS = {
  job_id: 'text',
  owner: 'text',
  shortname: 'text',
  name: 'text',
  state: 'text',
  previous_state: 'text',
  state_ms: 'bigint',
  previous_state_ms: 'bigint',
  created_ms: 'bigint',
  modified_ms: 'bigint',
  tags: 'text[]',
  pool_id: 'text',
  use_dependencies: 'boolean',
  max_wall_s: 'double precision',
  keep_s: 'double precision',
  auto_delete: 'boolean',
  ended_by: 'text',
  due_ms: 'bigint',
  sequence: 'bigint',
} as const satisfies Record<keyof JobRow, string>;

/** All of them, as a statement names them. */
export const ALL_JOB_COLUMNS = Object.keys(JOB_COLUMNS).join(', ');

const later = (from: number, seconds: number | null): number | null =>
  seconds === null ? null : from + seconds * 1_000;

const inState = (row: JobRow, state: PublicJobState, at: number): JobRow => ({
  ...row,
  state,
  state_ms: at,
  previous_state: row.state,
  previous_state_ms: row.state_ms,
  modified_ms: at,
  due_ms: null,
});

/** The row after an event of its job; null: there is none any more. @param row undefined before the job is created */
const rowAfter = (row: JobRow | undefined, event: JobEvent, sequence: number): JobRow | null => {
  if (event.type === 'JobCreated') {
    const { jobId, owner, spec, at } = event;
    const maxWall = spec.maxWallTimeSeconds ?? null;
    return {
      job_id: jobId,
      owner,
      shortname: spec.shortname,
      name: spec.name,
      state: 'Active',
      previous_state: null,
      state_ms: at,
      previous_state_ms: null,
      created_ms: at,
      modified_ms: at,
      tags: spec.tags,
      pool_id: spec.poolId ?? null,
      use_dependencies: spec.useDependencies,
      max_wall_s: maxWall,
      keep_s: spec.completionTimeToLiveSeconds ?? null,
      auto_delete: spec.autoDeleteOnCompletion ?? false,
      ended_by: null,
      due_ms: later(at, maxWall),
      sequence,
    };
  }
  if (!row) return null;
  const known = { ...row, sequence };
  switch (event.type) {
    case 'JobTerminateRequested':
      return { ...inState(known, 'Terminating', event.at), ended_by: event.reason };
    case 'JobCompleted':
      return { ...inState(known, 'Completed', event.at), due_ms: later(event.at, row.keep_s) };
    case 'JobDeleteRequested':
      return inState(known, 'Deleting', event.at);
    case 'JobDeleted':
      return null;
  }
};

/** Folds one commit of a job. @param row undefined before the job is created @returns null: there is none any more */
export const rowAfterCommit = (
  row: JobRow | null | undefined,
  { events, sequence }: Pick<RecordedCommit, 'events' | 'sequence'>,
): JobRow | null =>
  // The aggregate's name in the subject is what makes these job events.
  (events as readonly JobEvent[]).reduce<JobRow | null>(
    (before, event) => rowAfter(before ?? undefined, event, sequence),
    row ?? null,
  );

/** A row as Postgres gives it: bigint comes as text. */
export type JobRecord = {
  readonly [K in keyof JobRow]: JobRow[K] extends number | null ? JobRow[K] | string : JobRow[K];
};

const numberOrNull = (value: string | number | null): number | null => (value === null ? null : Number(value));

export const rowOf = (record: JobRecord): JobRow => ({
  ...record,
  state_ms: Number(record.state_ms),
  previous_state_ms: numberOrNull(record.previous_state_ms),
  created_ms: Number(record.created_ms),
  modified_ms: Number(record.modified_ms),
  max_wall_s: numberOrNull(record.max_wall_s),
  keep_s: numberOrNull(record.keep_s),
  due_ms: numberOrNull(record.due_ms),
  sequence: Number(record.sequence),
});
