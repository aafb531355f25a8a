import type { AccountEvent } from '../account/account.events.js';
import type { BucketEvent } from '../bucket/bucket.events.js';
import type { NodeEvent, NodeHardware } from '../node/node.events.js';
import { initialPoolState } from '../pool/pool.state.js';
import type { PoolEvent, PoolSpec } from '../pool/pool.events.js';
import { initialTaskState } from '../task/task.state.js';
import type { AttemptEnd, DispatchedLease, LeaseRef, TaskEvent, TaskSpec } from '../task/task.events.js';

/** Facts with good defaults, so that a spec names only what matters to it. Times are small and fixed. For specs only. */
export const AT = 1_000;

export const aTaskSpec = (overrides: Partial<TaskSpec> = {}): TaskSpec => ({
  ...initialTaskState.spec,
  name: 'a task',
  shortname: 'task-1',
  profile: 'docker-batch',
  profileVersion: 1,
  instances: '0-1',
  request: { cores: 1, memoryMB: 256 },
  ...overrides,
});

export const aHardware = (overrides: Partial<NodeHardware> = {}): NodeHardware => ({
  specificationKey: '8c-32g-intel-xeon-ssd',
  cpuModel: 'Intel Xeon Platinum',
  cores: 8,
  memoryMB: 32_768,
  ghz: 2.5,
  ssd: true,
  gpus: 0,
  ...overrides,
});

/** Lease ids are `<instance>/<attempt>`. */
export const aLease = (instance: number, overrides: Partial<DispatchedLease> = {}): DispatchedLease => {
  const attempt = overrides.attempt ?? 1;
  return { instance, leaseId: `${instance}/${attempt}`, attempt, node: 'node-1', nodeEpoch: 1, ...overrides };
};
export const aRef = (instance: number, attempt = 1): LeaseRef => ({ instance, leaseId: `${instance}/${attempt}` });

export const anEnd = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd => {
  const attempt = overrides.attempt ?? 1;
  return {
    ...aRef(instance, attempt),
    attempt,
    node: 'node-1',
    outcome: 'success',
    startedAt: AT,
    endedAt: AT + 500,
    cores: 1,
    hardware: { specificationKey: '8c-32g-intel-xeon-ssd', cpuModel: 'Intel Xeon', cores: 8, ghz: 2.5 },
    uploadedFiles: 0,
    uploadedBytes: 0,
    ...overrides,
  };
};

export const aFailure = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(instance, { outcome: 'failure', cause: 'user', exitCode: 1, ...overrides });

export const submitted = (taskId: string, spec: Partial<TaskSpec> = {}, owner = 'ada'): TaskEvent => ({
  type: 'TaskSubmitted',
  taskId,
  owner,
  spec: aTaskSpec({ shortname: taskId, ...spec }),
  at: AT,
});
export const dispatched = (...leases: readonly DispatchedLease[]): TaskEvent => ({
  type: 'InstancesDispatched',
  leases,
  at: AT,
});
export const started = (...leases: readonly LeaseRef[]): TaskEvent => ({
  type: 'InstancesStarted',
  leases: leases.map((lease) => ({ ...lease, startedAt: AT })),
  at: AT,
});
export const exited = (...leases: readonly LeaseRef[]): TaskEvent => ({ type: 'InstancesExited', leases, at: AT });
export const concluded = (...attempts: readonly AttemptEnd[]): TaskEvent => ({
  type: 'InstancesConcluded',
  attempts,
  at: AT,
});
export const requeued = (...attempts: readonly AttemptEnd[]): TaskEvent => ({
  type: 'InstancesRequeued',
  attempts,
  at: AT,
});
export const cancelRequested: TaskEvent = { type: 'TaskCancelRequested', at: AT };
export const deleteRequested: TaskEvent = { type: 'TaskDeleteRequested', at: AT };
export const deleted: TaskEvent = { type: 'TaskDeleted', at: AT };
export const resourcesUpdateRequested: TaskEvent = { type: 'TaskResourcesUpdateRequested', at: AT };
export const waitingCancelled = (instances: string): TaskEvent => ({
  type: 'WaitingInstancesCancelled',
  instances,
  at: AT,
});
export const waitingExpired = (instances: string, at = AT): TaskEvent => ({
  type: 'WaitingInstancesExpired',
  instances,
  at,
});

/** A pool of slots with room for two instances each. */
export const poolCreated = (poolId: string, spec: Partial<PoolSpec> = {}, owner = 'ada'): PoolEvent => ({
  type: 'PoolCreated',
  poolId,
  owner,
  spec: {
    ...initialPoolState.spec,
    shortname: poolId,
    request: { cores: 1, memoryMB: 256 },
    slotsPerNode: 2,
    ...spec,
  },
  at: AT,
});
export const slotsEnded = (...attempts: readonly AttemptEnd[]): PoolEvent => ({ type: 'SlotsEnded', attempts, at: AT });

export const nodeJoined = (nodeId: string, hardware: Partial<NodeHardware> = {}, epoch = 1): NodeEvent => ({
  type: 'NodeJoined',
  nodeId,
  epoch,
  bootId: `${nodeId}-boot-${epoch}`,
  hardware: aHardware(hardware),
  driver: 'process',
  warnings: [],
  at: AT,
});
export const bucketCreated = (bucket: string, owner = 'ada'): BucketEvent => ({
  type: 'BucketCreated',
  bucket,
  owner,
  at: AT,
});
export const accountCreated = (accountId: string, email = `${accountId}@example.org`): AccountEvent => ({
  type: 'AccountCreated',
  accountId,
  email,
  role: 'user',
  quotas: { maxTasks: 100, maxBuckets: 100, maxStorageBytes: 1e12, maxInstances: 1_000, maxCores: 1_000 },
  at: AT,
});
