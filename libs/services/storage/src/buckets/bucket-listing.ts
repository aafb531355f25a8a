import { Injectable } from '@nestjs/common';
import type { WireBucket } from '@fornax/contracts';
import { AccountDirectory } from '@fornax/identity';
import type { Bucket } from '../model/bucket.js';
import { BucketCatalog } from './bucket-catalog.js';
import { BucketRules } from './bucket-rules.js';
import { BucketSharing } from './bucket-sharing.js';
import { StorageUsage } from './storage-usage.js';

/** Buckets as those see them who may do something with them. */
@Injectable()
export class BucketListing {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly rules: BucketRules,
    private readonly usage: StorageUsage,
    private readonly sharing: BucketSharing,
    private readonly accounts: AccountDirectory,
  ) {}

  /** An account's own buckets, then those of others that are shared with it; each by name. */
  async of(account: string): Promise<readonly WireBucket[]> {
    const [own, shared] = await Promise.all([
      this.catalog.ownedBy(account),
      this.catalog.sharedWith(this.rules.membershipOf(account)),
    ]);
    const buckets = [...own, ...shared];
    const usages = await this.usage.ofBuckets(buckets);
    return buckets.flatMap((bucket, at) => {
      const access = this.rules.accessOf(account, bucket);
      const { objects = 0, bytes = 0 } = usages[at] ?? {};
      return access === undefined ? [] : [{ ...this.#facts(bucket, access === 'own'), access, objects, bytes }];
    });
  }

  #facts(
    { name, owner, projectId, createdAt, grants }: Bucket,
    isOwn: boolean,
  ): Omit<WireBucket, 'access' | 'objects' | 'bytes'> {
    const project = this.accounts.project(projectId ?? owner);
    return {
      name,
      createdAt: createdAt.toISOString(),
      owner: { uuid: owner, name: this.accounts.byId(owner)?.email ?? owner },
      project: isOwn && project ? { uuid: project.id, name: project.name } : null,
      grants: isOwn ? grants.map((grant) => this.sharing.shown(grant)) : null,
    };
  }
}
