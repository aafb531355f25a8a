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
