import { accept, assertNever, type Decision, type Decider, reject } from '../shared/decider.js';
import { type BucketGrants, decideGrant, evolveGrants } from './bucket-grants.js';
import type { BucketCommand, BucketEvent } from './bucket.events.js';

export interface BucketState {
  readonly exists: boolean;
  readonly bucket: string;
  readonly owner: string;
  readonly grants: BucketGrants;
}

const noGrants: BucketGrants = new Map();
const initial: BucketState = { exists: false, bucket: '', owner: '', grants: noGrants };

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
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BucketCreated':
        return { exists: true, bucket: event.bucket, owner: event.owner, grants: noGrants };
      case 'BucketDeleted':
        return { ...state, exists: false, owner: '', grants: noGrants };
      case 'BucketGranted':
      case 'BucketGrantRevoked':
        return { ...state, grants: evolveGrants(state.grants, event) };
      default:
        return assertNever(event);
    }
  },
};
