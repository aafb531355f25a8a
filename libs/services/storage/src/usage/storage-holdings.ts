import { Inject, Injectable } from '@nestjs/common';
import type { WireStorageUsage } from '@fornax/contracts';
import type { KeyPart, ObjectStore } from '@fornax/object-store';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { OBJECT_STORE } from '../config/tokens.js';
import {
  MANIFESTS_BUCKET,
  OUTPUT_BUCKET,
  SNAPSHOTS_BUCKET,
  STAGING_BUCKET,
  TABLES_BUCKET,
} from '../model/bucket-names.js';
import { storageReport, type BucketHeld, type TaskArea, type TaskHeld } from './storage-report.js';
import { TaskOwners } from '../reading/task-owners.js';

/** Which part of a staged key is its bucket. */
const STAGED_BUCKET_PART = 3;

/** Counts what lies in object storage, of everybody or of one account. */
@Injectable()
export class StorageHoldings {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly owners: TaskOwners,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** @param owner undefined: everybody's. One account's are found by indexes, at the cost of what it has. */
  async of(owner: string | undefined): Promise<WireStorageUsage> {
    const buckets = await this.#buckets(owner);
    const tasks = owner === undefined ? undefined : { part: 1, values: await this.owners.tasksOf(owner) };
    const names = { part: STAGED_BUCKET_PART, values: buckets.map(({ name }) => name) };
    return storageReport(buckets, [
      // Results are counted for the owner of the bucket that they go to, as its objects are: it may be shared with whoever runs the task.
      ...(await this.#held(STAGING_BUCKET, 'staged', owner === undefined ? undefined : names)),
      // Files of snapshots are counted for the owner of the task: the bucket may be gone, or somebody else's.
      ...(await this.#held(SNAPSHOTS_BUCKET, 'staged', tasks)),
      ...(await this.#held(
        MANIFESTS_BUCKET,
        'manifests',
        owner === undefined ? undefined : { part: 2, values: [owner] },
      )),
      // What is kept to say something of a task: its tables of parameters among it.
      ...(await this.#held(TABLES_BUCKET, 'manifests', tasks)),
      ...(await this.#held(OUTPUT_BUCKET, 'output', tasks)),
    ]);
  }

  async #buckets(owner: string | undefined): Promise<readonly BucketHeld[]> {
    const buckets = await (owner === undefined ? this.catalog.all() : this.catalog.ownedBy(owner));
    const names = buckets.map(({ name }) => name);
    const [usages, uploads] = [await this.store.usages(names), await this.store.uploadUsages(names)];
    const none = { objects: 0, bytes: 0 };
    return buckets.map((bucket, at) => ({
      name: bucket.name,
      owner: bucket.owner,
      ...(usages[at] ?? none),
      uploads: uploads[at] ?? none,
    }));
  }

  async #held(bucket: string, area: TaskArea, only: KeyPart | undefined): Promise<readonly TaskHeld[]> {
    const found = await this.store.usageByFolder(bucket, 1, only);
    return found.map(({ folder: taskId, objects, bytes }) => ({ taskId, area, objects, bytes }));
  }
}
