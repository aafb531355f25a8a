import { Module } from '@nestjs/common';
import { ProfilesModule } from '@fornax/profiles';
import { Sealer } from '@fornax/identity';
import { DataKeys, ENV, provideProjection, provideReadBarrier } from '@fornax/service-kit';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { TaskAsOf } from './as-of/task-as-of.js';
import { TaskHistory } from './as-of/task-history.js';
import { TaskSnapshotsProjection } from './as-of/task-snapshots.projection.js';
import { ChangeTask } from './commands/change-task.handler.js';
import { SpendingLimits } from './commands/spending-limits.js';
import { Reservations } from './commands/reservations.js';
import { OthersTasks } from './commands/others-tasks.js';
import { TaskCopies } from './commands/task-copies.js';
import { RepeatTask } from './commands/repeat-task.handler.js';
import { LiveProgressController } from './rpc/live-progress.controller.js';
import { ConstantKeyController } from './rpc/constant-key.controller.js';
import { TasksToCome } from './commands/tasks-to-come.js';
import { SecretConstants } from './commands/secret-constants.js';
import { provideShortnames, Shortnames } from './commands/shortnames.js';
import { TASK_NAMES } from './commands/task-names.js';
import { StatusBarrier } from './model/status-barrier.js';
import { ShownTasks } from './commands/shown-tasks.js';
import { TaskBatches } from './commands/task-batches.js';
import { SubmitTask } from './commands/submit-task.handler.js';
import { TaskCommits } from './commands/task-commits.js';
import { TaskBuckets } from './commands/task-buckets.js';
import { TaskDeletion } from './commands/task-deletion.js';
import { TaskPins } from './commands/task-pins.js';
import { TaskQuota } from './commands/task-quota.js';
import { TaskSpecs } from './commands/task-specs.js';
import { TaskRoom } from './commands/task-room.js';
import { UnsettledCommands } from './commands/unsettled-commands.js';
import { loadTasksConfig, TASKS_CONFIG } from './config/tasks-config.js';
import { PlanSnapshotsController } from './http/plan-snapshots.controller.js';
import { RepeatTaskController } from './http/repeat-task.controller.js';
import { ProjectTasksController } from './http/project-tasks.controller.js';
import { TaskAnswers } from './http/task-answers.js';
import { TaskInstancesController } from './http/task-instances.controller.js';
import { TaskListsController } from './http/task-lists.controller.js';
import { TasksController } from './http/tasks.controller.js';
import { Forwarders } from './live/forwarders.js';
import { LiveStatus } from './live/live-status.js';
import { StatusProjection } from './model/status.projection.js';
import { TaskCleanup } from './process-managers/task-cleanup.js';
import { DueObjects } from './process-managers/due-objects.js';
import { StopOccasions, StoppedProjects } from './process-managers/stopped-projects.js';
import { LastSnapshots } from './process-managers/last-snapshots.js';
import { TaskStops } from './process-managers/task-stops.js';
import { TaskExpiry } from './process-managers/task-expiry.js';
import { OrganisationQuotas } from './queries/computing-quotas.js';
import { ErrorTails } from './queries/error-tails.js';
import { KnownTasks } from './as-of/known-tasks.js';
import { PatternQueries } from './queries/pattern-queries.js';
import { PoolTasks } from './queries/pool-tasks.js';
import { RunningCounts } from './queries/running-counts.js';
import { StoredTasks } from './queries/stored-tasks.js';
import { TaskInstances } from './queries/task-instances.js';
import { ClusterCarrierRows } from './queries/cluster-carrier-rows.js';
import { OpenSessions } from './queries/open-sessions.js';
import { TaskLeases } from './queries/task-leases.js';
import { TaskLists } from './queries/task-lists.js';
import { TaskLookup } from './queries/task-lookup.js';
import { TaskSnapshotReader } from './queries/task-snapshot-reader.js';
import { Neighbors } from './places/neighbors.js';
import { TaskPlaces } from './places/task-places.js';
import { TasksOfJobs } from './commands/tasks-of-jobs.js';
import { TasksOfPools } from './commands/tasks-of-pools.js';
import { TaskRowController } from './tables/task-row.controller.js';
import { TaskTables } from './tables/task-tables.js';
import { DATABASE } from './model/database.js';

/** Tasks: what users command of them, their status, and what they were at a moment of the past. */
@Module({
  imports: [ProfilesModule],
  controllers: [
    TaskListsController,
    TaskInstancesController,
    TasksController,
    ProjectTasksController,
    RepeatTaskController,
    TaskCleanup,
    StopOccasions,
    TaskRowController,
    ConstantKeyController,
    LiveProgressController,
    PlanSnapshotsController,
  ],
  providers: [
    { provide: TASKS_CONFIG, inject: [ENV], useFactory: loadTasksConfig },
    ...provideProjection(DATABASE, StatusProjection),
    ...provideProjection(DATABASE, TaskSnapshotsProjection),
    {
      provide: DataKeys,
      inject: [getDataSourceToken(DATABASE), Sealer],
      useFactory: (db: DataSource, sealer: Sealer) => new DataKeys(db, sealer),
    },
    SecretConstants,
    TasksToCome,
    provideReadBarrier(StatusBarrier, 'status'),
    provideShortnames(Shortnames, TASK_NAMES),
    TaskDeletion,
    TaskRoom,
    TaskQuota,
    SpendingLimits,
    DueObjects,
    TaskExpiry,
    StoppedProjects,
    LastSnapshots,
    TaskStops,
    TaskBuckets,
    Reservations,
    TaskSpecs,
    TaskCommits,
    UnsettledCommands,
    TaskTables,
    TaskPins,
    Neighbors,
    TaskPlaces,
    ShownTasks,
    TasksOfJobs,
    TasksOfPools,
    TaskBatches,
    SubmitTask,
    ChangeTask,
    OthersTasks,
    TaskCopies,
    RepeatTask,
    StoredTasks,
    PoolTasks,
    TaskLookup,
    KnownTasks,
    PatternQueries,
    TaskInstances,
    TaskLists,
    ClusterCarrierRows,
    OpenSessions,
    TaskLeases,
    TaskSnapshotReader,
    TaskHistory,
    TaskAsOf,
    Forwarders,
    LiveStatus,
    TaskAnswers,
    ErrorTails,
    RunningCounts,
    OrganisationQuotas,
  ],
  exports: [
    SpendingLimits,
    StoppedProjects,
    DueObjects,
    PatternQueries,
    UnsettledCommands,
    TaskPlaces,
    RepeatTask,
    TaskBatches,
    TasksOfJobs,
    TasksOfPools,
    Neighbors,
    TASKS_CONFIG,
    Forwarders,
    LiveStatus,
    PoolTasks,
    ChangeTask,
    DataKeys,
    SecretConstants,
    TasksToCome,
    TaskBuckets,
    StatusBarrier,
    TaskCommits,
    TaskLookup,
    KnownTasks,
    TaskHistory,
    TaskAsOf,
    TaskAnswers,
    ErrorTails,
    RunningCounts,
    OrganisationQuotas,
    ClusterCarrierRows,
    OpenSessions,
    TaskLeases,
    TaskSnapshotReader,
  ],
})
export class TasksModule {}
