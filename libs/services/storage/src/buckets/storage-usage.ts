import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore, Usage } from '@fornax/object-store';
import { OBJECT_STORE } from '../config/tokens.js';
import { STAGING_BUCKET } from '../model/bucket-names.js';
import type { Bucket } from '../model/bucket.js';
import { BucketCatalog } from './bucket-catalog.js';

export interface BucketUsage {
  readonly name: string;
  readonly createdAt: Date;
  readonly objects: number;
  readonly bytes: number;
}

/** Parts of a staged key up to its bucket. */
const STAGED_DEPTH = 3;

const bytesOf = (usages: readonly Usage[]): number => usages.reduce((sum, { bytes }) => sum + bytes, 0);

/** How much accounts have stored. */
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

  /** What counts against the owner's quotas: objects, parts of uploads that were not completed, and results that are staged for the owner's buckets. */
  async of(owner: string): Promise<{ readonly bucketCount: number; readonly usedBytes: number }> {
    const names = (await this.catalog.ownedBy(owner)).map(({ name }) => name);
    if (names.length === 0) return { bucketCount: 0, usedBytes: 0 };
    // One after the other, as bytes go: parts become objects, and staged ones objects of buckets. What moves meanwhile is counted twice rather than not at all.
    const parts = await this.store.uploadUsages(names);
    const stagedParts = await this.store.uploadUsageByFolder(STAGING_BUCKET, STAGED_DEPTH);
    const staged = await this.store.usageByFolder(STAGING_BUCKET, STAGED_DEPTH);
    const objects = await this.store.usages(names);
    const own = new Set(names);
    const ofOwn = [...stagedParts, ...staged].filter(({ folder }) =>
      own.has(folder.split('/')[STAGED_DEPTH - 1] ?? ''),
    );
    return { bucketCount: names.length, usedBytes: bytesOf([...parts, ...ofOwn, ...objects]) };
  }
}
