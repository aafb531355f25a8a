import { Inject, Injectable, type Provider, type Type } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { ReadBarrier, SharedHead } from '@fornax/projections';
import type { CoreConfig } from '../config/core-config.js';
import { CORE_CONFIG, EVENT_LOG } from '../core/tokens.js';
import { ProjectionHost } from './projection-host.js';

/** Gives the read barrier of each projection of the process. All of them share their questions where the log ends. */
@Injectable()
export class ReadBarriers {
  private readonly head: SharedHead;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    private readonly projections: ProjectionHost,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {
    this.head = new SharedHead(log);
  }

  /** The barrier of one projection; whoever passes it waits FORNAX_READ_YOUR_WRITES_TIMEOUT_MS at most, unless it says otherwise. */
  of(projection: string): ReadBarrier {
    return new ReadBarrier({
      head: this.head,
      reach: (sequence, timeoutMs, hasTime) => this.projections.waitFor(projection, sequence, timeoutMs, hasTime),
      timeoutMs: this.config.readYourWritesTimeoutMs,
    });
  }
}

/** Provides the read barrier of one projection under a class of its own, so that others can ask for it by that name. */
export const provideReadBarrier = (token: Type<ReadBarrier>, projection: string): Provider => ({
  provide: token,
  inject: [ReadBarriers],
  useFactory: (barriers: ReadBarriers) => barriers.of(projection),
});
