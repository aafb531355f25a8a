import { Module, type DynamicModule } from '@nestjs/common';
import {
  ExactAnswers1790000810000,
  IdempotencyKeys1790000600000,
  provideLogWalk,
  provideProjection,
  provideSubmitProof,
  serviceDatabase,
  UnsettledRequests1790000800000,
  type Env,
} from '@fornax/service-kit';
import { PEOPLE_CONTROLLERS, PEOPLE_PROVIDERS } from './accounts/people-parts.js';
import { ChangeTask } from './commands/change-task.handler.js';
import { RepeatTask } from './commands/repeat-task.handler.js';
import { SecretConstants } from './commands/secret-constants.js';
import { Shortnames } from './commands/shortnames.js';
import { StatusGate } from './commands/status-gate.js';
import { SubmitTask } from './commands/submit-task.handler.js';
import { TaskAdmission } from './commands/task-admission.js';
import { TaskBuckets } from './commands/task-buckets.js';
import { TaskCleanupController } from './commands/task-cleanup.controller.js';
import { TaskDeletion } from './commands/task-deletion.js';
import { TaskPlace } from './commands/task-place.js';
import { TaskQuota } from './commands/task-quota.js';
import { TaskRoom } from './commands/task-room.js';
import { UnsettledCommands } from './commands/unsettled-commands.js';
import { loadSubmissionConfig, SUBMISSION_CONFIG } from './config/submission-config.js';
import { HISTORY_CONTROLLERS, HISTORY_MIGRATIONS, historyProviders } from './history/history-parts.js';
import { NetworkController } from './http/network.controller.js';
import { RepeatTaskController } from './http/repeat-task.controller.js';
import { ServiceController } from './http/service.controller.js';
import { TaskAnswers } from './http/task-answers.js';
import { TaskInstancesController } from './http/task-instances.controller.js';
import { TaskListsController } from './http/task-lists.controller.js';
import { TasksController } from './http/tasks.controller.js';
import { JobsController, NotBuiltController, PoolsController } from './http/unavailable.controllers.js';

import { LiveStatus } from './live/live-status.js';
import { OUTPUT_CONTROLLERS, OUTPUT_MIGRATIONS, OUTPUT_PROVIDERS } from './logs/output-parts.js';
import { TASK_MIGRATIONS } from './migrations/task-migrations.js';
import { TaskExpiry } from './process-managers/task-expiry.js';
import { ProfileCatalogue } from './profiles/profile-catalogue.js';
import { StatusProjection } from './projections/status.projection.js';
import { OrganisationQuotas } from './queries/computing-quotas.js';
import { PatternQueries } from './queries/pattern-queries.js';
import { RunningCounts } from './queries/running-counts.js';
import { TaskInstances } from './queries/task-instances.js';
import { TaskLists } from './queries/task-lists.js';
import { StoredTasks } from './queries/stored-tasks.js';
import { TaskLookup } from './queries/task-lookup.js';
import { UserInfo } from './queries/user-info.js';

/** Name of the service: of its database schema and of its checkpoints. */
const SERVICE = 'submission';

/** What users want: tasks submitted, read, changed, ended; their output; the first account. */
@Module({
  imports: [
    serviceDatabase(SERVICE, [
      ...TASK_MIGRATIONS,
      IdempotencyKeys1790000600000,
      ExactAnswers1790000810000,
      UnsettledRequests1790000800000,
      ...HISTORY_MIGRATIONS,
      ...OUTPUT_MIGRATIONS,
    ]),
  ],
  controllers: [
    TaskListsController,
    TaskInstancesController,
    TasksController,
    RepeatTaskController,
    ...OUTPUT_CONTROLLERS,
    ServiceController,
    PoolsController,
    JobsController,
    NetworkController,
    NotBuiltController,
    TaskCleanupController,
    ...HISTORY_CONTROLLERS,
    ...PEOPLE_CONTROLLERS,
  ],
  providers: [
    { provide: SUBMISSION_CONFIG, useFactory: () => loadSubmissionConfig(process.env) },
    provideLogWalk(SERVICE),
    ...provideProjection(SERVICE, StatusProjection),
    provideSubmitProof(SERVICE),
    ...historyProviders(SERVICE),
    ProfileCatalogue,
    SecretConstants,
    StatusGate,
    Shortnames,
    TaskDeletion,
    TaskRoom,
    TaskQuota,
    TaskExpiry,
    TaskBuckets,
    TaskPlace,
    TaskAdmission,
    UnsettledCommands,
    SubmitTask,
    ChangeTask,
    RepeatTask,
    StoredTasks,
    TaskLookup,
    PatternQueries,
    TaskInstances,
    TaskLists,
    LiveStatus,
    TaskAnswers,
    RunningCounts,
    OrganisationQuotas,
    UserInfo,
    ...OUTPUT_PROVIDERS,
    ...PEOPLE_PROVIDERS,
  ],
})
export class SubmissionModule {
  /** The module with its settings from somewhere else than the process's environment. */
  static withSettings(env: Env): DynamicModule {
    return {
      module: SubmissionModule,
      providers: [{ provide: SUBMISSION_CONFIG, useFactory: () => loadSubmissionConfig(env) }],
    };
  }
}
