import { Inject, Injectable } from '@nestjs/common';
import type { WireStorageUsage } from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { OBJECT_STORE } from '../config/tokens.js';
import { MANIFESTS_BUCKET, OUTPUT_BUCKET, STAGING_BUCKET, TABLES_BUCKET } from '../model/bucket-names.js';
import { storageReport, type BucketHeld, type TaskArea, type TaskHeld } from './storage-report.js';
import { TaskOwners } from './task-owners.js';

/** Counts what lies in object storage, of everybody or of one account. */
@Injectable()
export class StorageHoldings {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly owners: TaskOwners,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** @param owner undefined: everybody's */
  async of(owner: string | undefined): Promise<WireStorageUsage> {
    const buckets = await this.#buckets(owner);
    return storageReport(buckets, [
      ...(await this.#staged(owner, new Set(buckets.map(({ name }) => name)))),
      ...(await this.#manifests(owner)),
      // What is kept to say something of a task: its tables of parameters among it.
      ...(await this.#ofTasks(owner, TABLES_BUCKET, 'manifests')),
      ...(await this.#ofTasks(owner, OUTPUT_BUCKET, 'output')),
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

  /** Results are counted for the owner of the bucket that they go to, as its objects are: it may be shared with whoever runs the task. */
  async #staged(owner: string | undefined, own: ReadonlySet<string>): Promise<readonly TaskHeld[]> {
    const staged = await this.store.usageByFolder(STAGING_BUCKET, 3);
    return staged.flatMap(({ folder, objects, bytes }): readonly TaskHeld[] => {
      const [taskId = '', , bucket = ''] = folder.split('/');
      return owner === undefined || own.has(bucket) ? [{ taskId, area: 'staged', objects, bytes }] : [];
    });
  }

  async #manifests(owner: string | undefined): Promise<readonly TaskHeld[]> {
    const manifests = await this.store.usageByFolder(MANIFESTS_BUCKET, 2);
    return manifests.flatMap(({ folder, objects, bytes }): readonly TaskHeld[] => {
      const [taskId = '', whose] = folder.split('/');
      return owner === undefined || whose === owner ? [{ taskId, area: 'manifests', objects, bytes }] : [];
    });
  }

  async #ofTasks(owner: string | undefined, bucket: string, area: TaskArea): Promise<readonly TaskHeld[]> {
    const found = await this.store.usageByFolder(bucket, 1);
    const held = found.map(({ folder: taskId, objects, bytes }) => ({ taskId, area, objects, bytes }));
    if (owner === undefined) return held;
    const own = await this.owners.among(
      held.map(({ taskId }) => taskId),
      owner,
    );
    return held.filter(({ taskId }) => own.has(taskId));
  }
}
