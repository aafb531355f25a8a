import { poolDecider } from '@fornax/domain';
import { loadAggregate } from '@fornax/event-store';
import type { NamedKind } from '@fornax/tasks';

/** Where the names of pools are injected. */
export const POOL_SHORTNAMES = Symbol('POOL_SHORTNAMES');

/** Pools, as objects that have names. */
export const POOL_NAMES: NamedKind = {
  kind: 'pool',
  rows: { table: 'pool', key: 'pool_id' },
  lifeOf: async (log, id) => {
    const { state } = await loadAggregate(log, 'pool', id, poolDecider);
    if (!state.exists) return undefined;
    return state.deleted ? 'deleted' : 'lives';
  },
};
