import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Quarantine, type EventLog } from '@fornax/event-store';
import { EVENT_LOG, LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { LeadershipPorts } from '../leader/leadership.js';
import type { Logger } from '../ports/logger.js';
import { tellGivenUp } from '../projections/given-up-places.js';
import { workCheckpoint } from '../projections/work-checkpoint.js';

type LogPorts = Pick<LeadershipPorts, 'log' | 'checkpoint' | 'onStopped'>;

/** What operators gave up of the log, as far as a term must know. */
export interface Loss {
  /** For how long the last place has been known, by the clock of the database. */
  readonly passedMs: number;
  /** False where the stored view may know what the log has lost. */
  readonly isViewTold: boolean;
}

/** The event log as a leader begins with it: the stored view, its tail, and what was given up of it. */
@Injectable()
export class LeaderLog {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @InjectDataSource('scheduler') private readonly db: DataSource,
    private readonly quarantine: Quarantine,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @param loss as `loss` gave it for this term */
  ports(loss: Loss | undefined): LogPorts {
    return {
      log: this.log,
      checkpoint: loss?.isViewTold === false ? { load: () => Promise.resolve(undefined) } : workCheckpoint(this.db),
      onStopped: (stop) => this.quarantine.noticeStop(stop),
    };
  }

  /** Tells the stored view which commits operators have given up. @returns undefined when there are none */
  async loss(): Promise<Loss | undefined> {
    const places = this.quarantine.damagedPlaces().filter(({ isGivenUp }) => isGivenUp);
    if (places.length === 0) return undefined;
    try {
      const { epoch } = await this.log.head();
      return { passedMs: (await tellGivenUp(this.db, epoch, places)) ?? 0, isViewTold: true };
    } catch (error) {
      this.logger.warn({ err: error }, 'the stored view may know what the log has lost, and is not used');
      return { passedMs: 0, isViewTold: false };
    }
  }
}
