import { isStoredTaskState, restoreTaskState, storeTaskState, TASK_FOLD_FORMAT } from '../task/stored-task-state.js';
import type { PoolState } from './pool.state.js';

/** Raised when the meaning of the pool's own fold changes; its slots are folded as a task is, so that format counts too. */
export const POOL_FOLD_FORMAT = 4 + TASK_FOLD_FORMAT;

/** The fold as plain JSON, for a checkpoint; `restorePoolState` reads it back. */
export const storePoolState = (state: PoolState): unknown => ({
  poolFormat: POOL_FOLD_FORMAT,
  ...state,
  slots: storeTaskState(state.slots),
});

type Stored = Omit<PoolState, 'slots'> & { readonly poolFormat: number; readonly slots: unknown };

/** The JSON was made by `storePoolState` in the format of this version, so it can be restored. */
export const isStoredPoolState = (json: unknown): json is Stored =>
  typeof json === 'object' &&
  json !== null &&
  'poolFormat' in json &&
  json.poolFormat === POOL_FOLD_FORMAT &&
  'slots' in json &&
  isStoredTaskState(json.slots);

/** @throws Error when the JSON was not made by `storePoolState` of this version */
export const restorePoolState = (json: unknown): PoolState => {
  if (!isStoredPoolState(json)) throw new Error('not a pool state stored by this version');
  const { poolFormat: _format, slots, ...rest } = json;
  return { ...rest, slots: restoreTaskState(slots) };
};
