import type { TaskState } from './task.state.js';
import { InstanceCounts } from '../shared/instance-counts.js';

/**
 * Raised when the meaning of the fold changes. A fold stored in another format is not restored (`isStoredTaskState`) but folded from the log; read
 * models that hold folds count the format in their version, so they are folded anew (ADR 0029).
 */
export const TASK_FOLD_FORMAT = 5;

/** The fold as plain JSON, for a checkpoint; `restoreTaskState` reads it back. */
export const storeTaskState = (state: TaskState): unknown => ({
  format: TASK_FOLD_FORMAT,
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

/** The JSON was made by `storeTaskState` in the format of this version, so it can be restored. */
export const isStoredTaskState = (json: unknown): json is Stored =>
  typeof json === 'object' && json !== null && 'format' in json && json.format === TASK_FOLD_FORMAT;

/** @throws Error when the JSON was not made by `storeTaskState` of this version */
export const restoreTaskState = (json: unknown): TaskState => {
  if (!isStoredTaskState(json)) throw new Error('not a task state stored by this version');
  const { format: _format, inFlight, attempts, userRetries, platformRetries, ...rest } = json;
  return {
    ...rest,
    inFlight: new Map(inFlight),
    attempts: InstanceCounts.fromLevels(attempts),
    userRetries: InstanceCounts.fromLevels(userRetries),
    platformRetries: InstanceCounts.fromLevels(platformRetries),
  };
};
