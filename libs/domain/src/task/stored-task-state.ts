import type { TaskState } from './task.state.js';
import { InstanceCounts } from '../shared/instance-counts.js';

/** Raised when the meaning of the fold changes: a fold stored by another version is not restored but folded anew. */
const FORMAT = 1;

/** The fold as plain JSON, for a checkpoint; `restoreTaskState` reads it back. */
export const storeTaskState = (state: TaskState): unknown => ({
  format: FORMAT,
  ...state,
  inFlight: [...state.inFlight],
  attempts: state.attempts.toLevels(),
  userRetries: state.userRetries.toLevels(),
  platformRetries: state.platformRetries.toLevels(),
});

type Levels = Parameters<typeof InstanceCounts.fromLevels>[0];
type Stored = Omit<TaskState, 'inFlight' | 'attempts' | 'userRetries' | 'platformRetries'> & {
  readonly format: number;
  readonly inFlight: readonly (readonly [number, never])[];
  readonly attempts: Levels;
  readonly userRetries: Levels;
  readonly platformRetries: Levels;
};

/** Fields that folds stored by an earlier version lack. */
const ADDED = { queuedSince: null, resourceUpdates: 0 } as const;

const isStored = (json: unknown): json is Stored =>
  typeof json === 'object' && json !== null && 'format' in json && json.format === FORMAT;

/** @throws Error when the JSON was not made by `storeTaskState` of this version */
export const restoreTaskState = (json: unknown): TaskState => {
  if (!isStored(json)) throw new Error('not a task state stored by this version');
  const { format: _format, inFlight, attempts, userRetries, platformRetries, ...rest } = json;
  return {
    ...ADDED,
    ...rest,
    inFlight: new Map(inFlight),
    attempts: InstanceCounts.fromLevels(attempts),
    userRetries: InstanceCounts.fromLevels(userRetries),
    platformRetries: InstanceCounts.fromLevels(platformRetries),
  };
};
