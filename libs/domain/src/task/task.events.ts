import type { TaskProfile } from '../profile-document/profile-document.js';
import type { SnapshotRetention } from '../snapshot/retention.js';
import type { SecretRights } from '../secret/secret-rights.js';
import type { InstantMs } from '../shared/time.js';
import type { DependencyEnd, TaskDependency } from './dependencies.js';

/** How an attempt of an instance ended, as far as the platform is concerned. */
export type AttemptOutcome = 'success' | 'failure' | 'cancelled';

/** Why an attempt failed or was taken back. Retries and billing depend on the difference (architecture, section 3). */
export type FailureCause = 'user' | 'platform' | 'node-lost' | 'preempted' | 'limit';

export const SCHEDULING_PLANS = ['flex', 'onDemand', 'reserved'] as const;
export type SchedulingPlan = (typeof SCHEDULING_PLANS)[number];

/** A constant as submitted. A secret one carries `sealed` (AES-256-GCM, base64) and never `value`. */
export type TaskConstant =
  { readonly key: string; readonly value: string } | { readonly key: string; readonly sealed: string };

export interface ResourceBucket {
  readonly bucket: string;
  /** Only keys under this prefix; absent means all. */
  readonly prefix?: string;
  /** Removed from the local path. */
  readonly stripPrefix?: string;
  /** How long nodes keep it after its last use; absent: 90 days; 0: not at all. */
  readonly cacheTtlSeconds?: number;
}

/** What hardware a task asks for. The discriminators are those of the contract, section 3.11, and one for disks, which is ours (ADR 0061). */
export type HardwareConstraint =
  | {
      readonly discriminator: 'MinimumCoreHardwareConstraint' | 'MaximumCoreHardwareConstraint';
      readonly coreCount: number;
    }
  | { readonly discriminator: 'MinimumRamCoreRatioHardwareConstraint'; readonly minimumMemoryGBCoreRatio: number }
  | { readonly discriminator: 'MaximumRamCoreRatioHardwareConstraint'; readonly maximumMemoryGBCoreRatio: number }
  | { readonly discriminator: 'MinimumRamHardwareConstraint'; readonly minimumMemoryMB: number }
  | { readonly discriminator: 'MaximumRamHardwareConstraint'; readonly maximumMemoryMB: number }
  /** Megabytes of a million bytes. */
  | { readonly discriminator: 'MinimumDiskHardwareConstraint'; readonly minimumDiskMB: number }
  | { readonly discriminator: 'SpecificHardwareConstraint'; readonly specificationKey: string }
  | {
      readonly discriminator:
        'GpuHardwareConstraint' | 'NoGpuHardwareConstraint' | 'SSDHardwareConstraint' | 'NoSSDHardwareConstraint';
    }
  | { readonly discriminator: 'CpuModelHardwareConstraint'; readonly cpuModel: string };

/** What one instance occupies on its node while its lease lives. */
export interface ResourceRequest {
  readonly cores: number;
  readonly memoryMB: number;
  /** Room for its files that is kept for it, in megabytes of a million bytes; absent: none, its node's bound for every instance holds. */
  readonly diskMB?: number;
}

/** How a task came from another one: with all its instances, its failed, its cancelled, or both of these (contract, section 2.2). */
export type OriginKind = 'clone' | 'retry' | 'resume' | 'recover';

/** The task that another one was made from. */
export interface TaskOrigin {
  readonly taskId: string;
  readonly kind: OriginKind;
}

