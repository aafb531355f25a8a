import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { ObjectStore, Sql } from '@fornax/object-store';
import {
  SNAPSHOTS_BUCKET,
  STAGING_BUCKET,
  TASK_AREAS,
  isSnapshotPrefix,
  isStagedTaskPrefix,
  snapshotPrefix,
  stagedLeasePrefix,
  stagedTaskPrefix,
} from '../model/bucket-names.js';

/** `create` and `delete` are about a bucket, `expire` about old objects in one; `publish` moves staged results to their buckets, `drop` drops them. */
export type EffectKind = 'create' | 'delete' | 'expire' | 'publish' | 'drop';

/** What one event does to the object store. */
export interface ObjectEffect {
  /** Of the event's commit in the log. */
  readonly sequence: number;
  readonly kind: EffectKind;
  /** What its order matters to: `bucket/<name>`, `expiry/<bucket>` (a bucket is served meanwhile) or `task/<id>`. */
  readonly scope: string;
  /** The bucket, or prefixes of the staging area; of `expire` the bucket and what `expiryNames` says. */
  readonly names: readonly string[];
}

export const bucketScope = (bucket: string): string => `bucket/${bucket}`;
export const expiryScope = (bucket: string): string => `expiry/${bucket}`;
const taskScope = (taskId: string): string => `task/${taskId}`;

type Attempts = Extract<FornaxEvent, { readonly type: 'InstancesConcluded' }>['attempts'];

/** An effect on what some attempts of a task have in the staging area. */
const staged = (kind: 'publish' | 'drop', id: string, attempts: Attempts): Omit<ObjectEffect, 'sequence'> => ({
  kind,
  scope: taskScope(id),
  names: attempts.map(({ leaseId }) => stagedLeasePrefix(id, leaseId)),
});

/**
 * Results of attempts that left some are published. What others began to upload goes: of a node that was lost, or of one that was cancelled without its
 * results being wanted. A success without results has nothing there.
 */
const concluded = (id: string, attempts: Attempts): readonly Omit<ObjectEffect, 'sequence'>[] => [
  staged(
    'publish',
    id,
    attempts.filter(({ uploadedFiles }) => uploadedFiles > 0),
  ),
  staged(
    'drop',
    id,
    attempts.filter(({ uploadedFiles, outcome }) => uploadedFiles === 0 && outcome !== 'success'),
  ),
];

type Expired = Extract<FornaxEvent, { readonly type: 'BucketObjectsExpired' }>;

const expiryNames = ({ bucket, prefix, before, after, through }: Expired): readonly string[] => [
  bucket,
  prefix,
  String(before),
  after ?? '',
  through,
];

const expire = async (store: ObjectStore, names: readonly string[], sql?: Sql): Promise<void> => {
  const [bucket = '', prefix = '', before = '0', after = '', through = ''] = names;
  await store.deleteOld(
    bucket,
    { prefix, before: new Date(Number(before)), through, ...(after === '' ? {} : { after }) },
    sql,
  );
};

const effectsOfOne = (event: FornaxEvent, id: string): readonly Omit<ObjectEffect, 'sequence'>[] => {
  switch (event.type) {
    case 'BucketCreated':
      return [{ kind: 'create', scope: bucketScope(event.bucket), names: [event.bucket] }];
    case 'BucketDeleted':
      return [{ kind: 'delete', scope: bucketScope(event.bucket), names: [event.bucket] }];
    case 'BucketObjectsExpired':
      return [{ kind: 'expire', scope: expiryScope(event.bucket), names: expiryNames(event) }];
    case 'InstancesConcluded':
      return concluded(id, event.attempts);
    case 'InstancesRequeued':
      return [staged('drop', id, event.attempts)];
    case 'SnapshotCompleted':
      return [{ kind: 'publish', scope: taskScope(event.taskId), names: [snapshotPrefix(event.taskId, id)] }];
    case 'SnapshotFailed':
    case 'SnapshotPruned':
      return [{ kind: 'drop', scope: taskScope(event.taskId), names: [snapshotPrefix(event.taskId, id)] }];
    case 'TaskDeleted':
      return [{ kind: 'drop', scope: taskScope(id), names: [stagedTaskPrefix(id)] }];
    default:
      return []; // says nothing about objects
  }
};

