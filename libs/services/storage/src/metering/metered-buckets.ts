import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore } from '@fornax/object-store';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { OBJECT_STORE } from '../config/tokens.js';
import type { HeldBucket } from './meter-rows.js';

/** Says what lies in all buckets: objects, and parts of uploads. */
@Injectable()
export class MeteredBuckets {
  constructor(
    private readonly catalog: BucketCatalog,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  async held(): Promise<readonly HeldBucket[]> {
    const buckets = await this.catalog.all();
    const names = buckets.map(({ name }) => name);
    const [objects, uploads] = [await this.store.usages(names), await this.store.uploadUsages(names)];
    return buckets.map(({ name, owner, projectId, createdAt }, at) => ({
      name,
      owner,
      project: projectId ?? owner,
      createdMs: createdAt.getTime(),
      bytes: (objects[at]?.bytes ?? 0) + (uploads[at]?.bytes ?? 0),
    }));
  }
}
