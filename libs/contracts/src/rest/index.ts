export { reference, wireReader, type WireErrors, type WireResult } from './wire.js';
export { NO_DATE, parseWireDate, parseWireDuration, wireDate, wireDuration } from './time-on-the-wire.js';
export { hardwareConstraintSchema } from './hardware-constraint.js';
export {
  advancedBucketSchema,
  bulkTaskResultSchema,
  constantSchema,
  createdSchema,
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
  taskSummarySchema,
  type WireCompletedInstance,
  type WireError,
  type WireRunningInstance,
  type WireStatus,
  type WireTask,
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
  profileSchema,
  settingsSchema,
  userInfoSchema,
  versionsSchema,
  type WireProfile,
  type WireUserInfo,
} from './account-output.js';
