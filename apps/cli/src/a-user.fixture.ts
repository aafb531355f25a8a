/** Quotas, and a user as the platform tells of one, in every field: for answers that are ready. */
export const plan = { maxInstances: 5, maxCores: 6 };
export const unbounded = { maxBuckets: null, maxStorageBytes: null, maxObjects: null };
const quotas = {
  maxTasks: 1,
  maxJobs: 1,
  maxPools: 1,
  maxRunningPools: 1,
  maxBuckets: 2,
  maxStorageBytes: 3,
  maxObjects: null,
  ...plan,
  flex: plan,
  onDemand: plan,
};
export const creationDate = '2026-01-02T03:04:05Z';
export const ada = {
  uuid: 'u-1',
  email: 'ada@example.org',
  role: 'user',
  disabled: false,
  organization: { uuid: 'o-1', name: 'Acme' },
  quotas,
  creationDate,
};

const PLANS = ['Flex', 'OnDemand', ''];
const COUNTERS = [
  ...['Bucket', 'Task', 'Job', 'Pool', 'RunningTask', 'RunningPool'].map((what) => `max${what}`),
  ...['bucket', 'task', 'job', 'pool', 'runningTask', 'runningPool'].map((what) => `${what}Count`),
  ...['quotaBytes', 'quotaBytesBucket', 'usedQuotaBytes', 'usedQuotaBytesBucket'],
  ...PLANS.flatMap((name) => [`max${name}Instances`, `max${name}Cores`]),
  ...PLANS.flatMap((name) => [`running${name}InstanceCount`, `running${name}CoreCount`]),
];
const running = { runningInstancesCount: 1, runningCoresCount: 1, runningCoreCount: 1 };
const usedPlan = { ...plan, ...running };
/** What `GET /info` tells her of herself. */
export const infoOfAda = {
  ...Object.fromEntries(COUNTERS.map((name) => [name, 1])),
  email: 'ada@example.org',
  poolCount: 3,
  maxPool: 9,
  reservedQuotas: [],
  computingQuotas: { user: { flex: usedPlan, onDemand: usedPlan, reserved: [] }, organization: null },
  projects: [],
  defaultScheduling: 'Flex',
  defaultReservedSpecificationKey: null,
  fornax: { objectCount: 12, maxObjects: 34 },
};
