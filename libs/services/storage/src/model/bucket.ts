/** A bucket as users see it: a name that belongs to one account. */
export interface Bucket {
  readonly name: string;
  readonly owner: string;
  readonly createdAt: Date;
  /** The store does not have it yet, or still holds what another bucket of its name left: nothing may be stored in it or read from it. */
  readonly isBeingMade: boolean;
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
  /** By name. */
  ownedBy(owner: string): Promise<readonly Bucket[]>;
  /**
   * Makes it, unless it is the owner's already; returns once `find` knows it.
   * @throws S3Error InvalidBucketName, BucketAlreadyExists, TooManyBuckets
   */
  create(owner: string, name: string): Promise<void>;
  /** @throws S3Error BucketNotEmpty, NoSuchBucket */
  remove(owner: string, name: string): Promise<void>;
}
