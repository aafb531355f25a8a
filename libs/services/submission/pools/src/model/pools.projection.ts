import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { POOL_FOLD_FORMAT } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { deletePools, POOL_COLUMNS, poolStatusOf, upsertPools, type PoolRecord } from './pool-rows.js';
import { applyPoolCommit, isPoolCommit, type PoolStatus } from './pool-status.js';

/** The status of every pool: what `GET /pools` shows and what decisions about pools start from. */
@Injectable()
export class PoolsProjection implements Projection {
  readonly name = 'pools';
  /** Raised with the meaning of the rows; the pool's fold, which they hold, counts for itself. A sum grows when either does. */
  readonly version = 0 + POOL_FOLD_FORMAT;
  readonly aggregates = ['pool'] as const;
  readonly wants = isPoolCommit;
  readonly tables = ['pool'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const commits = batch.filter(isPoolCommit);
    const records = await tx.query<PoolRecord[]>(`SELECT ${POOL_COLUMNS} FROM pool WHERE pool_id = ANY($1::text[])`, [
      [...new Set(commits.map(({ aggregateId }) => aggregateId))],
    ]);
    const known = new Map<string, PoolStatus | null>(records.map((record) => [record.pool_id, poolStatusOf(record)]));
    const changed = new Set<string>();
    for (const commit of commits) {
      const before = known.get(commit.aggregateId) ?? undefined;
      // What comes after the deletion of a pool is of no use to anybody.
      if (!before && commit.events[0]?.type !== 'PoolCreated') continue;
      known.set(commit.aggregateId, applyPoolCommit(before, commit));
      changed.add(commit.aggregateId);
    }
    await upsertPools(
      tx,
      [...changed].flatMap((id) => known.get(id) ?? []),
    );
    await deletePools(
      tx,
      [...changed].filter((id) => known.get(id) === null),
    );
  }
}