/**
 * Tells what commits do to buckets and objects, in order. Results of failed instances are published, too, and of cancelled ones whose user asked for
 * them: the node uploads what there is. Those of an instance that is tried again are dropped. Snapshots that are complete are published, others go.
 */
export const effectsOf = (batch: readonly RecordedCommit[]): readonly ObjectEffect[] =>
  batch.flatMap(({ events, aggregateId, sequence }) =>
    events.flatMap((event) =>
      effectsOfOne(event, aggregateId)
        .filter(({ names }) => names.length > 0)
        .map((effect) => ({ sequence, ...effect })),
    ),
  );

/** Effects that are carried out at once: first what is deleted, then what is created; first what is published, then what is dropped. */
export interface Step<T extends ObjectEffect = ObjectEffect> {
  readonly created: readonly string[];
  readonly deleted: readonly string[];
  readonly published: readonly string[];
  readonly dropped: readonly string[];
  readonly expired: readonly (readonly string[])[];
  readonly of: readonly T[];
}

class Draft<T extends ObjectEffect> {
  readonly created = new Set<string>();
  readonly deleted = new Set<string>();
  readonly published: string[] = [];
  readonly dropped: string[] = [];
  readonly expired: (readonly string[])[] = [];
  readonly of: T[] = [];

  /** The step would not do the same as one effect after the other. */
  isOver(next: EffectKind): boolean {
    if (next === 'expire') return this.of.length > this.expired.length;
    if (this.expired.length > 0) return true;
    if (next === 'create' || next === 'delete') return this.published.length + this.dropped.length > 0;
    const hasBuckets = this.created.size + this.deleted.size > 0;
    return hasBuckets || (next === 'publish' && this.dropped.length > 0);
  }

  add(effect: T): void {
    this.of.push(effect);
    switch (effect.kind) {
      case 'create':
        for (const name of effect.names) this.created.add(name);
        return;
      case 'delete':
        for (const name of effect.names) {
          this.created.delete(name);
          this.deleted.add(name);
        }
        return;
      case 'expire':
        this.expired.push(effect.names);
        return;
      case 'publish':
        this.published.push(...effect.names);
        return;
      case 'drop':
        this.dropped.push(...effect.names);
    }
  }

  get step(): Step<T> {
    const { published, dropped, expired, of } = this;
    return { created: [...this.created], deleted: [...this.deleted], published, dropped, expired, of };
  }
}

/**
 * Takes neighbors of one kind together: results of many leases are one move. A bucket that is deleted and created again in one step is emptied
 * first.
 */
export const stepsOf = <T extends ObjectEffect>(effects: readonly T[]): readonly Step<T>[] => {
  const drafts: Draft<T>[] = [];
  for (const effect of effects) {
    let draft = drafts.at(-1);
    if (!draft || draft.isOver(effect.kind)) drafts.push((draft = new Draft()));
    draft.add(effect);
  }
  return drafts.map(({ step }) => step);
};

/** Does to the store what a step says. Repeating it is safe as long as nobody uses the buckets that it deletes. */
export const carryOut = async (store: ObjectStore, step: Step, sql?: Sql): Promise<void> => {
  const { created, deleted, published, dropped, expired } = step;
  for (const names of expired) await expire(store, names, sql);
  if (deleted.length > 0) await store.deleteBuckets(deleted, sql);
  if (created.length > 0) await store.createBuckets(created, sql);
  if (published.length > 0) await store.scatterPrefixes(STAGING_BUCKET, published, sql);
  if (dropped.length > 0) await store.deletePrefixes(STAGING_BUCKET, dropped, sql);
  const snapshots = dropped.filter(isSnapshotPrefix);
  if (snapshots.length > 0) await store.deletePrefixes(SNAPSHOTS_BUCKET, snapshots, sql);
  const tasks = dropped.filter(isStagedTaskPrefix);
  if (tasks.length > 0)
    for (const area of TASK_AREAS) if (area !== STAGING_BUCKET) await store.deletePrefixes(area, tasks, sql);
};
