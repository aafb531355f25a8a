import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { CORE_CONFIG, EVENT_LOG, ProjectionHost, type CoreConfig } from '@fornax/service-kit';

/** Read your own writes: a command answers once the rows show what it did, or after a bounded wait. */
@Injectable()
export class StatusBarrier {
  constructor(
    private readonly host: ProjectionHost,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  /** @returns false when the wait was too short */
  passed(sequence: number): Promise<boolean> {
    return this.host.waitFor('status', sequence, this.config.readYourWritesTimeoutMs);
  }

  /** Waits for all that is in the log now. @returns false when the wait was too short */
  async caughtUp(): Promise<boolean> {
    return this.passed((await this.log.head()).sequence);
  }
}
