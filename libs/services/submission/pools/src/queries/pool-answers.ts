import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { poolSummarySchema, type WirePool, type WirePoolSummary } from '@fornax/contracts';
import { CLOCK } from '@fornax/service-kit';
import { LiveStatus, PoolTasks } from '@fornax/tasks';
import type { PoolStatus } from '../model/pool-status.js';
import { poolView } from './pool-view.js';

/** Turns statuses into what clients read. */
@Injectable()
export class PoolAnswers {
  constructor(
    private readonly tasks: PoolTasks,
    private readonly live: LiveStatus,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async whole(pools: readonly PoolStatus[]): Promise<WirePool[]> {
    const now = this.clock.now();
    const loads = await this.tasks.loads(pools.map(({ poolId }) => poolId));
    return pools.map((pool) => poolView(pool, loads.get(pool.poolId), now, this.live.of(pool.poolId)));
  }

  async alone(pool: PoolStatus): Promise<WirePool> {
    const [answer] = await this.whole([pool]);
    if (!answer) throw new Error('one pool has one answer');
    return answer;
  }

  /** A pool in short is a part of the whole one. */
  async summaries(pools: readonly PoolStatus[]): Promise<WirePoolSummary[]> {
    return (await this.whole(pools)).map((pool) => poolSummarySchema.parse(pool));
  }
}
