export { Pools1790001310000 } from './migrations/1790001310000-pools.migration.js';
export { PastDemand } from './queries/past-demand.js';
export { PoolLists } from './queries/pool-lists.js';
export { PoolsModule } from './pools.module.js';
