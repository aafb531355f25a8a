import {
  bool,
  date,
  duration,
  int32,
  int64,
  list,
  map,
  nullable,
  number,
  object,
  oneOf,
  text,
  uint32,
} from './strict-values.js';

/**
 * Reads answers as the C# client does, whose value types take neither null nor a missing key, and as the Python client does where that
 * one iterates (contract, section 3.0). Written from the contract, not from our own schemas.
 */
const error = object({ code: text, message: text, debug: text });

const STATES = [
  'Submitted',
  'PartiallyDispatched',
  'FullyDispatched',
  'PartiallyExecuting',
  'FullyExecuting',
  'UploadingResults',
  'Success',
  'Failure',
  'Cancelled',
  'PendingCancel',
  'PendingDelete',
] as const;
const state = oneOf(...STATES);

const completedInstance = object({
  results: nullable(list(text)),
  instanceId: uint32,
  wallTimeSec: number,
  execTimeSec: number,
  execTimeSecGHz: number,
  peakMemoryMB: int32,
  state: text,
  error: nullable(error),
  specificationKey: text,
  cpuModel: text,
  coreCount: uint32,
  clockRatio: number,
  averageGHz: number,
  executionAttemptCount: uint32,
});

const runningInstance = object({
  phase: oneOf('download', 'dispatch', 'environment', 'execution', 'shutdown', 'upload'),
  instanceId: uint32,
  maxFrequencyGHz: number,
  currentFrequencyGHz: number,
  cpuUsage: number,
  maxMemoryMB: uint32,
  currentMemoryMB: uint32,
  memoryUsage: number,
  networkInKbps: number,
  networkOutKbps: number,
  progress: number,
  executionTimeSec: number,
  executionTimeGHz: number,
  specificationKey: text,
  cpuModel: text,
  coreCount: uint32,
  executionAttemptCount: uint32,
  clockRatio: number,
  activeForwards: list(map(nullable(object({})))),
  vpnConnections: list(object({ nodeIPAddressCidr: text, vpnName: text })),
});

const status = object({
  timestamp: date,
  lastUpdateTimestamp: date,
  downloadProgress: number,
  executionProgress: number,
  uploadProgress: number,
  instanceCount: uint32,
  downloadTime: duration,
  downloadTimeSec: int64,
  environmentTime: duration,
  environmentTimeSec: int64,
  executionTime: duration,
  executionTimeSec: int64,
  uploadTime: duration,
  uploadTimeSec: int64,
  wallTime: duration,
  wallTimeSec: int64,
  executionTimeByCpuModel: list(object({ model: text, time: uint32, core: uint32 })),
  executionTimeGhzByCpuModel: list(object({ model: text, timeGhz: number, clockRatio: number, core: uint32 })),
  succeededRange: text,
  executedRange: text,
  failedRange: text,
  cancelledRange: text,
  failedOnlyRange: text,
  startedOnceRange: text,
  runningInstancesInfo: nullable(
    object({
      perRunningInstanceInfo: list(runningInstance),
      timestamp: date,
      averageFrequencyGHz: number,
      maxFrequencyGHz: number,
      minFrequencyGHz: number,
      averageMaxFrequencyGHz: number,
      averageCpuUsage: number,
      clusterPowerIndicator: number,
      averageMemoryUsage: number,
      averageNetworkInKbps: number,
      averageNetworkOutKbps: number,
      totalNetworkInKbps: number,
      totalNetworkOutKbps: number,
    }),
  ),
});

const summaryShape = {
  uuid: text,
  name: text,
  shortname: text,
  profile: nullable(text),
  poolUuid: nullable(text),
  jobUuid: nullable(text),
  progress: number,
  runningInstanceCount: int32,
  runningCoreCount: int32,
  executionTime: duration,
  wallTime: duration,
  state,
  previousState: nullable(state),
  totalInstanceCount: int32,
  instanceCount: uint32,
  maxRetriesPerInstance: uint32,
  advancedRanges: nullable(text),
  stateTransitionTime: date,
  previousStateTransitionTime: date,
  lastModified: date,
  creationDate: date,
  endDate: date,
  waitForPoolResourcesSynchronization: nullable(bool),
} as const;
export const readSummary = object(summaryShape);

const keyed = object({ key: text, value: text });
const advancedBucket = object({
  bucketName: text,
  filtering: nullable(object({ prefixFiltering: nullable(object({ prefix: nullable(text) })) })),
  resourcesTransformation: nullable(object({ stripPrefix: nullable(object({ prefix: nullable(text) })) })),
  cacheTTLSec: nullable(int32),
});

