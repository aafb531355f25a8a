import { accept, assertNever, type Decision, type Decider, reject } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';
import { type BucketExpiry, decideExpiry, evolveExpiry, noExpiry } from './bucket-expiry.js';
import { type BucketDamage, decideDamage, evolveDamage, noDamage } from './bucket-damage.js';
import { type BucketGrants, decideGrant, evolveGrants } from './bucket-grants.js';
import type { BucketCommand, BucketEvent } from './bucket.events.js';

export interface BucketState {
  readonly exists: boolean;
  readonly bucket: string;
  readonly owner: string;
  readonly createdAt: InstantMs;
  readonly grants: BucketGrants;
  readonly expiry: BucketExpiry;
  readonly damage: BucketDamage;
}

const noGrants: BucketGrants = new Map();
const initial: BucketState = {
  exists: false,
  bucket: '',
  owner: '',
  createdAt: 0,
  grants: noGrants,
  expiry: noExpiry,
  damage: noDamage,
};

const create = (
  state: BucketState,
  { bucket, owner, projectId, at }: Extract<BucketCommand, { type: 'CreateBucket' }>,
): Decision<BucketEvent> => {
  if (!state.exists)
    return accept<BucketEvent>({
      type: 'BucketCreated',
      bucket,
      owner,
      ...(projectId === undefined ? {} : { projectId }),
      at,
    });
  return state.owner === owner ? accept() : reject('conflict', 'bucket-taken', `the bucket name ${bucket} is taken`);
};

/** The bucket aggregate. Rejections: `bucket-taken`, `bucket-not-found` (also for another owner, who may not learn that it exists), those of `decideGrant`. */
export const bucketDecider: Decider<BucketState, BucketCommand, BucketEvent> = {
  initial,
  decide: (state, command) => {
    if (command.type === 'CreateBucket') return create(state, command);
    if (!state.exists || state.owner !== command.owner)
      return reject('not-found', 'bucket-not-found', 'No such bucket');
    switch (command.type) {
      case 'DeleteBucket':
        return accept<BucketEvent>({ type: 'BucketDeleted', bucket: state.bucket, at: command.at });
      case 'GrantBucket':
      case 'RevokeBucketGrant':
        return decideGrant(state, command);
      case 'SetBucketExpiry':
      case 'RemoveBucketExpiry':
      case 'ExpireBucketObjects':
        return decideExpiry(state.expiry, state, command);
      case 'RecordBucketDamage':
        return decideDamage(state.damage, state.bucket, command);
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BucketCreated':
        return { ...initial, exists: true, bucket: event.bucket, owner: event.owner, createdAt: event.at };
      case 'BucketDeleted':
        return { ...state, exists: false, owner: '', grants: noGrants, expiry: noExpiry, damage: noDamage };
      case 'BucketGranted':
      case 'BucketGrantRevoked':
        return { ...state, grants: evolveGrants(state.grants, event) };
      case 'BucketExpirySet':
      case 'BucketExpiryRemoved':
      case 'BucketObjectsExpired':
        return { ...state, expiry: evolveExpiry(state.expiry, event) };
      case 'BucketDamageFound':
      case 'BucketDamageEnded':
        return { ...state, damage: evolveDamage(state.damage, event) };
      default:
        return assertNever(event);
    }
  },
};
