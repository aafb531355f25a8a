export { csvCell } from './csv.js';
export { int32 } from './counter.js';
export { pathPattern } from './path-pattern.js';
export {
  bucketGrantCreationSchema,
  bucketGrantSchema,
  bucketLinksQuerySchema,
  bucketLinksSchema,
  bucketListingSchema,
  granteeKindSchema,
  type BucketGrantCreation,
  type WireBucket,
  type WireBucketGrant,
  type BucketLinksQuery,
  type WireBucketLinks,
} from './buckets.js';
export { keyRotationSchema, keyStandSchema, type WireKeyRotation, type WireKeyStand } from './keys.js';
export {
  secretAccessesSchema,
  secretKeysSchema,
  secretValueSchema,
  secretVersionsSchema,
  type WireSecretAccesses,
  type WireSecretVersions,
} from './secrets.js';
export type { AuditFinding, AuditMessage } from './log-audit.js';
export { documentReader } from './document-reader.js';
export { plainError } from './plain-errors.js';
export { isUuid } from './uuid.js';
export { reference, pathOf, wireReader, type WireErrors, type WireResult, type WireText } from './wire.js';
export { NO_DATE, parseWireDate, parseWireDuration, wireDate, wireDuration } from './time-on-the-wire.js';
export { hardwareConstraintSchema } from './hardware-constraint.js';
export {
  advancedBucketSchema,
  bulkTaskResultSchema,
  constantSchema,
  createdSchema,
  MOST_CONSTANTS,
  taskCloneSchema,
  taskCreationSchema,
  taskRetrySchema,
  taskUpdateSchema,
  type BulkTaskResult,
  type TaskCreation,
  type TaskRepetition,
  type TaskUpdate,
} from './task-creation.js';
export {
  completedInstanceSchema,
  errorSchema,
  statusSchema,
  taskSchema,
  ownedTaskSummarySchema,
  rightsSchema,
  taskRightsSchema,
  taskSummarySchema,
  type WireCompletedInstance,
  type WireError,
  type WireRunningInstance,
  type WireStatus,
  type WireTask,
  type WireOwnedTaskSummary,
  type WireRights,
  type WireTaskRights,
  type WireTaskSummary,
} from './task-output.js';
export {
  filterSchema,
  pageOf,
  pageRequestSchema,
  searchRequestSchema,
  type Page,
  type PageRequest,
  type SearchRequest,
  type WireFilter,
} from './paging.js';
export {
  organizationQuotasSchema,
  profileSchema,
  projectSchema,
  settingsSchema,
  userInfoSchema,
  userQuotasSchema,
  versionsSchema,
  type WireOrganizationQuotas,
  type WireProfile,
  type WireProject,
  type WireQuota,
  type WireRunningCounts,
  type WireUserInfo,
  type WireUserQuotas,
} from './account-output.js';
export {
  meSchema,
  newTokenSchema,
  organizationChangeSchema,
  organizationCreationSchema,
  organizationSchema,
  ownedProjectCreationSchema,
  ownedProjectSchema,
  projectChangeSchema,
  projectCreationSchema,
  projectMemberChangeSchema,
  projectMemberSchema,
  sharedProjectSchema,
  tokenCreationSchema,
  tokenSchema,
  userChangeSchema,
  userCreationSchema,
  userPageQuerySchema,
  userPageSchema,
  userSchema,
  type OrganizationChange,
  type OrganizationCreation,
  type OwnedProjectCreation,
  type ProjectChange,
  type ProjectCreation,
  type ProjectMemberChange,
  type TokenCreation,
  type UserChange,
  type UserCreation,
  type UserPageQuery,
  type WireMe,
  type WireNewToken,
  type WireOrganization,
  type WireOwnedProject,
  type WireProjectMember,
  type WireSharedProject,
  type WireToken,
  type WireUser,
  type WireUserPage,
} from './people.js';
export { reasonSchema } from './reason.js';
export { objectsReindexSchema, type ObjectsReindex } from './objects-reindex.js';
export {
  archiveVerificationSchema,
  logArchiveSchema,
  logRestoreSchema,
  type WireLogRestore,
  type WireArchiveFinding,
  type WireArchiveVerification,
  type WireLogArchive,
} from './log-archive.js';
export { objectsScrubSchema, type ObjectsScrub } from './objects-scrub.js';
export {
  storageDiskSchema,
  storageUsageSchema,
  usageReconciliationSchema,
  type WireStorageDisk,
  type WireStorageUsage,
  type WireUsageReconciliation,
} from './storage-usage.js';
export { expiryPrefixSchema, expiryRuleChangeSchema, expiryRuleSchema, type WireExpiryRule } from './expiry.js';
export { owedEffectsSchema, type OwedEffects } from './owed-effects.js';
export {
  budgetChangeSchema,
  budgetCreationSchema,
  budgetSchema,
  creditBookingSchema,
  creditsOfAccountSchema,
  ownBudgetSchema,
  type BudgetChange,
  type BudgetCreation,
  type CreditBookingRequest,
  type WireBudget,
  type WireCreditsOfAccount,
  type WireOwnBudget,
} from './spending.js';
export { taskCostSchema, type TaskCost } from './task-cost.js';
export {
  foundNodesSchema,
  nodeSearchSchema,
  priceSimulationSchema,
  simulatedPriceSchema,
  type FoundNodes,
  type NodeSearch,
  type PriceSimulation,
  type SimulatedPrice,
} from './thought-tasks.js';
export {
  closedMonthSchema,
  monthSchema,
  ratingRequestSchema,
  ratingSchema,
  type RatingRequest,
  type WireClosedMonth,
  ratingProgressSchema,
  type WireRating,
  type WireRatingProgress,
} from './ratings.js';
export { logProofIn, logProofText, type WireLogProof } from './log-proof.js';
export {
  statementQuerySchema,
  timeZoneSchema,
  statementSchema,
  type PeriodBoundary,
  type StatementDimension,
  type StatementQuery,
  type WireStatement,
  type WireStatementRow,
} from './statements.js';
export {
  metersQuerySchema,
  metersSchema,
  type MeterDimension,
  type MetersQuery,
  type WireMeterRow,
  type WireMeters,
} from './meters.js';
export type { WireMeterTotal } from './meter-total.js';
export {
  amount as priceAmount,
  euros as euroText,
  priceDocumentJsonSchema,
  priceDocumentOf,
  priceDocumentSchema,
  priceListOf,
  publishedListSchema,
  type PriceDocument,
  type WirePublishedList,
} from './price-document.js';
export {
  profileDocumentJsonSchema,
  profileDocumentOf,
  profileDocumentSchema,
  profileVersionSchema,
  publishedProfileSchema,
  writtenProfileOf,
  type WireProfileVersion,
  type WirePublishedProfile,
  type WrittenProfile,
} from './profile-document.js';
export { jobDocumentSchema, jobDocumentJsonSchema, type JobDocument, type JobDocumentTask } from './job-document.js';
export { jobGraphSchema, type WireJobGraph } from './job-graph.js';
export {
  jobCreationSchema,
  jobRepetitionSchema,
  jobSchema,
  type JobCreation,
  type JobRepetition,
  type WireJob,
} from './jobs.js';
export { waitingSchema, type WireWaiting } from './waiting.js';
export {
  anyScalingSchema,
  poolCloneSchema,
  poolCreationSchema,
  poolUpdateSchema,
  readScaling,
  type PoolCreation,
  type PoolUpdate,
} from './pool-creation.js';
export { poolSchema, poolSummarySchema, type WirePool, type WirePoolSummary } from './pool-output.js';
export {
  echoOfScaling,
  elasticPropertySchema,
  scalingPolicySchema,
  scalingSimulationSchema,
  scalingToCheckSchema,
  simulatedScalingSchema,
  type ElasticProperty,
  type ScalingSimulationRequest,
  type SimulatedScaling,
} from './scaling.js';
export {
  listedSnapshotSchema,
  snapshotListSchema,
  snapshotSchema,
  snapshotSummarySchema,
  type ListedSnapshot,
  type WireSnapshot,
  type WireSnapshotList,
  type WireSnapshotSummary,
} from './snapshots.js';
export { snapshotRetentionSchema } from './snapshot-retention.js';
export {
  sessionSchema,
  signInLinkSchema,
  signInWaysSchema,
  type WireSession,
  type WireSignInLink,
  type WireSignInWays,
} from './sessions.js';
