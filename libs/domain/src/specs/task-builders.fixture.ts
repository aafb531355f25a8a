import type { AttemptEnd, DispatchedLease, LeaseRef, TaskEvent, TaskSpec } from '../task/task.events.js';
import type { NodeHardware } from '../node/node.events.js';

/** Facts with good defaults, so that a spec names only what matters to it. For specs only. */
export const at = 1_000;

export const aTaskSpec = (overrides: Partial<TaskSpec> = {}): TaskSpec => ({
  name: 'a task',
  shortname: 'task-1',
  profile: 'docker-batch',
  instances: '0-1',
  advancedRanges: null,
  constants: [],
  resources: [],
  resultBucket: null,
  resultsPrefix: null,
  resultsWhitelist: null,
  resultsBlacklist: null,
  uploadResultsOnCancellation: false,
  snapshotBucket: null,
  snapshotPrefix: null,
  snapshotWhitelist: null,
  snapshotBlacklist: null,
  request: { cores: 1, memoryMB: 256 },
  hardwareConstraints: [],
  plan: 'flex',
  maxRetriesPerInstance: 0,
  maxTotalRetries: 0,
  tags: [],
  labels: {},
  echo: {},
  ...overrides,
});

export const submitted = (spec: Partial<TaskSpec> = {}): TaskEvent => ({
  type: 'TaskSubmitted',
  taskId: 'task-1',
  owner: 'ada',
  spec: aTaskSpec(spec),
  at,
});

/** Lease ids are `<instance>/<attempt>`. */
export const aLease = (instance: number, attempt = 1): DispatchedLease => ({
  instance,
  leaseId: `${instance}/${attempt}`,
  attempt,
  node: 'n1',
  nodeEpoch: 1,
});
export const ref = (instance: number, attempt = 1): LeaseRef => ({ instance, leaseId: `${instance}/${attempt}` });

export const dispatched = (...leases: readonly DispatchedLease[]): TaskEvent => ({
  type: 'InstancesDispatched',
  leases,
  at,
});
export const started = (...leases: readonly LeaseRef[]): TaskEvent => ({
  type: 'InstancesStarted',
  leases: leases.map((lease) => ({ ...lease, startedAt: at })),
  at,
});
export const exited = (...leases: readonly LeaseRef[]): TaskEvent => ({ type: 'InstancesExited', leases, at });

export const anEnd = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd => {
  const attempt = overrides.attempt ?? 1;
  return {
    ...ref(instance, attempt),
    attempt,
    node: 'n1',
    outcome: 'success',
    startedAt: at,
    endedAt: at,
    cores: 1,
    hardware: { specificationKey: '8c-32g-intel-xeon-ssd', cpuModel: 'Intel Xeon', cores: 8, ghz: 2.5 },
    uploadedFiles: 0,
    uploadedBytes: 0,
    ...overrides,
  };
};
export const aFailure = (instance: number, overrides: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(instance, { outcome: 'failure', cause: 'user', exitCode: 1, ...overrides });

export const concluded = (...attempts: readonly AttemptEnd[]): TaskEvent => ({
  type: 'InstancesConcluded',
  attempts,
  at,
});
export const requeued = (...attempts: readonly AttemptEnd[]): TaskEvent => ({
  type: 'InstancesRequeued',
  attempts,
  at,
});
export const cancelRequested: TaskEvent = { type: 'TaskCancelRequested', at };
export const deleteRequested: TaskEvent = { type: 'TaskDeleteRequested', at };
export const waitingCancelled = (instances: string): TaskEvent => ({
  type: 'WaitingInstancesCancelled',
  instances,
  at,
});
export const resourcesUpdateRequested: TaskEvent = { type: 'TaskResourcesUpdateRequested', at };
export const waitingExpired = (instances: string, when = at): TaskEvent => ({
  type: 'WaitingInstancesExpired',
  instances,
  at: when,
});
export const deleted: TaskEvent = { type: 'TaskDeleted', at };

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
