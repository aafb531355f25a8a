import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import { DueObjects } from '@fornax/tasks';
import { PoolDeletion } from '../commands/pool-deletion.js';
import { PoolBarrier } from '../model/pool-barrier.js';
import { POOL_COLUMNS, type PoolRecord } from '../model/pool-rows.js';

/** Events after which a pool may be over. */
export const ENDS = ['PoolClosed', 'PoolFailed', 'SlotsEnded'] as const;
const isEnd = withEvents(...ENDS);

/** Deletes ended pools when their `completionTimeToLive` is over. */
@Injectable()
export class PoolExpiry {
  private readonly wake: () => void;

  constructor(due: DueObjects, deletion: PoolDeletion, barrier: PoolBarrier) {
    this.wake = due.whenDue<PoolRecord>({
      table: 'pool',
      dueAt: 'delete_at_ms',
      columns: POOL_COLUMNS,
      barrier,
      end: (pools) => deletion.delete(pools, 'time-to-live'),
      failed: 'pools whose time is over could not be deleted, trying again',
    });
  }

  /** Pools may have ended: a due time may be new. */
  notice(batch: readonly RecordedCommit[]): void {
    if (batch.some(isEnd)) this.wake();
  }
}
