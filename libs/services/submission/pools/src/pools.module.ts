import { Global, Module } from '@nestjs/common';
import { JobsModule } from '@fornax/jobs';
import { ProfilesModule } from '@fornax/profiles';
import { provideProjection, provideReadBarrier } from '@fornax/service-kit';
import { DATABASE, PoolSlots, PoolsOfTasks, provideShortnames, TasksModule } from '@fornax/tasks';
import { ChangePool } from './commands/change-pool.handler.js';
import { ClonePool } from './commands/clone-pool.handler.js';
import { CreatePool, PoolReservations, PoolSpecs } from './commands/create-pool.handler.js';
import { PoolCommits } from './commands/pool-commits.js';
import { PoolDecisions } from './commands/pool-decisions.js';
import { PoolDeletion } from './commands/pool-deletion.js';
import { PoolEnds } from './commands/pool-ends.js';
import { POOL_NAMES, POOL_SHORTNAMES } from './commands/pool-names.js';
import { PoolQuota } from './commands/pool-quota.js';
import { PoolHistoryController } from './http/pool-history.controller.js';
import { PoolListsController } from './http/pool-lists.controller.js';
import { PoolRightsController } from './http/pool-rights.controller.js';
import { PoolContentsController, PoolsController } from './http/pools.controller.js';
import { PoolBarrier } from './model/pool-barrier.js';
import { PoolsProjection } from './model/pools.projection.js';
import { PoolAttendant } from './process-managers/pool-attendant.js';
import { PoolCleanup } from './process-managers/pool-cleanup.js';
import { PoolExpiry } from './process-managers/pool-expiry.js';
import { PoolStops } from './process-managers/pool-stops.js';
import { PoolAsOf } from './queries/pool-as-of.js';
import { PoolAnswers } from './queries/pool-answers.js';
import { PoolLists } from './queries/pool-lists.js';
import { KnownPools } from './queries/known-pools.js';
import { KnownSlots } from './queries/known-slots.js';
import { PastDemand } from './queries/past-demand.js';
import { PoolLookup } from './queries/pool-lookup.js';

/** Pools: what users command of them, and their status. Global, because tasks ask for the pool that they are to run in. */
@Global()
@Module({
  imports: [JobsModule, ProfilesModule, TasksModule],
  controllers: [
    PoolListsController,
    PoolsController,
    PoolContentsController,
    PoolHistoryController,
    PoolRightsController,
    PoolAttendant,
    PoolCleanup,
  ],
  providers: [
    ...provideProjection(DATABASE, PoolsProjection),
    provideReadBarrier(PoolBarrier, 'pools'),
    provideShortnames(POOL_SHORTNAMES, POOL_NAMES),
    PoolCommits,
    PoolDeletion,
    PoolQuota,
    PoolReservations,
    PoolSpecs,
    PoolEnds,
    CreatePool,
    ClonePool,
    ChangePool,
    PoolLookup,
    PoolLists,
    PoolAnswers,
    PoolDecisions,
    PoolExpiry,
    PoolStops,
    KnownPools,
    { provide: PoolsOfTasks, useExisting: KnownPools },
    PoolAsOf,
    PastDemand,
    KnownSlots,
    { provide: PoolSlots, useExisting: KnownSlots },
  ],
  exports: [PoolsOfTasks, PoolSlots, PoolLookup, PoolLists, PastDemand],
})
export class PoolsModule {}
