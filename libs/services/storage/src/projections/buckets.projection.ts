import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { Projection } from '@fornax/projections';
import { schemaOf } from '@fornax/service-kit';
import type { EntityManager } from 'typeorm';
import { EffectBell } from '../effects/effect-bell.js';
import { effectsOf } from '../effects/object-effect.js';
import { noteEffects } from '../effects/outbox.js';
import { writeExpiryRows } from './expiry-rows.js';
import { bucketRowsOf, type BucketRows } from './bucket-rows.js';

export const BUCKETS_PROJECTION = 'buckets';

/**
 * Buckets, their owners and their grants as rows. What the log says about objects is noted in the same transaction, for a process manager to carry out: so a store
 * that is slow, or away, holds up no row, and nothing is forgotten. A rebuild folds the rows alone: effects were noted when the events came.
 */
@Injectable()
export class BucketsProjection implements Projection {
  readonly name = BUCKETS_PROJECTION;
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['bucket', 'task', 'snapshot'];
  /** Of tasks and snapshots, what says something about objects: their rows are elsewhere. */
  readonly wants = (commit: RecordedCommit): boolean => commit.aggregate === 'bucket' || effectsOf([commit]).length > 0;
  readonly tables = ['bucket', 'bucket_grant', 'bucket_expiry'] as const;

  constructor(private readonly bell: EffectBell) {}

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    await this.#writeRows(tx, bucketRowsOf(batch));
    await writeExpiryRows(tx, batch);
    const effects = effectsOf(batch);
    if (effects.length === 0 || !(await this.#isLive(tx))) return;
    await noteEffects(tx, effects);
    this.bell.ring(batch.at(-1)?.sequence ?? 0);
  }

  async #writeRows(tx: EntityManager, rows: BucketRows): Promise<void> {
    const { created, deleted } = rows;
    if (deleted.length > 0) {
      await tx.query('DELETE FROM bucket WHERE name = ANY ($1::text[])', [deleted]);
      await tx.query('DELETE FROM bucket_grant WHERE bucket = ANY ($1::text[])', [deleted]);
    }
    await this.#writeGrants(tx, rows);
    if (created.size === 0) return;
    const made = [...created.values()];
    await tx.query(
      `INSERT INTO bucket (name, owner, project, created_at)
        SELECT name, owner, project, to_timestamp(at / 1000.0)
        FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS made (name, owner, project, at)
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, project = excluded.project, created_at = excluded.created_at`,
      [
        [...created.keys()],
        made.map(({ owner }) => owner),
        made.map(({ projectId }) => projectId),
        made.map(({ at }) => at),
      ],
    );
  }

  async #writeGrants(tx: EntityManager, { granted, revoked }: BucketRows): Promise<void> {
    if (revoked.length > 0)
      await tx.query(
        `DELETE FROM bucket_grant USING unnest($1::text[], $2::text[], $3::text[]) AS gone (bucket, kind, id)
          WHERE bucket_grant.bucket = gone.bucket AND grantee_kind = gone.kind AND grantee_id = gone.id`,
        [
          revoked.map(({ bucket }) => bucket),
          revoked.map(({ grantee }) => grantee.kind),
          revoked.map(({ grantee }) => grantee.id),
        ],
      );
    if (granted.length > 0)
      await tx.query(
        `INSERT INTO bucket_grant (bucket, grantee_kind, grantee_id, access, granted_at)
          SELECT bucket, kind, id, access, to_timestamp(at / 1000.0)
          FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[]) AS given (bucket, kind, id, access, at)
          ON CONFLICT (bucket, grantee_kind, grantee_id) DO UPDATE SET access = excluded.access, granted_at = excluded.granted_at`,
        [
          granted.map(({ bucket }) => bucket),
          granted.map(({ grantee }) => grantee.kind),
          granted.map(({ grantee }) => grantee.id),
          granted.map(({ access }) => access),
          granted.map(({ at }) => at),
        ],
      );
  }

  /** A rebuild writes into a schema of its own. */
  async #isLive(tx: EntityManager): Promise<boolean> {
    const [here] = await tx.query<{ readonly schema: string }[]>('SELECT current_schema() AS schema');
    return here?.schema === schemaOf('storage');
  }
}
