export { ApiError } from './api/api-error.js';
export {
  FornaxClient,
  isOver,
  type FornaxClientOptions,
  type NewTask,
  type Output,
  type OutputOptions,
  type Repetition,
  type WaitOptions,
} from './api/fornax-client.js';
export type { ObjectsReindex, WireOrganization, WireUser, WireUserInfo } from '@fornax/contracts';
export {
  HistoryClient,
  type FollowOptions,
  type LiveMessage,
  type NewWebhook,
  type TaskEventRecord,
  type WaitingRecord,
  type WebhookRecord,
} from './api/history-client.js';
export {
  PeopleClient,
  type NewProject,
  type NewToken,
  type ProjectChange,
  type ProjectOwner,
  type QuotaChange,
  type UserChange,
} from './api/people-client.js';
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
export { S3Client, type CallOptions, type S3ClientOptions, type S3Object, type StreamBody } from './s3/s3-client.js';
export { S3Error } from './s3/s3-error.js';
export {
  canonicalRequest,
  encodeRfc3986,
  sha256Hex,
  signRequest,
  UNSIGNED_PAYLOAD,
  type RequestToSign,
  type S3Keys,
} from './s3/sigv4.js';
export { NodeAccessClient, type NewNodeToken } from './api/node-access-client.js';
