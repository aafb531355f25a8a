import { Inject, Injectable } from '@nestjs/common';
import type { ObjectStore, UploadUsage, Usage } from '@fornax/object-store';
import { AccountDirectory } from '@fornax/identity';
import { OBJECT_STORE } from '../config/tokens.js';
import { SNAPSHOTS_BUCKET, STAGING_BUCKET } from '../model/bucket-names.js';
import type { Bucket } from '../model/bucket.js';
import type { Amounts, Holder } from '../model/holder.js';
import { TaskOwners } from '../reading/task-owners.js';
import { BucketCatalog } from './bucket-catalog.js';

/** Parts of a staged key up to its bucket. */
const STAGED_DEPTH = 3;
/** Which part of the key of a file of a snapshot is its task. */
const SNAPSHOT_TASK = 1;

interface Held {
  readonly bytes: number;
  readonly objects: number;
}
const NOTHING: Held = { bytes: 0, objects: 0 };

/** An upload is one object, with the bytes of its parts. */
const heldBy = (begun: readonly UploadUsage[], whole: readonly Usage[]): Held => ({
  bytes: [...begun, ...whole].reduce((sum, { bytes }) => sum + bytes, 0),
  objects: [...begun.map(({ uploads }) => uploads), ...whole.map(({ objects }) => objects)].reduce(
    (sum, count) => sum + count,
    0,
  ),
});

/** How much is stored, and whom it counts against. */
@Injectable()
export class StorageUsage {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly accounts: AccountDirectory,
    private readonly tasks: TaskOwners,
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

  /** What counts against somebody's quotas: what is in the buckets, and the files of snapshots of the tasks. */
  async of(holder: Holder): Promise<Required<Amounts>> {
    const names = await this.bucketsOf(holder);
    const kept = await this.#keptFor(holder);
    const held = await this.heldIn(names);
    return { bytes: kept.bytes + held.bytes, objects: kept.objects + held.objects, buckets: names.length };
  }

  /** What counts in buckets: objects, uploads that were not completed (one object each, with the bytes of its parts), and both of what is staged for them. */
  async heldIn(names: readonly string[]): Promise<Held> {
    if (names.length === 0) return NOTHING;
    const forThem = { part: STAGED_DEPTH, values: names };
    // One after the other, as bytes go: parts become objects, and staged ones objects of buckets. What moves meanwhile is counted twice rather than not at all.
    const parts = await this.store.uploadUsages(names);
    const stagedParts = await this.store.uploadUsageByFolder(STAGING_BUCKET, 0, forThem);
    const staged = await this.store.usageByFolder(STAGING_BUCKET, 0, forThem);
    const objects = await this.store.usages(names);
    return heldBy([...parts, ...stagedParts], [...staged, ...objects]);
  }

  /** Files of snapshots, by the tasks that they are of: the buckets that they are named after may be gone, or somebody else's by now (ADR 0131). */
  async #keptFor(holder: Holder): Promise<Held> {
    const members = holder.kind === 'organization' ? this.accounts.membersOf(holder.id).map(({ id }) => id) : [];
    const tasks = await this.tasks.withSnapshots(holder, members);
    if (tasks.length === 0) return NOTHING;
    const ofThem = { part: SNAPSHOT_TASK, values: tasks };
    const parts = await this.store.uploadUsageByFolder(SNAPSHOTS_BUCKET, 0, ofThem);
    return heldBy(parts, await this.store.usageByFolder(SNAPSHOTS_BUCKET, 0, ofThem));
  }
}
