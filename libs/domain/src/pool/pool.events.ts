import type { InstantMs } from '../shared/time.js';
import type {
  AttemptEnd,
  DispatchedLease,
  InstanceError,
  LeaseRef,
  TaskConstant,
  TaskSpec,
} from '../task/task.events.js';
import type { ElasticSize, ScalingPolicy } from './scaling.js';

/** How many slots a pool is to have: a number of nodes, bounds within which it follows the demand, or policies that say which of both when. */
export type PoolSize =
  | { readonly type: 'fixed'; readonly nodes: number }
  | ({ readonly type: 'elastic' } & ElasticSize)
  | { readonly type: 'policies'; readonly policies: readonly ScalingPolicy[] };

/** What a pool's slots have in common with the instances of a task. */
type SlotSpec = Pick<
  TaskSpec,
  | 'name'
  | 'shortname'
  | 'profile'
  | 'profileVersion'
  | 'publishedProfile'
  | 'constants'
  | 'wrappedKey'
  | 'secretRights'
  | 'resources'
  | 'request'
  | 'hardwareConstraints'
  | 'plan'
  | 'tags'
  | 'labels'
  | 'maxTimeQueueSeconds'
  | 'completionTimeToLiveSeconds'
  | 'autoDeleteOnCompletion'
  | 'projectUuid'
  | 'echo'
>;

/** Everything the user asked for; stored once, in PoolCreated. `request` is what one instance in the pool gets. */
export interface PoolSpec extends SlotSpec {
  readonly size: PoolSize;
  /** Instances that one lease of the pool takes at once. */
  readonly slotsPerNode: number;
  /** What is run once in a slot before it takes work; null: nothing. */
  readonly preparation: string | null;
  /** Whether tasks that do not say it wait until every slot has the newest resources. */
  readonly tasksWaitForResources: boolean;
  /** `instanceCount` as received. */
  readonly instanceCount: number;
  /** `scaling` and `elasticProperty` as received, as JSON text: clients compare the order of its keys too (contract, 5.14). */
  readonly scaling: string | null;
  readonly elasticProperty: string | null;
}

/**
 * The pool aggregate's events. Who states each (one producer per kind):
 * submission: PoolCreated, PoolUpdated, PoolScalingChanged, PoolResourcesUpdateRequested, PoolCloseRequested, PoolDeleteRequested;
 * scheduler: all others. PoolDeleted ends the stream. A slot is leased as an instance is: `instance` is its number.
 */
export type PoolEvent =
  | {
      readonly type: 'PoolCreated';
      readonly poolId: string;
      readonly owner: string;
      readonly spec: PoolSpec;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'PoolUpdated';
      readonly tags?: readonly string[];
      readonly constants?: readonly TaskConstant[];
      readonly wrappedKey?: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'PoolScalingChanged';
      readonly size: PoolSize;
      readonly scaling: string | null;
      readonly elasticProperty: string | null;
      readonly at: InstantMs;
    }
  /** Nodes that hold slots of the pool are to fetch new and changed objects of its resource buckets. */
  | { readonly type: 'PoolResourcesUpdateRequested'; readonly at: InstantMs }
  | { readonly type: 'PoolCloseRequested'; readonly at: InstantMs }
  | { readonly type: 'PoolDeleteRequested'; readonly at: InstantMs }
  /** Slots are to be opened and others to be closed. Canonical ranges; `policyName` is the active policy from then on. */
  | {
      readonly type: 'PoolResized';
      readonly opened: string;
      readonly closed: string;
      readonly policyName: string | null;
      readonly at: InstantMs;
    }
  | { readonly type: 'SlotsDispatched'; readonly leases: readonly DispatchedLease[]; readonly at: InstantMs }
  /** Slots are prepared and take work. */
  | {
      readonly type: 'SlotsReady';
      readonly leases: readonly (LeaseRef & { readonly startedAt: InstantMs })[];
      readonly at: InstantMs;
    }
  /** Slots have the resources of the request with this number, and so of all requests before it. */
  | {
      readonly type: 'SlotsRefreshed';
      readonly leases: readonly (LeaseRef & { readonly update: number })[];
      readonly at: InstantMs;
    }
  /** Slots could not fetch them. Said once for each reason, and once more when a slot does not try again (`isFinal`) until they are asked for again. */
  | {
      readonly type: 'SlotsRefreshFailed';
      readonly leases: readonly (LeaseRef & {
        readonly update: number;
        readonly error: InstanceError;
        readonly isFinal: boolean;
      })[];
      readonly at: InstantMs;
    }
  /** Slots are no more. From `startedAt` to `endedAt` is what is billed of one. */
  | { readonly type: 'SlotsEnded'; readonly attempts: readonly AttemptEnd[]; readonly at: InstantMs }
  | { readonly type: 'PoolClosed'; readonly at: InstantMs }
  /** It cannot do its work: its slots are closed, and nothing of it runs any more. */
  | { readonly type: 'PoolFailed'; readonly error: InstanceError; readonly at: InstantMs }
  | { readonly type: 'PoolDeleted'; readonly at: InstantMs };

export const POOL_STATES = [
  'Submitted',
  'PartiallyDispatched',
  'FullyDispatched',
  'PartiallyExecuting',
  'FullyExecuting',
  'Closing',
  'Closed',
  'PendingDelete',
  'Failure',
] as const;
/** The nine public states (contract, section 4.11): a function of the pool's counters, never stored by hand. */
export type PublicPoolState = (typeof POOL_STATES)[number];
