import { Inject, Injectable } from '@nestjs/common';
import { s3Error } from '@fornax/s3';
import { AccountDirectory } from '@fornax/identity';
import type { StorageConfig } from '../config/storage.config.js';
import { STORAGE_CONFIG } from '../config/tokens.js';
import { accessTo, type BucketAccess, type Membership } from '../model/bucket-access.js';
import { isBucketName, isStrictBucketName } from '../model/bucket-names.js';
import type { Bucket } from '../model/bucket.js';
import type { Room } from './quota-gate.js';
import { StorageQuotas } from './storage-quotas.js';

/** Which buckets an account may make, and what it may do with those that there are. */
@Injectable()
export class BucketRules {
  constructor(
    @Inject(STORAGE_CONFIG) private readonly config: Pick<StorageConfig, 'bucketNames'>,
    private readonly accounts: AccountDirectory,
    private readonly quotas: StorageQuotas,
  ) {}

  /** @throws S3Error InvalidBucketName */
  checkName(name: string): void {
    if (isBucketName(name) && (this.config.bucketNames === 'plain' || isStrictBucketName(name))) return;
    throw s3Error('InvalidBucketName', 'The specified bucket is not valid.', { BucketName: name });
  }

  /** What an account belongs to now: what came through an organization ends when it leaves that. */
  membershipOf(account: string): Membership {
    const projectIds = this.accounts.usableProjects(account).map(({ id }) => id);
    const isViewed = (id: string): boolean =>
      !projectIds.includes(id) && this.accounts.project(id)?.isArchived === false;
    return {
      account,
      organizationId: this.accounts.byId(account)?.organisationId ?? null,
      projectIds,
      viewedProjectIds: [...this.accounts.rolesOf(account).keys()].filter(isViewed),
    };
  }

  accessOf(account: string | undefined, bucket: Bucket): BucketAccess | undefined {
    if (account === undefined) return undefined;
    if (bucket.owner === account) return 'own';
    return bucket.grants.length === 0 ? undefined : accessTo(bucket, this.membershipOf(account));
  }

  /**
   * Tells whether an account that wants a bucket of this name, to make it or for its results, may be given somebody else's that is shared with it. Only
   * where the two belong to one organization: otherwise anybody could make a bucket of a likely name, share it for writing, and read what comes.
   */
  servesFor(account: string, bucket: Bucket): boolean {
    const access = this.accessOf(account, bucket);
    if (access === 'own' || access === undefined) return access === 'own';
    const organization = this.accounts.byId(account)?.organisationId ?? null;
    return organization !== null && organization === this.accounts.byId(bucket.owner)?.organisationId;
  }

  /**
   * Tells whether whoever reads as another account may see a bucket: only where it may look at what the bucket's owner has. What another organization
   * shares with a colleague was meant for that one alone.
   */
  isSeenBy(reader: string, { owner }: Bucket): boolean {
    const account = this.accounts.byId(reader);
    return account !== undefined && this.accounts.reaches(account, owner, 'look');
  }

  /** The project that a new bucket of an account belongs to. */
  projectOf(owner: string): string | undefined {
    return this.accounts.projectFor(owner, undefined)?.id;
  }

  /** Takes room for one bucket more of an account; whoever takes it says whether it was made. @throws S3Error TooManyBuckets */
  takeRoom(owner: string, projectId: string | undefined): Promise<Room> {
    return this.quotas.takeBucket({ owner, projectId: projectId ?? owner });
  }
}
