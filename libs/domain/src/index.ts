export { accept, reject, type Decider, type Decision, type Rejection, type RejectionKind } from './shared/decider.js';
export type { InstantMs } from './shared/time.js';
export { dayIn, daysAfter, isTimeZone, monthsAfter, startOfDay, type CalendarDay } from './shared/local-time.js';
export {
  difference,
  emptyRanges,
  formatRanges,
  fromNumbers,
  has,
  iterate,
  parseRanges,
  rangesOf,
  sizeOf,
  union,
  type Ranges,
} from './shared/ranges.js';
export {
  NO_IMAGE_ROOM,
  REGISTRY_AWAY,
  SCHEDULING_PLANS,
  TASK_STATES,
  type AttemptEnd,
  type AttemptOutcome,
  type DispatchedLease,
  type FailureCause,
  type HardwareConstraint,
  type InstanceError,
  type EndedSession,
  type LeaseRef,
  type OpenedSession,
  type NodeHardwareFacts,
  type OriginKind,
  type PublicTaskState,
  type ResourceBucket,
  type ResourceRequest,
  type SchedulingPlan,
  CANCEL_CAUSES,
  type CancelCause,
  type SnapshotPlan,
  type StartedLease,
  type TaskConstant,
  type TaskEvent,
  type TaskOrigin,
  type TaskPin,
  type TaskTable,
  type TaskSpec,
} from './task/task.events.js';
export type { InstanceReport, TaskCommand } from './task/task.commands.js';
export {
  isOver,
  isStopping,
  outcomeOf,
  queueDeadlineOf,
  type InFlight,
  type LeasePhase,
  type TaskState,
  type OpenSession,
} from './task/task.state.js';
export { pinnedInputs } from './task/pinned-inputs.js';
export {
  eachOf,
  verdictOf,
  contradictionIn,
  verdictOfAll,
  wholeOf,
  type DependencyEnd,
  type DependencyVerdict,
  type TaskDependency,
  type TaskOutcome,
} from './task/dependencies.js';
export {
  decidedVerdictOf,
  decidedVerdictOfAll,
  dependencyFactsOf,
  instanceEndsOf,
  isAtItsLimit,
  readyCount,
  startableOf,
  type DependencyFacts,
  type InstanceEnds,
} from './task/instance-dependencies.js';
export {
  JOB_STATES,
  type JobCommand,
  type JobEnd,
  type JobEvent,
  type JobSpec,
  type PublicJobState,
} from './job/job.events.js';
export { forecastOf, inOrder, repeatedInstances, repeatedOf, type RepeatedTask } from './job/job-shape.js';
export { jobDecider, publicJobStateOf, type JobState } from './job/job.decider.js';
export { folderOf } from './task/results-folder.js';
export { taskDecider } from './task/task.decider.js';
export { phaseCounts, publicStateOf } from './task/public-state.js';
export { TASK_FOLD_FORMAT, isStoredTaskState, restoreTaskState, storeTaskState } from './task/stored-task-state.js';
export type { NodeCommand, NodeEvent, NodeHardware, NodeLossCause } from './node/node.events.js';
export { nodeDecider, takesWork, type NodeState, type NodeStatus } from './node/node.decider.js';
export { isEnrolled, isRevoked, type NodeAccess, type NodeKey } from './node/node-access.js';
export type { NodeTokenCommand, NodeTokenEvent } from './node-token/node-token.events.js';
export {
  nodeTokenDecider,
  nodeTokenStatus,
  type NodeTokenState,
  type NodeTokenStatus,
} from './node-token/node-token.decider.js';
export type { BucketCommand, BucketEvent } from './bucket/bucket.events.js';
export type { DamagedObject } from './bucket/bucket-damage.js';
export type { BucketExpiryCommand } from './bucket/bucket-expiry.js';
export { bucketDecider, type BucketState } from './bucket/bucket.decider.js';
export {
  granteeKey,
  type BucketGrant,
  type Grantee,
  type GrantAccess,
  type GranteeKind,
} from './bucket/bucket-grants.js';
export { consistencyConstants, consistencyOf, consistencyProblem, type Consistency } from './profile/consistency.js';
export {
  isStuck,
  NO_SAVED_STATES,
  mostSavedStates,
  pauseBeforeRunMs,
  withSavedState,
  type SavedStates,
} from './snapshot/saved-states.js';
export { lastDue, nextDue, type Period } from './snapshot/periodic.js';
export type {
  PruneCause,
  SnapshotCommand,
  SnapshotConfig,
  SnapshotEvent,
  SnapshotPart,
} from './snapshot/snapshot.events.js';
export { prunable, type SnapshotRetention, type TakenSnapshot } from './snapshot/retention.js';
export {
  isSnapshotOpen,
  snapshotDecider,
  type SnapshotState,
  type SnapshotStatus,
} from './snapshot/snapshot.decider.js';
export {
  ACCOUNT_ROLES,
  type AccountCommand,
  type AccountEvent,
  type AccountRole,
  type OrganisationCommand,
  type OrganisationEvent,
  type PersonEvent,
} from './account/account.events.js';
export {
  changedQuotas,
  maxJobsOf,
  maxPoolsOf,
  maxRunningPoolsOf,
  quotasOfPlan,
  type AccountQuotas,
  type ComputingQuotas,
  type PlanQuotas,
  type OrganisationQuotas,
  type StorageQuotaChange,
  type StorageQuotas,
} from './account/quotas.js';
export { mayReach, mayUseProject, PROJECT_ROLES, roleAllows, type ProjectRole } from './account/project-access.js';
export { type ProjectMemberCommand } from './account/project-members.js';
export {
  defaultProjectOf,
  evolveProjects,
  noProjects,
  sharedDefaultOf,
  startingProjects,
  type OwnProject,
  type ProjectCommand,
  type ProjectEvent,
  type ProjectOwnerKind,
  type ProjectsState,
} from './account/projects.js';
export { accountDecider, MAX_LIVE_TOKENS, type AccountState } from './account/account.decider.js';
export { organisationDecider, type OrganisationState } from './account/organisation.decider.js';
export type {
  Payer,
  PlanPrices,
  PriceList,
  PricingCommand,
  PricingEvent,
  VolumeDiscount,
} from './pricing/pricing.events.js';
export { DEFAULT_PAYERS, defaultPriceList } from './pricing/default-price-list.js';
export { priceListFaults, type PriceListFault } from './pricing/price-list-faults.js';
export { pricingDecider, type PricingState } from './pricing/pricing.decider.js';
export {
  plan,
  type Ceiling,
  type LeasesAhead,
  type NodeView,
  type OwnerUsage,
  type Placement,
  type Plan,
  type Reason,
  type SchedulingPolicy,
  type ClosedNode,
  type WaitingReason,
} from './scheduling/plan.js';
export {
  billFaults,
  isTorn,
  overfilled,
  repeated,
  sharedMoments,
  type BilledAttempt,
  type BillFault,
  type KnownAttempts,
  type Room,
  type Stay,
} from './invariants/invariants.js';
export { LogAudit, type AuditedCommit, type AuditFinding, type AuditKind } from './invariants/log-audit.js';
export { type InstanceNeeds, mayRunOn, needsOf, satisfies } from './scheduling/satisfies.js';
export {
  classesOf,
  classKeyOf,
  classOf,
  olderFirst,
  type QueueEntry,
  type WaitingClass,
} from './scheduling/waiting-class.js';
export {
  apportion,
  joined,
  ofMicros,
  PARTS_PER_MICRO,
  PARTS_PER_NANO,
  rounded,
  split,
  type ExactAmount,
  type SplitAmount,
} from './rating/exact-amount.js';
export { durationMs, usageOf, workOf, type Usage, type UsageTerms } from './rating/usage.js';
export {
  FORECAST_BASES,
  forecast,
  type Estimate,
  type Forecast,
  type ForecastFacts,
  type ForecastBasis,
  type NoForecast,
  type RunningAttempt,
} from './rating/forecast.js';
export { whatIf, type LineGroup, type WhatIf } from './rating/what-if.js';
export { priceRange } from './rating/estimate.js';
export { rate, type Rating, type RatingContext, type UnratedReason } from './rating/rate.js';
export {
  attemptKey,
  countsAt,
  dayOf,
  emptyBill,
  foldBill,
  instanceKey,
  monthOf,
  priced,
  priceListAt,
  priceListOfVersion,
  volumeKey,
  type BilledCommit,
  type BillEntries,
  type BillLine,
  type BillState,
  type EndedAttempt,
  type ParkedAttempt,
  type PublishedPriceList,
  type BookedCorrections,
  type RatedAt,
} from './rating/bill-fold.js';
export { listsInTime, type ListInTime } from './rating/lists-in-time.js';
export {
  booksDecider,
  correctionsDecider,
  endOfMonth,
  type BooksState,
  type CorrectionsState,
} from './books/books.decider.js';
export type {
  BooksCommand,
  BooksEvent,
  CommittedRating,
  CorrectLines,
  LineCorrection,
  LinesCorrected,
  MonthClosed,
  VolumeCorrection,
} from './books/books.events.js';
export type { Profile, ProfileConstant, ProfileNeed, ProfileRun } from './profile/profile.js';
export { profileOf, type OfProfile } from './profile/profile-of.js';
export { mayUseProfile, type ProfileUser } from './profile/audience.js';
export { compiledProfile } from './profile/compiled-profile.js';
export { limitProblem, requestWithin } from './profile/limit-problem.js';
export {
  PLACEHOLDER_IMAGE,
  PLATFORM,
  profileIdOf,
  taskProfileOf,
  type DocumentConstant,
  type ProfileAudience,
  type ProfileCommand,
  type ProfileDocument,
  type ProfileEvent,
  type TaskProfile,
} from './profile-document/profile-document.js';
export { isBuiltIn, profileFaults } from './profile/profile-faults.js';
export { profileDecider, type PublishedProfileState } from './profile/profile.decider.js';
export { shippedProfiles } from './profile/shipped-profiles.js';
export { askedDiskMB, askedDiskProblem } from './profile/asked-disk.js';
export { hasReference, valueProblem } from './profile/constant-value.js';
export { diskConstant } from './profile/docker.profiles.js';
export {
  constantProblem,
  effectiveConstants,
  forcedConstantsOf,
  type ConstantProblem,
  type EffectiveConstant,
  type ForcedConstant,
} from './profile/effective-constants.js';
export { isSecretName } from './profile/secret-names.js';
export { latestProfile, latestProfiles, profileAt } from './profile/profiles.js';
export { clusterPortsOf, clusterProblem, peerPortsOf, type PeerPort } from './profile/cluster.js';
export { MOST_WAYS_IN, portsLeftOut, rulesWithoutEffect, waysInOf, type WayIn } from './profile/ways-in.js';
export {
  ARCHIVE_ROOT,
  logArchiveDecider,
  proofOfRange,
  type ArchivedSegment,
  type ArchiveEnd,
  type LogSegmentArchived,
  type RangeProof,
} from './log-archive/log-archive.decider.js';
export { meterDecider, type MeterState } from './meter/meter.decider.js';
export type { BucketReading, RecordReadings, StorageMetered } from './meter/meter.events.js';
export {
  foldMeters,
  meterKey,
  meterPrice,
  METERS,
  type Meter,
  type MeteredUse,
  type MeterLine,
} from './rating/meter-rating.js';
export { type LogPrefix, type LogPrefixLeft, logPrefixDecider } from './log-archive/log-prefix.decider.js';
export { masterKeyDecider, type MasterKeyEvent } from './master-key/master-key.decider.js';
export { namesBelow, problemWithSecretKey, problemWithSecretValue } from './secret/secret-key.js';
export { secretAccessDecider, type SecretAccessEvent, type SecretGrant } from './secret/secret-access.js';
export { problemWithSecretPrefix, rightsWithin, type SecretRights } from './secret/secret-rights.js';
export type { SecretCommand, SecretEvent } from './secret/secret.events.js';
export { secretDecider, type SecretState } from './secret/secret.decider.js';
export {
  carbonOf,
  steadyPieces,
  type CarbonTotals,
  type Intensity,
  type NodePower,
  type PowerPlace,
  type PowerSite,
  type PowerUse,
} from './carbon/carbon.js';
export type { CreditBooking, CreditsCommand, CreditsEvent } from './spending/credits.events.js';
export { creditsDecider, remainingCredits, type CreditEntry, type CreditsState } from './spending/credits.decider.js';
export { OVERRUN_POLICIES, type BudgetCommand, type BudgetEvent, type BudgetTerms } from './spending/budget.events.js';
export { budgetDecider, isActiveBudget, type BudgetState } from './spending/budget.decider.js';
export { SpendingHolds, whyHeld, type SpendingEvent, type SpendingHold, type StoppingHold } from './spending/holds.js';
export { stopsAt, type LastSnapshot } from './spending/stops.js';
export type { WebhookCommand, WebhookEvent, WebhookFilter } from './webhook/webhook.events.js';
export { webhookDecider, type WebhookState } from './webhook/webhook.decider.js';
export { type ElasticSize, type ScalingPeriod, type ScalingPolicy } from './pool/scaling.js';
export { POOL_STATES, type PoolEvent, type PoolSize, type PoolSpec, type PublicPoolState } from './pool/pool.events.js';
export type { PoolCommand, SlotCommand } from './pool/pool.commands.js';
export {
  isPoolEnding,
  isPoolOver,
  isSynchronized,
  openSlotsOf,
  refreshFailuresOf,
  type PoolState,
} from './pool/pool.state.js';
export { poolDecider, preparationProblemOf } from './pool/pool.decider.js';
export { publicPoolStateOf } from './pool/public-pool-state.js';
export { isStoredPoolState, POOL_FOLD_FORMAT, restorePoolState, storePoolState } from './pool/stored-pool-state.js';
export { boundsOf, sizePool, type PoolDemand, type PoolSizing } from './pool/size-pool.js';
export { demandChanges, recordedDemand } from './pool/recorded-demand.js';
export { type SimulatedPoint, simulateScaling } from './pool/simulate-scaling.js';
