import type { InstantMs } from '../shared/time.js';
import type { BucketExpiryCommand, BucketExpiryEvent } from './bucket-expiry.js';
import type { BucketDamageCommand, BucketDamageEvent } from './bucket-damage.js';
import type { BucketGrantCommand, BucketGrantEvent } from './bucket-grants.js';

/** A bucket belongs to one account; its id is its name. A deleted name may be created again, by anybody. */
export type BucketEvent =
  | {
      readonly type: 'BucketCreated';
      readonly bucket: string;
      readonly owner: string;
      /** The project that its owner's things went into then; absent, as before buckets had one: the project that the owner started with. */
      readonly projectId?: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'BucketDeleted'; readonly bucket: string; readonly at: InstantMs }
  | BucketDamageEvent
  | BucketExpiryEvent
  | BucketGrantEvent;

/** Creating a bucket that one owns already is accepted without events (contract, 5.31). */
export type BucketCommand =
  | {
      readonly type: 'CreateBucket';
      readonly bucket: string;
      readonly owner: string;
      readonly projectId?: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'DeleteBucket'; readonly owner: string; readonly at: InstantMs }
  | BucketDamageCommand
  | BucketExpiryCommand
  | BucketGrantCommand;
