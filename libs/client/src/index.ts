export { ApiError } from './api/api-error.js';
export type { FornaxClientOptions } from './api/api-connection.js';
export { isOver } from './api/is-over.js';
export type { ListedTask } from './api/task-page.js';
export {
  FornaxClient,
  type NewTask,
  type Output,
  type OutputOptions,
  type Repetition,
  type WaitOptions,
} from './api/fornax-client.js';
export type { Filter } from './api/pages.js';
export type { AskedAccesses } from './api/secrets-client.js';
export type {
  FileChange,
  ListedSnapshot,
  ObjectsReindex,
  ObjectsScrub,
  ResultManifest,
  SessionRequest,
  SnapshotFile,
  WireInstanceSession,
  WireSnapshotSummary,
  WireArchiveFinding,
  WireLogArchive,
  WireLogRestore,
  WireExpiryRule,
  WireStorageDisk,
  WireStorageUsage,
  WireBucket,
  WireCreditsOfAccount,
  TaskCost,
  WireRating,
  WireMeters,
  WireRatingProgress,
  WireStatement,
  WireTask,
  WireOwnBudget,
  WireBucketGrant,
  WirePublishedProfile,
  WireOrganization,
  WireOwnedProject,
  WireOwnedTaskSummary,
  WireProjectMember,
  WireUser,
  WireUserInfo,
  WireWaiting,
} from '@fornax/contracts';
export {
  HistoryClient,
  type FollowOptions,
  type LiveMessage,
  type NewWebhook,
  type TaskEventRecord,
  type WebhookRecord,
} from './api/history-client.js';
export {
  PeopleClient,
  type NewProject,
  type NewToken,
  type ProjectChange,
  type ProjectOwner,
  type QuotaChange,
  type StorageQuotaChange,
  type UserChange,
} from './api/people-client.js';
export { BillingClient, type StatementWish } from './api/billing-client.js';
export { JobsClient, type NewJob } from './api/jobs-client.js';
export { PoolsClient, type NewPool } from './api/pools-client.js';
export { BucketsClient, type Grantee } from './api/buckets-client.js';
export type { OutputPiece, TailEvent } from './api/output-tail.js';
export type {
  Bill,
  BillLine,
  FleetNode,
  NodeEventRecord,
  ProjectionRebuild,
  Health,
  LogState,
  NamedTasks,
  ProjectionState,
  QuarantineDetail,
  LogDamage,
  LogVerification,
  QuarantineEntry,
  SnapshotRequest,
} from './api/wire-types.js';
export { MANIFESTS, ResultsClient, type EndedInstance, type ListedInstance } from './api/results-client.js';
export { SnapshotsClient } from './api/snapshots-client.js';
export { NodeAccessClient, type NewNodeToken } from './api/node-access-client.js';
export type { AuditFinding, AuditMessage } from '@fornax/contracts';
export { csvCell } from '@fornax/contracts';
