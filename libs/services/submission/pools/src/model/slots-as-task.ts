import { publicStateOf } from '@fornax/domain';
import type { TaskStatus } from '@fornax/tasks';
import type { PoolStatus } from './pool-status.js';

/** The slots of a pool, as the instances of a task. */
export const slotsAsTask = (pool: PoolStatus): TaskStatus => ({
  ...pool,
  taskId: pool.poolId,
  fold: pool.fold.slots,
  state: publicStateOf(pool.fold.slots),
  previousState: null,
  errors: [],
  resultsCount: 0,
  version: pool.sequence,
});
