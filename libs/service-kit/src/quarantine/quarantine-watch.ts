import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { isDamage, isOfWork, isUndecided, Quarantine, type QuarantineEntry } from '@fornax/event-store';
import type { Logger } from 'pino';
import { HealthRegistry } from '../core/health.registry.js';
import { WriteStops } from '../core/write-stops.js';
import { LOGGER } from '../core/tokens.js';
import { REFILL_ASIDE } from '../log/watch/log-trouble.js';
import { observeCounter, observeGauge } from '@fornax/base';

const MOST_NAMED = 3;

/** Tells of what is put aside: once in the log of each process, as a count in the metrics, and in health (see `trouble`). */
@Injectable()
export class QuarantineWatch implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(
    private readonly quarantine: Quarantine,
    @Inject(LOGGER) logger: Logger,
    health: HealthRegistry,
    private readonly stops: WriteStops,
  ) {
    health.part('quarantine', () => this.trouble());
    health.warning('quarantine', () => this.toldOf(isOfWork));
    this.stopAtDamage();
    this.stop = quarantine.onChange(({ id, state, what, decision }, before) => {
      this.stopAtDamage();
      const { kind, sequence, aggregate, aggregateId, reason } = what;
      const facts = { id, kind, sequence, aggregate, aggregateId, reason };
      if (before === undefined)
        logger.error(facts, 'put into the quarantine; an operator decides: fornax log quarantine show');
      else logger.info({ ...facts, state, by: decision?.by, why: decision?.reason }, 'the quarantine has changed');
    });
    observeGauge('fornax.quarantine.entries', (result) => {
      const undecided = quarantine.list().filter(isUndecided);
      for (const kind of ['unreadable', 'stopped'] as const)
        result.observe(undecided.filter(({ what }) => what.kind === kind).length, { kind });
    });
    observeCounter('fornax.quarantine.overflow', (result) => result.observe(quarantine.overflow));
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** What nodes send is named among the warnings alone: no node makes the platform degraded. */
  private trouble(): string | undefined {
    this.stopAtDamage();
    return this.quarantine.health ?? this.toldOf((entry) => !isOfWork(entry) && !isDamage(entry));
  }

  /** Damage of the event log is everybody's: nothing is decided on a log that has lost something, until an operator has. */
  private stopAtDamage(): void {
    const damaged = this.quarantine.damagedPlaces().filter(({ isGivenUp }) => !isGivenUp);
    const [first] = damaged;
    if (first === undefined) return this.stops.set('log-damage', undefined);
    const named = damaged
      .slice(0, MOST_NAMED)
      .map(({ from, isGap, reason }) => (isGap ? reason : `sequence ${from}: ${reason}`));
    const more = damaged.length > MOST_NAMED ? `; and ${damaged.length - MOST_NAMED} more` : '';
    this.stops.set('log-damage', {
      status: 503,
      message: `The event log is damaged: ${named.join('; ')}${more}`,
      ways: [
        'See all of it: fornax log verify',
        'Put a good copy of the event log in its place and start again (docs/how-to/recover.md)',
        REFILL_ASIDE,
        `Go on without what is lost, which stays lost: fornax log quarantine drop ${first.id}`,
      ],
    });
  }

  private toldOf(isMeant: (entry: QuarantineEntry) => boolean): string | undefined {
    const undecided = this.quarantine.list().filter((entry) => isUndecided(entry) && isMeant(entry));
    if (undecided.length === 0) return undefined;
    const named = undecided.slice(0, MOST_NAMED).map(({ id, what }) => `${id} (${what.reason})`);
    const more = undecided.length > MOST_NAMED ? ` and ${undecided.length - MOST_NAMED} more` : '';
    return `${undecided.length} put aside: ${named.join(', ')}${more}; see fornax log quarantine list`;
  }
}
