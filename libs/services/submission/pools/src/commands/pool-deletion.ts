import { Injectable } from '@nestjs/common';
import { activeTraceparent, derivedId } from '@fornax/base';
import { CommandRejected } from '@fornax/event-store';
import { outsideOfRequests } from '@fornax/service-kit';
import { PoolBarrier } from '../model/pool-barrier.js';
import { poolStatusOf, type PoolRecord } from '../model/pool-rows.js';
import { PoolCommits } from './pool-commits.js';

const REASONS = {
  'time-to-live': 'its time after completion is over',
  'auto-delete': 'its owner needed its place for a new pool',
  'budget-exhausted': 'a budget of its project is used up',
} as const;
type Reason = keyof typeof REASONS;

/** Deletes and closes pools on behalf of their owners. Safe to repeat and to do from several processes: one deletion reaches the log. */
@Injectable()
export class PoolDeletion {
  constructor(
    private readonly commits: PoolCommits,
    private readonly barrier: PoolBarrier,
  ) {}

  /** Resolves once the rows do not show the pools any more. @throws LogUnavailable */
  delete(records: readonly PoolRecord[], reason: Reason): Promise<void> {
    return this.all('DeletePool', records, reason);
  }

  /** Resolves once the rows show that the pools are being closed. @throws LogUnavailable */
  close(records: readonly PoolRecord[], reason: Reason): Promise<void> {
    return this.all('ClosePool', records, reason);
  }

  private async all(type: 'DeletePool' | 'ClosePool', records: readonly PoolRecord[], reason: Reason): Promise<void> {
    const sequences = await outsideOfRequests(() =>
      Promise.all(records.map((record) => this.one(type, record, reason))),
    );
    await this.barrier.passed(Math.max(0, ...sequences));
  }

  private async one(type: 'DeletePool' | 'ClosePool', record: PoolRecord, reason: Reason): Promise<number> {
    const { poolId, fold, sequence } = poolStatusOf(record);
    const traceparent = activeTraceparent();
    try {
      return await this.commits.decide({
        id: poolId,
        command: { type },
        commitId: derivedId(type === 'DeletePool' ? 'delete' : 'close', poolId, reason),
        meta: {
          actor: 'service:submission',
          onBehalfOf: `user:${fold.owner}`,
          reason: REASONS[reason],
          source: 'submission',
          correlationId: `${reason}:${poolId}`,
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        loaded: { state: fold, sequence },
      });
    } catch (error) {
      // Its owner was faster.
      if (error instanceof CommandRejected) return 0;
      throw error;
    }
  }
}
