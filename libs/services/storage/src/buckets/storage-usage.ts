import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore, Usage } from '@fornax/object-store';
import { OBJECT_STORE } from '../config/tokens.js';
import type { Bucket } from '../model/bucket.js';
import { BucketCatalog } from './bucket-catalog.js';

export interface BucketUsage {
  readonly name: string;
  readonly createdAt: Date;
  readonly objects: number;
  readonly bytes: number;
}

/** How much accounts have stored. What leases have staged counts once it is published. */
@Injectable()
export class StorageUsage {
  constructor(
    private readonly catalog: BucketCatalog,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** By name. */
  async bucketsOf(owner: string): Promise<readonly BucketUsage[]> {
    const buckets = await this.catalog.ownedBy(owner);
    const usages = await this.ofBuckets(buckets);
    return buckets.map(({ name, createdAt }, at) => ({
      name,
      createdAt,
      objects: usages[at]?.objects ?? 0,
      bytes: usages[at]?.bytes ?? 0,
    }));
  }

  /** In the order of the buckets. */
  ofBuckets(buckets: readonly Pick<Bucket, 'name'>[]): Promise<readonly Usage[]> {
    return this.store.usages(buckets.map(({ name }) => name));
  }

  async of(owner: string): Promise<{ readonly bucketCount: number; readonly usedBytes: number }> {
    const buckets = await this.bucketsOf(owner);
    return { bucketCount: buckets.length, usedBytes: buckets.reduce((sum, { bytes }) => sum + bytes, 0) };
  }
}
