import { Module } from '@nestjs/common';
import {
  ENV,
  ExactAnswers1790000810000,
  IdempotencyKeys1790000600000,
  provideProjection,
  serviceDatabase,
} from '@fornax/service-kit';
import { DueSnapshots } from './commands/due-snapshots.js';
import { Placements } from './commands/placements.js';
import { SnapshotOnce } from './commands/snapshot-once.js';
import { StopSnapshots } from './commands/stop-snapshots.js';
import { StopSnapshotsController } from './rpc/stop-snapshots.controller.js';
import { SnapshotBuckets } from './commands/snapshot-buckets.js';
import { SnapshotCommands } from './commands/snapshot-commands.js';
import { loadSnapshotSettings, SNAPSHOT_SETTINGS } from './config/snapshot-config.js';
import { AskedTasks } from './http/asked-tasks.js';
import { SnapshotFiles } from './files/snapshot-files.js';
import { SnapshotManifests } from './files/snapshot-manifests.js';
import { SnapshotFilesController } from './http/snapshot-files.controller.js';
import { SnapshotListController } from './http/snapshot-list.controller.js';
import { PlanSnapshotsHandler } from './http/plan-snapshots.handler.js';
import { PeriodicSnapshots1790001400000 } from './migrations/1790001400000-periodic-snapshots.migration.js';
import { PeriodicSnapshots } from './process-managers/periodic-snapshots.js';
import { EndedParts } from './process-managers/ended-parts.js';
import { ReportedParts } from './process-managers/reported-parts.js';
import { SnapshotOrders } from './process-managers/snapshot-orders.js';
import { SnapshotReports } from './process-managers/snapshot-reports.js';
import { SnapshotReader } from './http/snapshot-reader.js';
import { SnapshotsController } from './http/snapshots.controller.js';
import { TriggerSnapshotHandler } from './http/trigger-snapshot.handler.js';
import { PartNotes1790001100000 } from './migrations/1790001100000-part-notes.migration.js';
import { SnapshotTables1767226000000 } from './migrations/snapshot-tables.migration.js';
import { SnapshotsProjection } from './projections/snapshots.projection.js';
import { SnapshotManifests1790001410000 } from './migrations/1790001410000-snapshot-manifests.migration.js';
import { PrunedSnapshots1790001420000 } from './migrations/1790001420000-pruned-snapshots.migration.js';
import { NamedSnapshots1790001560000 } from './migrations/1790001560000-named-snapshots.migration.js';
import { ProjectsOfTasks1790001710000 } from './migrations/1790001710000-projects-of-tasks.migration.js';
import { PruneOrder1790001610000 } from './migrations/1790001610000-prune-order.migration.js';
import { PruningOccasions } from './process-managers/pruning-occasions.js';
import { PrunedSnapshots } from './process-managers/pruned-snapshots.js';
import { PruneSnapshotHandler } from './http/prune-snapshot.handler.js';
import { EarlierParts } from './rpc/earlier-parts.js';
import { ResumableController } from './rpc/resumable.controller.js';
import { PartFolders } from './rpc/part-folders.js';
import { StateSavedController } from './rpc/state-saved.controller.js';
import { SnapshotGrantController } from './rpc/snapshot-grant.controller.js';

/** Snapshots of what running instances have written so far. */
@Module({
  imports: [
    serviceDatabase('snapshot', [
      SnapshotTables1767226000000,
      IdempotencyKeys1790000600000,
      ExactAnswers1790000810000,
      PartNotes1790001100000,
      PeriodicSnapshots1790001400000,
      SnapshotManifests1790001410000,
      PrunedSnapshots1790001420000,
      NamedSnapshots1790001560000,
      PruneOrder1790001610000,
      ProjectsOfTasks1790001710000,
    ]),
  ],
  controllers: [
    SnapshotsController,
    SnapshotListController,
    SnapshotFilesController,
    SnapshotOrders,
    PruningOccasions,
    SnapshotGrantController,
    ResumableController,
    StateSavedController,
    StopSnapshotsController,
  ],
  providers: [
    { provide: SNAPSHOT_SETTINGS, inject: [ENV], useFactory: loadSnapshotSettings },
    SnapshotCommands,
    Placements,
    SnapshotBuckets,
    AskedTasks,
    PlanSnapshotsHandler,
    SnapshotOnce,
    StopSnapshots,
    DueSnapshots,
    PeriodicSnapshots,
    PrunedSnapshots,
    PruneSnapshotHandler,
    SnapshotReader,
    SnapshotManifests,
    SnapshotFiles,
    PartFolders,
    EarlierParts,
    EndedParts,
    ReportedParts,
    SnapshotReports,
    TriggerSnapshotHandler,
    ...provideProjection('snapshot', SnapshotsProjection),
  ],
})
export class SnapshotModule {}
