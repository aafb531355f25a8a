import { Inject, Injectable } from '@nestjs/common';
import type { Aggregate, FornaxEvent, RecordedCommit } from '@fornax/contracts';
import type { ObjectStore } from '@fornax/object-store';
import type { Projection } from '@fornax/projections';
import { schemaOf } from '@fornax/service-kit';
import type { EntityManager } from 'typeorm';
import { STAGING_BUCKET, stagedLeasePrefix, stagedTaskPrefix } from '../model/bucket-names.js';
import { OBJECT_STORE } from '../config/tokens.js';

export const BUCKETS_PROJECTION = 'buckets';

/** What a run of commits does to buckets and objects: one kind of work, done at once. */
export type Effect =
  | {
      readonly kind: 'buckets';
      readonly created: ReadonlyMap<string, { readonly owner: string; readonly at: number }>;
      readonly deleted: readonly string[];
    }
  | { readonly kind: 'results'; readonly published: readonly string[]; readonly dropped: readonly string[] };

interface Draft {
  readonly created: Map<string, { owner: string; at: number }>;
  readonly deleted: Set<string>;
  readonly published: string[];
  readonly dropped: string[];
}

const newDraft = (): Draft => ({ created: new Map(), deleted: new Set(), published: [], dropped: [] });

const hasBuckets = ({ created, deleted }: Draft): boolean => created.size + deleted.size > 0;
const hasResults = ({ published, dropped }: Draft): boolean => published.length + dropped.length > 0;

/**
 * The effects of commits, in order. Neighbors of one kind are taken together: results of many leases are one move. A bucket that is deleted and
 * created again in one run is emptied first.
 */
export const effectsOf = (batch: readonly RecordedCommit[]): readonly Effect[] => {
  const effects: Effect[] = [];
  let draft = newDraft();
  const close = (): void => {
    if (hasBuckets(draft)) effects.push({ kind: 'buckets', created: draft.created, deleted: [...draft.deleted] });
    if (hasResults(draft)) effects.push({ kind: 'results', published: draft.published, dropped: draft.dropped });
    draft = newDraft();
  };
  const closeUnless = (isOther: (draft: Draft) => boolean): void => {
    if (isOther(draft)) close();
  };
  const apply = (event: FornaxEvent, id: string): void => {
    switch (event.type) {
      case 'BucketCreated':
        closeUnless(hasResults);
        draft.created.set(event.bucket, { owner: event.owner, at: event.at });
        return;
      case 'BucketDeleted':
        closeUnless(hasResults);
        draft.created.delete(event.bucket);
        draft.deleted.add(event.bucket);
        return;
      case 'InstancesConcluded':
        closeUnless((now) => hasBuckets(now) || now.dropped.length > 0);
        draft.published.push(...event.attempts.map(({ leaseId }) => stagedLeasePrefix(id, leaseId)));
        return;
      case 'InstancesRequeued':
        closeUnless(hasBuckets);
        draft.dropped.push(...event.attempts.map(({ leaseId }) => stagedLeasePrefix(id, leaseId)));
        return;
      case 'TaskDeleted':
        closeUnless(hasBuckets);
        draft.dropped.push(stagedTaskPrefix(id));
        return;
      default:
        return; // says nothing about objects
    }
  };
  for (const { events, aggregateId } of batch) for (const event of events) apply(event, aggregateId);
  close();
  return effects;
};

/**
 * Buckets and their owners as rows; and, in the same transaction, what the log says about objects: results of a lease that has ended move from its
 * staging area to their bucket, those of one that is tried again are dropped, a deleted bucket is emptied. With the local store all of that is
 * index work in this transaction, so exactly once; with an S3 store it is done before the checkpoint moves on, and safe to repeat.
 *
 * Results of failed and cancelled instances are published too: the node uploads what there is. A rebuild folds the rows alone.
 */
@Injectable()
export class BucketsProjection implements Projection {
  readonly name = BUCKETS_PROJECTION;
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['bucket', 'task'];
  readonly tables = ['bucket'] as const;

  constructor(@Inject(OBJECT_STORE) private readonly store: ObjectStore) {}

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const effects = effectsOf(batch);
    if (effects.length === 0) return;
    const [here] = await tx.query<{ readonly schema: string }[]>('SELECT current_schema() AS schema');
    const isLive = here?.schema === schemaOf('storage');
    for (const effect of effects) {
      if (effect.kind === 'buckets') await this.#applyBuckets(tx, effect, isLive);
      else if (isLive) await this.#applyResults(tx, effect);
    }
  }

  async #applyBuckets(
    tx: EntityManager,
    { created, deleted }: Extract<Effect, { kind: 'buckets' }>,
    isLive: boolean,
  ): Promise<void> {
    await tx.query('DELETE FROM bucket WHERE name = ANY ($1::text[])', [deleted]);
    await tx.query(
      `INSERT INTO bucket (name, owner, created_at)
        SELECT name, owner, to_timestamp(at / 1000.0) FROM unnest($1::text[], $2::text[], $3::float8[]) AS made (name, owner, at)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, created_at = excluded.created_at`,
      [[...created.keys()], [...created.values()].map(({ owner }) => owner), [...created.values()].map(({ at }) => at)],
    );
    if (!isLive) return;
    if (deleted.length > 0) await this.store.deleteBuckets(deleted, tx);
    if (created.size > 0) await this.store.createBuckets([...created.keys()], tx);
  }

  async #applyResults(tx: EntityManager, { published, dropped }: Extract<Effect, { kind: 'results' }>): Promise<void> {
    await this.store.scatterPrefixes(STAGING_BUCKET, published, tx);
    await this.store.deletePrefixes(STAGING_BUCKET, dropped, tx);
  }
}