/** The table of parameters of a task: instance n has row n. The rows lie beside the log, as an object of the storage that `digest` names. */
export interface TaskTable {
  /** SHA-256 of the object, in hex. */
  readonly digest: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Which inputs the instances of a pinned copy get: those that an attempt of its origin had. */
export interface TaskPin {
  /** Instances (canonical ranges) that have the same, and the SHA-256 of the list of these in hex. No instance is in two of them. */
  readonly inputs: readonly { readonly instances: string; readonly digest: string }[];
}

/** How often snapshots of a task are taken, and what each of them takes unless it is asked for otherwise. */
export interface SnapshotPlan {
  /** 0: none but those that are asked for. */
  readonly intervalSeconds: number;
  readonly bucket: string | null;
  readonly prefix: string | null;
  readonly whitelist: string | null;
  readonly blacklist: string | null;
  /** Which of them are kept from now on; null: all; absent in an event: as before. */
  readonly retention?: SnapshotRetention | null;
}

/** Everything the user asked for; stored once, in TaskSubmitted. */
export interface TaskSpec {
  readonly name: string;
  /** The user's own name for the task; the task id when none was given. */
  readonly shortname: string;
  readonly profile: string;
  /** Version of the profile that was the newest when the task was submitted. */
  readonly profileVersion: number;
  /** That version, where somebody published the profile; absent: it is one of the platform's own. */
  readonly publishedProfile?: TaskProfile;
  /** Canonical instance ranges, inclusive, e.g. "0-3,7". */
  readonly instances: string;
  /** The text of `advancedRanges` as received, or null when the task was given an instance count. */
  readonly advancedRanges: string | null;
  readonly constants: readonly TaskConstant[];
  /** One data key of this task, wrapped by the master key (base64); present when a constant is sealed. */
  readonly wrappedKey?: string;
  /** Secrets of its owner that its instances are given; absent: none. */
  readonly secretRights?: SecretRights;
  readonly resources: readonly ResourceBucket[];
  readonly resultBucket: string | null;
  readonly resultsPrefix: string | null;
  readonly resultsWhitelist: string | null;
  readonly resultsBlacklist: string | null;
  readonly uploadResultsOnCancellation: boolean;
  readonly snapshotBucket: string | null;
  readonly snapshotPrefix: string | null;
  readonly snapshotWhitelist: string | null;
  readonly snapshotBlacklist: string | null;
  /** Seconds between periodic snapshots; absent or 0: there are none. Only TaskSnapshotsPlanned sets it. */
  readonly snapshotIntervalSeconds?: number;
  /** Which complete snapshots are kept; absent: all. */
  readonly snapshotRetention?: SnapshotRetention;
  readonly request: ResourceRequest;
  readonly hardwareConstraints: readonly HardwareConstraint[];
  readonly plan: SchedulingPlan;
  readonly maxRetriesPerInstance: number;
  readonly maxTotalRetries: number;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds that the task may wait with nothing of it on any node, before it fails; absent means for ever. */
  readonly maxTimeQueueSeconds?: number;
  /** Seconds after its end at which the task is deleted; absent means never. */
  readonly completionTimeToLiveSeconds?: number;
  /** Once finished, the task may be deleted to make room for another one of its owner. */
  readonly autoDeleteOnCompletion?: boolean;
  /** Present in a task that was made from another one. */
  readonly origin?: TaskOrigin;
  /** Absent in tasks that are older than projects. */
  readonly projectUuid?: string;
  /** Constants that differ from instance to instance; absent in tasks without any. */
  readonly table?: TaskTable;
  /** Present in a copy that runs with the inputs of its origin, or not at all. */
  readonly pin?: TaskPin;
  /** Present in a pinned copy whose origin ran in an image: the digest of that one, whatever its constants say; absent: the one that they name. */
  readonly pinnedImage?: string;
  /** The job that the task belongs to; absent: none. */
  readonly jobId?: string;
  /** With which snapshot instances begin that are tried again, or whose task was made from another one: the latest, or a certain one of the origin; absent: with none. */
  readonly resumeFromSnapshot?: string;
  /** Values of its secrets stay in what its instances print; absent: they are taken out of it. */
  readonly redactOutput?: false;
  /** Tasks that it waits for; absent: none. */
  readonly dependencies?: readonly TaskDependency[];
  /** Most instances of it that are on nodes at once; absent: as many as there is room for. */
  readonly maxParallel?: number;
  /** The pool in whose slots the task runs; its profile and what it does not say itself are the pool's. */
  readonly poolUuid?: string;
  /** Present in a task of a pool that waits until every slot has the newest resources. */
  readonly waitsForPoolResources?: boolean;
  /** Fields of the contract that are stored and echoed as received (camelCase); what acts on one of them reads it with a check. */
  readonly echo: Readonly<Record<string, unknown>>;
}

/** A lease as dispatched: the right to run one instance on one node (architecture, section 3). */
export interface DispatchedLease {
  readonly instance: number;
  readonly leaseId: string;
  /** 1 for the first try of this instance. */
  readonly attempt: number;
  readonly node: string;
  /** The node's session, so that a restarted agent does not answer for its predecessor's leases. */
  readonly nodeEpoch: number;
  /** The lease of the pool's slot that it runs in; absent: it has room of its own. */
  readonly inSlot?: string;
}

/** Points at one instance under one lease. */
export interface LeaseRef {
  readonly instance: number;
  readonly leaseId: string;
}

/** A lease whose command has started. */
export interface StartedLease extends LeaseRef {
  readonly startedAt: InstantMs;
  /** The snapshot that it began with; absent: none. */
  readonly snapshotId?: string;
  /** The digest of the image that it runs in; absent: none, and in events of before. */
  readonly image?: string;
}

export interface InstanceError {
  readonly code: string;
  readonly message: string;
  readonly debug: string;
}

/** Codes of failures that a node tells and is not to blame for: the registry of the image was away, or had enough of requests; the node keeps images of others in all of its room for them. */
export const REGISTRY_AWAY = 'FX-REGISTRY';
export const NO_IMAGE_ROOM = 'FX-IMAGE-ROOM';

/** The hardware an attempt ran on, copied into its end so that billing needs no other stream. */
export interface NodeHardwareFacts {
  readonly specificationKey: string;
  readonly cpuModel: string;
  readonly cores: number;
  readonly ghz: number;
}

/** The end of one attempt, whatever it was: the unit that billing rates (one ledger line each). */
export interface AttemptEnd extends LeaseRef {
  readonly attempt: number;
  readonly node: string;
  readonly outcome: AttemptOutcome;
  readonly cause?: FailureCause;
  readonly exitCode?: number;
  readonly signal?: string;
  /** Absent when the attempt ended before its command started. */
  readonly startedAt?: InstantMs;
  /** When the command ended (not its upload). */
  readonly endedAt: InstantMs;
  readonly cores: number;
  /** Present of an attempt in a slot of a pool: its time on the node is the pool's. */
  readonly inSlot?: string;
  readonly cpuMs?: number;
  readonly peakMemoryMB?: number;
  /** What the node measured: time for inputs, for the rest before the command, for results (milliseconds), and the frequency of its cores. */
  readonly downloadMs?: number;
  readonly environmentMs?: number;
  readonly uploadMs?: number;
  readonly averageGHz?: number;
  readonly hardware: NodeHardwareFacts;
  readonly uploadedFiles: number;
  readonly uploadedBytes: number;
  /** Paths of the first results, relative to the folder of results. Absent of none, and in events of before. */
  readonly results?: readonly string[];
  /** The folder of its results where that is the instance's own; absent where the task says it. */
  readonly folder?: string;
  /** SHA-256 of the manifest of the attempt's results, in hex. Absent when there is none, and in events of before. */
  readonly manifest?: string;
  /** SHA-256 of the list of the inputs that the attempt got, in hex. Absent when there is none, and in events of before. */
  readonly inputs?: string;
  /** The digest of the image that the attempt ran in. Absent when there is none, and in events of before. */
  readonly image?: string;
  readonly error?: InstanceError;
  /** What the user should know though it is no failure, e.g. which files are no results. */
  readonly notes?: readonly string[];
}

/** Why the platform cancels tasks: their job was terminated, or had lasted for as long as it may; their pool was deleted; a budget that stops what runs was used up. */
export const CANCEL_CAUSES = ['job-terminated', 'job-wall-time', 'pool-deleted', 'budget-exhausted'] as const;
export type CancelCause = (typeof CANCEL_CAUSES)[number];

/** A session in a running instance. Of its command only the program's name is told: what follows may hold secrets. */
export interface OpenedSession {
  readonly session: string;
  readonly instance: number;
  readonly leaseId: string;
  readonly kind: 'exec' | 'forward';
  readonly program?: string;
  readonly hasTerminal?: boolean;
  readonly port?: number;
  /** The process of the platform that carries it; absent: one of before. */
  readonly carrier?: string;
}

/** Why a session has an end that nobody told: the process that carried it is gone. */
export type SessionEndCause = 'carrier-lost';

/** How it ended; no exit code where nobody told one. Bytes into the instance and out of it; with a cause nobody has counted them, and both are 0. */
export interface EndedSession {
  readonly session: string;
  readonly instance: number;
  readonly exitCode?: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly because?: SessionEndCause;
}

/**
 * The task aggregate's events. Who states each (one producer per kind):
 * submission: TaskSubmitted, TaskCancelRequested, TaskDeleteRequested, TaskUpdated, TaskResourcesUpdateRequested, TaskSnapshotsPlanned, TaskSessionOpened, TaskSessionEnded;
 * scheduler: all others. TaskDeleted ends the stream.
 */
export type TaskEvent =
  | {
      readonly type: 'TaskSubmitted';
      readonly taskId: string;
      readonly owner: string;
      readonly spec: TaskSpec;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'TaskUpdated';
      readonly tags?: readonly string[];
      readonly constants?: readonly TaskConstant[];
      readonly wrappedKey?: string;
      readonly at: InstantMs;
    }
  /** `because` is absent where it was asked for, and in events of before. */
  | { readonly type: 'TaskCancelRequested'; readonly because?: CancelCause; readonly at: InstantMs }
  | { readonly type: 'TaskDeleteRequested'; readonly at: InstantMs }
  /** Nodes that run instances of the task are to fetch new and changed objects of its resource buckets. */
  | { readonly type: 'TaskResourcesUpdateRequested'; readonly at: InstantMs }
  | ({ readonly type: 'TaskSnapshotsPlanned'; readonly at: InstantMs } & SnapshotPlan)
  | { readonly type: 'InstancesDispatched'; readonly leases: readonly DispatchedLease[]; readonly at: InstantMs }
  | {
      readonly type: 'InstancesStarted';
      readonly leases: readonly StartedLease[];
      readonly at: InstantMs;
    }
  /** The command is over; its results are being uploaded. */
  | { readonly type: 'InstancesExited'; readonly leases: readonly LeaseRef[]; readonly at: InstantMs }
  /** The attempt is over and the instance with it (success, failure without another try, or cancelled). */
  | { readonly type: 'InstancesConcluded'; readonly attempts: readonly AttemptEnd[]; readonly at: InstantMs }
  /** The attempt is over and the instance waits again (a retry, a lost node, a preemption). */
  | { readonly type: 'InstancesRequeued'; readonly attempts: readonly AttemptEnd[]; readonly at: InstantMs }
  /** Instances that will never run because the task was cancelled while they waited. Canonical ranges. */
  | {
      readonly type: 'WaitingInstancesCancelled';
      readonly instances: string;
      /** How the same instances of another task ended that they waited for; absent: the whole task was cancelled. */
      readonly because?: DependencyEnd;
      readonly at: InstantMs;
    }
  /** Instances that failed without ever running, because the task waited longer than `maxTimeQueueSeconds`, or for a pool that ends. Canonical ranges. */
  | {
      readonly type: 'WaitingInstancesExpired';
      readonly instances: string;
      /** Why, where it is something else: the pool of the task ends. */
      readonly error?: InstanceError;
      readonly at: InstantMs;
    }
  /** Why instances of the task wait has changed (architecture, section 4); null when nothing waits for room any more. */
  | {
      readonly type: 'WaitingReasonChanged';
      readonly reason: string | null;
      readonly detail: string | null;
      readonly at: InstantMs;
    }
  /** All that the task waited for has ended as it should: from now on it waits for room alone. */
  | { readonly type: 'DependenciesFulfilled'; readonly ends: readonly DependencyEnd[]; readonly at: InstantMs }
  /** The same instances of other tasks that these waited for have ended as they should: from now on they wait for room alone. Canonical ranges. */
  | { readonly type: 'InstancesReleased'; readonly instances: string; readonly at: InstantMs }
  /** Something that the task waited for has ended as it should not have: the task is cancelled. Those ends that are known. */
  | { readonly type: 'DependenciesFailed'; readonly ends: readonly DependencyEnd[]; readonly at: InstantMs }
  /** Somebody begins to run a command in a running instance, or to reach a port of it. */
  | ({ readonly type: 'TaskSessionOpened'; readonly at: InstantMs } & OpenedSession)
  | ({ readonly type: 'TaskSessionEnded'; readonly at: InstantMs } & EndedSession)
  | { readonly type: 'TaskDeleted'; readonly at: InstantMs };

export const TASK_STATES = [
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
/** The eleven public states (contract, section 4.1): a function of the task's counters, never stored by hand. */
export type PublicTaskState = (typeof TASK_STATES)[number];
