import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import { schemaOf } from '@fornax/service-kit';
import type { EntityManager } from 'typeorm';
import { EffectBell } from '../effects/effect-bell.js';
import { effectsOf } from '../effects/object-effect.js';
import { noteEffects } from '../effects/outbox.js';

export const BUCKETS_PROJECTION = 'buckets';

/** What commits do to the rows: what is deleted goes first. */
export interface BucketRows {
  readonly created: ReadonlyMap<string, { readonly owner: string; readonly at: number }>;
  readonly deleted: readonly string[];
}

export const bucketRowsOf = (batch: readonly RecordedCommit[]): BucketRows => {
  const created = new Map<string, { readonly owner: string; readonly at: number }>();
  const deleted = new Set<string>();
  for (const { events } of batch)
    for (const event of events) {
      if (event.type === 'BucketCreated') created.set(event.bucket, { owner: event.owner, at: event.at });
      if (event.type !== 'BucketDeleted') continue;
      created.delete(event.bucket);
      deleted.add(event.bucket);
    }
  return { created, deleted: [...deleted] };
};

/**
 * Buckets and their owners as rows. What the log says about objects is noted in the same transaction, for a process manager to carry out: so a store
 * that is slow, or away, holds up no row, and nothing is forgotten. A rebuild folds the rows alone: effects were noted when the events came.
 */
@Injectable()
export class BucketsProjection implements Projection {
  readonly name = BUCKETS_PROJECTION;
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['bucket', 'task'];
  readonly tables = ['bucket'] as const;

  constructor(private readonly bell: EffectBell) {}

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    await this.#writeRows(tx, bucketRowsOf(batch));
    const effects = effectsOf(batch);
    if (effects.length === 0 || !(await this.#isLive(tx))) return;
    await noteEffects(tx, effects);
    this.bell.ring(batch.at(-1)?.sequence ?? 0);
  }

  async #writeRows(tx: EntityManager, { created, deleted }: BucketRows): Promise<void> {
    if (deleted.length > 0) await tx.query('DELETE FROM bucket WHERE name = ANY ($1::text[])', [deleted]);
    if (created.size === 0) return;
    await tx.query(
      `INSERT INTO bucket (name, owner, created_at)
        SELECT name, owner, to_timestamp(at / 1000.0) FROM unnest($1::text[], $2::text[], $3::float8[]) AS made (name, owner, at)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, created_at = excluded.created_at`,
      [[...created.keys()], [...created.values()].map(({ owner }) => owner), [...created.values()].map(({ at }) => at)],
    );
  }

  /** A rebuild writes into a schema of its own. */
  async #isLive(tx: EntityManager): Promise<boolean> {
    const [here] = await tx.query<{ readonly schema: string }[]>('SELECT current_schema() AS schema');
    return here?.schema === schemaOf('storage');
  }
}
