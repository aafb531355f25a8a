import { Inject, Injectable } from '@nestjs/common';
import type { MonotonicClock } from '@fornax/base';
import { onGivenUp, Quarantine } from '@fornax/event-store';
import { MONOTONIC_CLOCK } from '@fornax/service-kit';
import { SCHEDULER_CONFIG, type SchedulerConfig } from '../config/scheduler.config.js';
import type { LeadershipPorts } from '../leader/leadership.js';
import { settlingFor } from '../leader/settling.js';
import { LeaderLog } from './leader-log.js';

/** Reads what is different for a while after operators have given up commits: see `Settling`. */
@Injectable()
export class Losses {
  /** When this process heard that commits were given up, by its monotonic clock; long ago where that was before its start. */
  private givenUpAt = -Infinity;

  constructor(
    private readonly leaderLog: LeaderLog,
    quarantine: Quarantine,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(SCHEDULER_CONFIG) private readonly config: SchedulerConfig,
  ) {
    onGivenUp(quarantine, () => (this.givenUpAt = monotonic.elapsed()));
  }

  /** The log for a term that begins now, and for how long it places nothing. */
  async ports(): Promise<ReturnType<LeaderLog['ports']> & Pick<LeadershipPorts, 'settling'>> {
    const loss = await this.leaderLog.loss();
    const settling = loss && this.settlingFor(loss.passedMs);
    return { ...this.leaderLog.ports(loss), ...(settling ? { settling } : {}) };
  }

  /** @param passedMs by the clock of the database; this process' own counts, too, where it was there */
  private settlingFor(passedMs: number): LeadershipPorts['settling'] {
    const { FORNAX_NODE_GRACE_MS: graceMs, FORNAX_HEARTBEAT_LEASES_MS: listMs } = this.config;
    return settlingFor({ graceMs, listMs }, passedMs, this.monotonic.elapsed() - this.givenUpAt);
  }
}
