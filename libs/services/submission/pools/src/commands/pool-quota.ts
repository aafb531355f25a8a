import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { maxPoolsOf } from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { CLOCK } from '@fornax/service-kit';
import { InjectDatabase, PlaceQuota, type Reserved } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import { POOL_COLUMNS, type PoolRecord } from '../model/pool-rows.js';
import { PoolDeletion } from './pool-deletion.js';

/** How many pools an account may have. */
@Injectable()
export class PoolQuota {
  private readonly places: PlaceQuota;

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly deletion: PoolDeletion,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.places = new PlaceQuota(db, clock, {
      countSql: 'SELECT count(*) AS count FROM pool WHERE owner = $1 AND pool_id <> ALL($2::text[])',
      makeRoom: (owner, places) => this.makeRoom(owner, places),
      refusal: { message: 'Maximum number of pools reached', code: 'quota-pools' },
    });
  }

  /** Reserves a place for a pool that is being made. @throws Forbidden */
  reserve({ id, quotas }: Account, poolId: string): Promise<Reserved> {
    return this.places.reserve(id, maxPoolsOf(quotas), poolId);
  }

  private async makeRoom(owner: string, places: number): Promise<number> {
    const records = await this.db.query<PoolRecord[]>(
      `SELECT ${POOL_COLUMNS} FROM pool WHERE owner = $1 AND auto_delete AND end_ms IS NOT NULL ORDER BY end_ms, pool_id LIMIT $2`,
      [owner, places],
    );
    await this.deletion.delete(records, 'auto-delete');
    return records.length;
  }
}
