import { taskDecider } from '@fornax/domain';
import { loadAggregate } from '@fornax/event-store';
import type { NamedKind } from './shortnames.js';

/** Tasks, as objects that have names. */
export const TASK_NAMES: NamedKind = {
  kind: 'task',
  rows: { table: 'task', key: 'task_id' },
  lifeOf: async (log, id) => {
    const { state } = await loadAggregate(log, 'task', id, taskDecider);
    if (!state.exists) return undefined;
    return state.deleted ? 'deleted' : 'lives';
  },
};
