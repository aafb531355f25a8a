import type { BucketCommand, BucketEvent } from './bucket.events.js';
import { accept, assertNever, reject, type Decider } from '../shared/decider.js';

export interface BucketState {
  readonly exists: boolean;
  readonly bucket: string;
  readonly owner: string;
}

/** The bucket aggregate. Rejections: `bucket-taken`, `bucket-not-found` (also for another owner, who may not learn that it exists). */
export const bucketDecider: Decider<BucketState, BucketCommand, BucketEvent> = {
  initial: { exists: false, bucket: '', owner: '' },
  decide: (state, command) => {
    switch (command.type) {
      case 'CreateBucket': {
        const { bucket, owner, at } = command;
        if (!state.exists) return accept<BucketEvent>({ type: 'BucketCreated', bucket, owner, at });
        return state.owner === owner
          ? accept()
          : reject('conflict', 'bucket-taken', `the bucket name ${bucket} is taken`);
      }
      case 'DeleteBucket':
        if (!state.exists || state.owner !== command.owner)
          return reject('not-found', 'bucket-not-found', 'No such bucket');
        return accept<BucketEvent>({ type: 'BucketDeleted', bucket: state.bucket, at: command.at });
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BucketCreated':
        return { exists: true, bucket: event.bucket, owner: event.owner };
      case 'BucketDeleted':
        return { ...state, exists: false, owner: '' };
      default:
        return assertNever(event);
    }
  },
};
