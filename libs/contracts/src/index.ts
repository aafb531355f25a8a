export {
  allDispatchSubject, allEventsSubject, allHeartbeatsSubject, allLogsSubject, allReportsSubject, allSnapshotReportsSubject, dispatchConsumer,
  dispatchSubject, eventSubject, heartbeatSubject, LOG_HEADERS, logSubject, nodeRpcPattern, nodeRpcSubject, parseEventSubject, parseLogSubject,
  parseNodeRpcSubject, parseSnapshotReportSubject, reportStreamSubjects, reportSubject, RPC, snapshotReportSubject, STREAMS,
  type Aggregate, type NodeRpcMethod, type OutputStream,
} from './subjects.js';
export { asyncApiDocument } from './events/asyncapi.js';
export { decodeCommit, encodeCommit, UnreadableCommit, type CommitPlace } from './events/codec.js';
export type { Commit, CommitMeta, FornaxEvent, RecordedCommit } from './events/commit.js';
export {
  advancedBucketSchema, bulkTaskResultSchema, completedInstanceSchema, constantSchema, createdSchema, errorSchema, filterSchema,
  hardwareConstraintSchema, NO_DATE, pageOf, pageRequestSchema, parseWireDate, parseWireDuration, profileSchema, reference, searchRequestSchema,
  settingsSchema, statusSchema, taskCreationSchema, taskSchema, taskSummarySchema, taskUpdateSchema, userInfoSchema, versionsSchema, wireDate,
  wireDuration, wireReader,
  type BulkTaskResult, type Page, type PageRequest, type SearchRequest, type TaskCreation, type TaskUpdate, type WireCompletedInstance,
  type WireError, type WireErrors, type WireFilter, type WireProfile, type WireResult, type WireRunningInstance, type WireStatus, type WireTask,
  type WireTaskSummary, type WireUserInfo,
} from './rest/index.js';
export {
  dispatchMessageSchema, dispatchOrderSchema, type CancelOrder, type DispatchOrder, type LeaseOrder, type SnapshotOrder,
} from './work/dispatch.js';
export {
  heartbeatSchema, nodeReportSchema, nodeReportsSchema, snapshotReportSchema,
  type Heartbeat, type NodeReport, type NodeReports, type SnapshotReport,
} from './work/reports.js';
export {
  ensureBucketsReplySchema, ensureBucketsRequestSchema, grantReplySchema, grantRequestSchema, joinReplySchema, joinRequestSchema,
  leaseClaimsSchema, leaseStatusReplySchema, leaseStatusRequestSchema, leaveReplySchema, leaveRequestSchema, placementsReplySchema,
  placementsRequestSchema, snapshotGrantRequestSchema, storageUsageReplySchema, storageUsageRequestSchema,
  type GrantReply, type GrantRequest, type JoinReply, type JoinRequest, type LeaseClaims, type PlacementsReply, type SnapshotGrantRequest,
} from './work/rpc.js';
