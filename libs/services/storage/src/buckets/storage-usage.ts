import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore, Usage } from '@fornax/object-store';
import { AccountDirectory } from '@fornax/identity';
import { OBJECT_STORE } from '../config/tokens.js';
import { SNAPSHOTS_BUCKET, STAGING_BUCKET } from '../model/bucket-names.js';
import type { Bucket } from '../model/bucket.js';
import type { Amounts, Holder } from '../model/holder.js';
import { BucketCatalog } from './bucket-catalog.js';

/** Parts of a staged key up to its bucket. */
const STAGED_DEPTH = 3;
/** The same of a file of a snapshot. */
const SNAPSHOT_DEPTH = 4;

const bytesOf = (usages: readonly Usage[]): number => usages.reduce((sum, { bytes }) => sum + bytes, 0);

const objectsOf = (usages: readonly Usage[]): number => usages.reduce((sum, { objects }) => sum + objects, 0);

/** How much is stored, and whom it counts against. */
@Injectable()
export class StorageUsage {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly accounts: AccountDirectory,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** In the order of the buckets. */
  ofBuckets(buckets: readonly Pick<Bucket, 'name'>[]): Promise<readonly Usage[]> {
    return this.store.usages(buckets.map(({ name }) => name));
  }

  /** Names of the buckets that count against somebody's quotas. */
  bucketsOf(holder: Holder): Promise<readonly string[]> {
    switch (holder.kind) {
      case 'user':
        return this.catalog.namesOf([holder.id]);
      case 'project':
        return this.catalog.namesIn(holder.id);
      case 'organization':
        return this.catalog.namesOf(this.accounts.membersOf(holder.id).map(({ id }) => id));
    }
  }

  /** What counts against somebody's quotas. */
  async of(holder: Holder): Promise<Required<Amounts>> {
    const names = await this.bucketsOf(holder);
    return { ...(await this.heldIn(names)), buckets: names.length };
  }

  /**
   * What counts in buckets: objects, uploads that were not completed (one object each, with the bytes of its parts), both of what is staged for them, and files of snapshots.
   */
  async heldIn(names: readonly string[]): Promise<{ readonly bytes: number; readonly objects: number }> {
    if (names.length === 0) return { bytes: 0, objects: 0 };
    const forThem = { part: STAGED_DEPTH, values: names };
    // One after the other, as bytes go: parts become objects, and staged ones objects of buckets. What moves meanwhile is counted twice rather than not at all.
    const parts = await this.store.uploadUsages(names);
    const stagedParts = await this.store.uploadUsageByFolder(STAGING_BUCKET, 0, forThem);
    const staged = await this.store.usageByFolder(STAGING_BUCKET, 0, forThem);
    const kept = await this.store.usageByFolder(SNAPSHOTS_BUCKET, 0, { ...forThem, part: SNAPSHOT_DEPTH });
    const objects = await this.store.usages(names);
    const whole = [...staged, ...kept, ...objects];
    const begun = [...parts, ...stagedParts];
    return {
      bytes: bytesOf([...begun, ...whole]),
      objects: objectsOf(whole) + begun.reduce((sum, { uploads }) => sum + uploads, 0),
    };
  }
}
