import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { poolDecider, type PoolCommand, type PoolEvent, type PoolState } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { Sealer } from '@fornax/identity';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { ObjectCommits } from '@fornax/tasks';

/** Decides commands on pools and appends what comes out. */
@Injectable()
export class PoolCommits extends ObjectCommits<PoolState, PoolCommand, PoolEvent> {
  constructor(@Inject(EVENT_LOG) log: EventLog, sealer: Sealer, @Inject(CLOCK) clock: Clock) {
    super({ aggregate: 'pool', decider: poolDecider }, log, sealer, clock);
  }
}
