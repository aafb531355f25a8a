import type { InstantMs } from '../shared/time.js';
import type { Ranges } from '../shared/ranges.js';
import type { TaskCommand } from '../task/task.commands.js';
import type { TaskConstant } from '../task/task.events.js';
import type { PoolSize, PoolSpec } from './pool.events.js';

/** What may be asked of a slot: what may be asked of an instance. */
export type SlotCommand = Extract<
  TaskCommand,
  { readonly type: 'DispatchInstances' | 'RecordReports' | 'RevokeLeases' | 'ExpireWaiting' | 'RecordWaitingReason' }
>;

/** What may be asked of a pool. The first six come from submission, the others from the scheduler. */
export type PoolCommand =
  | {
      readonly type: 'CreatePool';
      readonly poolId: string;
      readonly owner: string;
      readonly spec: PoolSpec;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'UpdatePool';
      readonly tags?: readonly string[];
      readonly constants?: readonly TaskConstant[];
      readonly wrappedKey?: string;
      /** Envelopes of constants that these ones took their values from: they are to be there still. */
      readonly keeps?: readonly string[];
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ChangeScaling';
      readonly size: PoolSize;
      readonly scaling: string | null;
      readonly elasticProperty: string | null;
      readonly at: InstantMs;
    }
  | { readonly type: 'UpdatePoolResources'; readonly at: InstantMs }
  | { readonly type: 'ClosePool'; readonly at: InstantMs }
  | { readonly type: 'DeletePool'; readonly at: InstantMs }
  /** Opens and closes slots; those that are in that state already are passed over. A pool that is to end, and has none left, ends. */
  | {
      readonly type: 'ResizePool';
      readonly open: Ranges;
      readonly close: Ranges;
      readonly policyName: string | null;
      readonly at: InstantMs;
    }
  | SlotCommand;
