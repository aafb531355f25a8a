import type { InstantMs } from '../shared/time.js';
import type { DependencyEnd } from './dependencies.js';
import type { InstanceEnds } from './instance-dependencies.js';
import type {
  AttemptEnd,
  CancelCause,
  DispatchedLease,
  EndedSession,
  InstanceError,
  LeaseRef,
  OpenedSession,
  SnapshotPlan,
  StartedLease,
  TaskConstant,
  TaskSpec,
} from './task.events.js';

/** What may be asked of a task. The first six come from submission, the others from the scheduler. */
export type TaskCommand =
  | {
      readonly type: 'SubmitTask';
      readonly taskId: string;
      readonly owner: string;
      readonly spec: TaskSpec;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'UpdateTask';
      readonly tags?: readonly string[];
      readonly constants?: readonly TaskConstant[];
      readonly wrappedKey?: string;
      /** Envelopes of constants that these ones took their values from: they are to be there still. */
      readonly keeps?: readonly string[];
      readonly at: InstantMs;
    }
  /** @property because absent: its owner, or who looks after it, asked for it */
  | { readonly type: 'CancelTask'; readonly because?: CancelCause; readonly at: InstantMs }
  | { readonly type: 'DeleteTask'; readonly at: InstantMs }
  /** Fetch new and changed resources on the nodes that run instances of the task. */
  | { readonly type: 'UpdateResources'; readonly at: InstantMs }
  /** Take snapshots so often from now on. What is left out stays as it is. */
  | ({ readonly type: 'PlanSnapshots'; readonly at: InstantMs } & Pick<SnapshotPlan, 'intervalSeconds'> &
      Partial<Omit<SnapshotPlan, 'intervalSeconds'>>)
  /** By the lease under which the instance runs. */
  | ({ readonly type: 'OpenSession'; readonly at: InstantMs } & OpenedSession)
  | ({ readonly type: 'EndSession'; readonly at: InstantMs } & EndedSession)
  | { readonly type: 'DispatchInstances'; readonly leases: readonly DispatchedLease[]; readonly at: InstantMs }
  /**
   * Node reports about one task, in the order they were made. Those under a lease that is not current are ignored.
   * Whether a failed attempt is retried (InstancesRequeued) or final (InstancesConcluded) is decided here.
   */
  | { readonly type: 'RecordReports'; readonly reports: readonly InstanceReport[]; readonly at: InstantMs }
  /** The node was lost (or drained): its leases end with the given cause and their instances wait again. */
  | { readonly type: 'RevokeLeases'; readonly attempts: readonly AttemptEnd[]; readonly at: InstantMs }
  /**
   * Fails what waits, if the task has waited for too long: by `at`, or, where the wait was measured without looking at the time of day, if
   * `passed` is still the instant that it may wait until.
   */
  | { readonly type: 'ExpireWaiting'; readonly passed?: InstantMs; readonly at: InstantMs }
  /** Starts or cancels a task that waits for others, if these ends decide it. */
  | { readonly type: 'SettleDependencies'; readonly ends: readonly DependencyEnd[]; readonly at: InstantMs }
  /** Releases or cancels instances that wait for the same ones of other tasks, as far as these ends decide it. */
  | { readonly type: 'SettleInstances'; readonly ends: readonly InstanceEnds[]; readonly at: InstantMs }
  /** Fails what waits for a pool that ends. */
  | { readonly type: 'FailWaiting'; readonly error: InstanceError; readonly at: InstantMs }
  | {
      readonly type: 'RecordWaitingReason';
      readonly reason: string | null;
      readonly detail: string | null;
      readonly at: InstantMs;
    };

/** What a node observed about one lease. */
export type InstanceReport =
  | (StartedLease & { readonly kind: 'started' })
  | (LeaseRef & { readonly kind: 'exited' })
  /** A slot of a pool has the resources of this request, counted as the pool's `resourceUpdates`. */
  | (LeaseRef & { readonly kind: 'refreshed'; readonly update: number })
  /** It could not fetch them; `isFinal`: and does not try again until they are asked for again. */
  | (LeaseRef & {
      readonly kind: 'refresh-failed';
      readonly update: number;
      readonly error: InstanceError;
      readonly isFinal: boolean;
    })
  | {
      readonly kind: 'ended';
      readonly end: AttemptEnd;
      /**
       * How long the lease has been held, milliseconds, as the one who decides has measured it without looking at the time of day. Absent where
       * nobody did: then it is the time between the instants of the lease and of this command.
       */
      readonly heldMs?: number;
    };
