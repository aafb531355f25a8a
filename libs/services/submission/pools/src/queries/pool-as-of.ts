import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { ObjectAsOf } from '@fornax/tasks';
import { applyPoolCommit, isPoolCommit, type PoolStatus } from '../model/pool-status.js';

/** How pools stood at a moment of the past. */
@Injectable()
export class PoolAsOf extends ObjectAsOf<PoolStatus> {
  constructor(@Inject(EVENT_LOG) log: EventLog, @Inject(CLOCK) clock: Clock) {
    super(
      {
        aggregate: 'pool',
        apply: (before, commit) => (isPoolCommit(commit) ? applyPoolCommit(before, commit) : before),
      },
      log,
      clock,
    );
  }
}