const dependencies = object({
  dependsOn: list(text),
  advancedDependsOn: list(
    object({
      taskUuid: text,
      taskFinalStateCondition: nullable(list(text)),
      state: nullable(text),
      actualFinalState: nullable(text),
    }),
  ),
  state: text,
});

export const readTask = object({
  ...summaryShape,
  errors: list(error),
  resourceBuckets: nullable(list(text)),
  advancedResourceBuckets: nullable(list(advancedBucket)),
  resultBucket: nullable(text),
  resultsBucketPrefix: nullable(text),
  resultsCacheTTLSec: nullable(int32),
  resultsWhitelist: nullable(text),
  resultsBlacklist: nullable(text),
  resultsCount: uint32,
  snapshotInterval: int32,
  snapshotWhitelist: nullable(text),
  snapshotBlacklist: nullable(text),
  snapshotBucket: nullable(text),
  snapshotBucketPrefix: nullable(text),
  completedInstances: list(completedInstance),
  status: nullable(status),
  constants: list(keyed),
  forcedConstants: list(object({ constantName: text, forcedValue: nullable(text) })),
  constraints: list(object({ key: text, value: nullable(text) })),
  secretsAccessRights: object({ bySecret: list(object({ key: text })), byPrefix: list(object({ prefix: text })) }),
  tags: nullable(list(text)),
  labels: nullable(map(text)),
  privileges: object({ exportApiAndStorageCredentialsInEnvironment: bool }),
  retrySettings: object({ maxTotalRetries: nullable(uint32), maxPerInstanceRetries: nullable(uint32) }),
  hardwareConstraints: list(
    object({
      discriminator: text,
      coreCount: nullable(int32),
      minimumMemoryMB: nullable(number),
      maximumMemoryMB: nullable(number),
      minimumMemoryGBCoreRatio: nullable(number),
      maximumMemoryGBCoreRatio: nullable(number),
      specificationKey: nullable(text),
      cpuModel: nullable(text),
    }),
  ),
  forcedNetworkRules: list(map(nullable((value) => value))),
  schedulingType: nullable(text),
  targetedReservedMachineKey: nullable(text),
  targetedReservationName: nullable(text),
  projectUuid: nullable(text),
  maxTimeQueueSeconds: nullable(int32),
  defaultResourcesCacheTTLSec: nullable(int32),
  uploadResultsOnCancellation: nullable(bool),
  autoDeleteOnCompletion: bool,
  completionTimeToLive: duration,
  dependencies: nullable(dependencies),
});
export type ReadTask = ReturnType<typeof readTask>;

/** What the clients read of a job: dates and durations are values in one of them. */
export const readJob = object({
  uuid: text,
  name: text,
  shortname: text,
  poolUuid: nullable(text),
  state: text,
  previousState: nullable(text),
  useDependencies: bool,
  stateTransitionTime: date,
  previousStateTransitionTime: date,
  creationDate: date,
  lastModified: date,
  maxWallTime: nullable(duration),
  tags: list(text),
  autoDeleteOnCompletion: bool,
  completionTimeToLive: duration,
});
export type ReadJob = ReturnType<typeof readJob>;

/** The C# client goes on as long as `isTruncated`, the Python one also needs a token: both must stop at the same page. */
export const readPage = object({
  data: list((value) => value),
  token: nullable(text),
  nextToken: nullable(text),
  isTruncated: bool,
  count: int32,
  total: int32,
});

const quota = object({ maxInstances: int32, maxCores: int32, runningInstancesCount: int32, runningCoresCount: int32 });
export const readUserQuotas = object({ flex: quota, onDemand: quota, reserved: list(quota) });

const counters = [
  ...['maxBucket', 'bucketCount', 'maxTask', 'taskCount', 'maxJob', 'jobCount', 'maxPool', 'poolCount'],
  ...['maxRunningTask', 'runningTaskCount', 'maxRunningPool', 'runningPoolCount', 'runningInstanceCount'],
  ...['runningCoreCount', 'maxInstances', 'maxCores', 'maxFlexInstances', 'maxFlexCores'],
  ...['maxOnDemandInstances', 'maxOnDemandCores'],
];

const project = object({
  uuid: text,
  name: text,
  slug: text,
  description: nullable(text),
  organizationUuid: nullable(text),
  isDefault: bool,
});

export const readInfo = object({
  email: text,
  quotaBytesBucket: int64,
  usedQuotaBytesBucket: int64,
  quotaBytes: int64,
  usedQuotaBytes: int64,
  projects: list(project),
  computingQuotas: object({ user: readUserQuotas, organization: nullable(object({ name: text })) }),
  defaultScheduling: nullable(text),
});
/** Counters are 32-bit integers to the C# client, one by one. */
export const readCounters = object(Object.fromEntries(counters.map((name) => [name, int32])));
