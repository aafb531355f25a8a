import type { BucketGrant } from '@fornax/domain';
import type { BucketAccess } from './bucket-access.js';

/** A grant as the read model has it. */
export interface StoredGrant extends BucketGrant {
  readonly grantedAt: Date;
}

/** A bucket as users see it: a name that belongs to one account. */
export interface Bucket {
  readonly name: string;
  readonly owner: string;
  /** The project that it was created in; null for one of before: the project that its owner started with. */
  readonly projectId: string | null;
  readonly createdAt: Date;
  /** With whom its owner shares it. */
  readonly grants: readonly StoredGrant[];
  /** The store does not have it yet, or still holds what another bucket of its name left: nothing may be stored in it or read from it. */
  readonly isBeingMade: boolean;
}

/** Whose a task is. */
export interface TaskOwner {
  readonly owner: string;
  /** The project that it is in; of one of before projects: that its owner started with. */
  readonly projectId: string;
}

/** Buckets and what may be asked of them, for the protocol. */
export interface BucketPort {
  /**
   * Looks again after catching up with the log when there is none, or when the store is still about to make it.
   * @throws S3Error SlowDown the store has not made it yet
   */
  find(name: string): Promise<Bucket | undefined>;
  /** The bucket that results of a lease went with when it was deleted; undefined when none did. */
  lostResultsOf(leaseId: string): Promise<string | undefined>;
  /** Whose a task is; undefined of one that is deleted, or that nobody knows. */
  ownerOfTask(taskId: string): Promise<TaskOwner | undefined>;
  /** What an account may do with a bucket as things are now; undefined is nothing. */
  accessOf(account: string | undefined, bucket: Bucket): BucketAccess | undefined;
  /** Whether an account that wants a bucket of this name may be given this one: its own, or one that is shared with it within its organization. */
  servesFor(account: string, bucket: Bucket): boolean;
  /** Whether whoever reads as another account may see it: its owner is one that the reader may look at by itself. */
  isSeenBy(reader: string, bucket: Bucket): boolean;
  /** By name. */
  ownedBy(owner: string): Promise<readonly Bucket[]>;
  /**
   * Makes it, unless it is the owner's already, or shared with the owner within an organization; returns once `find` knows it.
   * @throws S3Error InvalidBucketName, BucketAlreadyExists, TooManyBuckets
   */
  create(owner: string, name: string): Promise<void>;
  /** @throws S3Error BucketNotEmpty, NoSuchBucket */
  remove(owner: string, name: string): Promise<void>;
}
