export { isUpTo, parseAsOf, type AsOf } from './as-of/as-of.js';
export { ObjectAsOf, type PastObject } from './as-of/object-as-of.js';
export { AskedPage, AsksForPage, pageOfEvents, type PlaceInHistory } from './as-of/history-query.js';
export { TaskAsOf } from './as-of/task-as-of.js';
export { TaskHistory } from './as-of/task-history.js';
export { StatusBarrier } from './model/status-barrier.js';
export { TaskAnswers } from './http/task-answers.js';
export { TASK_MIGRATIONS } from './migrations/task-migrations.js';
export { type TaskStatus } from './model/task-status.js';
export { OrganisationQuotas, planQuotas } from './queries/computing-quotas.js';
export { objectIn, objectInLog, type KnownObject } from './model/known-objects.js';
export { KnownTasks } from './as-of/known-tasks.js';
export { runningOf, sumOf, type RunningOf, type RunningRow } from './model/running.js';
export { RunningCounts } from './queries/running-counts.js';
export { TaskCommits } from './commands/task-commits.js';
export { ClusterCarrierRows } from './queries/cluster-carrier-rows.js';
export { OpenSessions } from './queries/open-sessions.js';
export { TaskLeases } from './queries/task-leases.js';
export { ErrorTails } from './queries/error-tails.js';
export { TaskLookup } from './queries/task-lookup.js';
export { isId, isIdOrName } from './model/ids-and-names.js';
export { TaskSnapshotReader } from './queries/task-snapshot-reader.js';
export { wireEventSchema, wireEventsOf } from './as-of/wire-event.js';
export { TasksModule } from './tasks.module.js';
export { cutTo } from './http/selected-fields.js';
export { TAG_QUERY, tagsOf } from './http/tag-query.js';
export { DATABASE, InjectDatabase } from './model/database.js';
export { ObjectCommits, type ObjectDecision } from './commands/object-commits.js';
export { PlaceQuota } from './commands/place-quota.js';
export { both, unnamed, type Reservation, type Reserved } from './commands/reservation.js';
export { provideShortnames, Shortnames, shortnameTaken, type NamedKind } from './commands/shortnames.js';
export { SpendingLimits } from './commands/spending-limits.js';
export { UnsettledCommands, type CommandName } from './commands/unsettled-commands.js';
export { forgetDeleted } from './process-managers/forget-deleted.js';
export { StoppedProjects } from './process-managers/stopped-projects.js';
export { DueObjects } from './process-managers/due-objects.js';
export {
  always,
  boolean,
  date,
  duration,
  elements,
  FIELDS_OF_WORK,
  fieldsOf,
  number,
  scalar,
  text,
  uuid,
  type FieldLookup,
} from './queries/filter-field.js';
export { anyOf, ObjectLists, ORDERS_OF_WORK, type ListedKind, type Shape } from './queries/object-lists.js';
export { PatternQueries } from './queries/pattern-queries.js';
export { Creations, type Accepted, type AskedObject, type CreationOf } from './commands/creations.js';
export { TaskPlaces, type FindJob, type KnownJob } from './places/task-places.js';
export { Neighbors, outcomeOfState } from './places/neighbors.js';
export { TasksOfJobs, type JobCounts, type TaskInJob } from './commands/tasks-of-jobs.js';
export { TasksOfPools } from './commands/tasks-of-pools.js';
export { ENDS } from './process-managers/task-expiry.js';
export { ChangeTask } from './commands/change-task.handler.js';
export { TaskBuckets } from './commands/task-buckets.js';
export { askedSecretRights, secretRightsProblem } from './model/asked-secrets.js';
export {
  masked,
  unsealed,
  type ChangedConstants,
  type OpenConstants,
  type SealedOf,
} from './model/secret-constants.js';
export { TasksToCome } from './commands/tasks-to-come.js';
export { onCurrentConstants } from './commands/current-constants.js';
export { SecretConstants, type OfOwner, type SealedAll } from './commands/secret-constants.js';
export { PoolSlots, type AskedInstance, type EndedAttempt, type LeaseInFlight } from './model/pool-slots.js';
export { PoolsOfTasks, type PoolOfTask } from './model/pools-of-tasks.js';
export { PoolTasks, type PoolLoad } from './queries/pool-tasks.js';
export { requestOf, resourcesOf } from './model/task-spec.js';
export { lifetimeOf } from './commands/task-lifetime.js';
export { TASKS_CONFIG, type TasksConfig } from './config/tasks-config.js';
export { Forwarders } from './live/forwarders.js';
export { LiveStatus } from './live/live-status.js';
export { type LiveLeases } from './live/live-board.js';
export { noUsage, restoreUsage, withUsage, type TaskUsage } from './model/task-status.js';
export { statusView } from './queries/status-view.js';
export { openWaysOf, runningOf as runningInstancesOf } from './queries/running-view.js';
export { askedView } from './queries/asked-view.js';
export { DEPENDENCY_STATES } from './queries/dependencies-view.js';
export { withoutEmptyParts } from './queries/task-view.js';
export {
  CHANGING_COLUMNS,
  LASTING_COLUMNS,
  rowsOf,
  timesOf,
  TIMES_COLUMNS,
  upsertSql,
  type Column,
  type TimesRecord,
  type WorkTimes,
} from './model/work-rows.js';
export { RepeatTask } from './commands/repeat-task.handler.js';
export { BATCH_AT_ONCE, TaskBatches, type Batch, type BatchedTask, type BatchTask } from './commands/task-batches.js';
