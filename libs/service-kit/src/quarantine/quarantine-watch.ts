import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { isOfWork, isUndecided, Quarantine, type QuarantineEntry } from '@fornax/event-store';
import type { Logger } from 'pino';
import { HealthRegistry } from '../core/health.registry.js';
import { LOGGER } from '../core/tokens.js';
import { meter } from '../telemetry/metrics.js';

const MOST_NAMED = 3;

/** Tells of what is put aside: once in the log of each process, as a count in the metrics, and in health (see `trouble`). */
@Injectable()
export class QuarantineWatch implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(
    private readonly quarantine: Quarantine,
    @Inject(LOGGER) logger: Logger,
    health: HealthRegistry,
  ) {
    health.part('quarantine', () => this.trouble());
    health.warning('quarantine', () => this.toldOf(isOfWork));
    this.stop = quarantine.onChange(({ id, state, what, decision }, before) => {
      const { kind, sequence, aggregate, aggregateId, reason } = what;
      const facts = { id, kind, sequence, aggregate, aggregateId, reason };
      if (before === undefined)
        logger.error(facts, 'put into the quarantine; an operator decides: fornax log quarantine show');
      else logger.info({ ...facts, state, by: decision?.by, why: decision?.reason }, 'the quarantine has changed');
    });
    meter()
      .createObservableGauge('fornax.quarantine.entries', {
        description: 'Messages and folds that are put aside and wait for an operator',
      })
      .addCallback((result) => {
        const undecided = quarantine.list().filter(isUndecided);
        for (const kind of ['unreadable', 'stopped'] as const)
          result.observe(undecided.filter(({ what }) => what.kind === kind).length, { kind });
      });
    meter()
      .createObservableCounter('fornax.quarantine.overflow', {
        description: 'Messages that were left out and found no room in the quarantine',
      })
      .addCallback((result) => result.observe(quarantine.overflow));
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }

  /** What nodes send is named among the warnings alone: no node makes the platform degraded. */
  private trouble(): string | undefined {
    return this.quarantine.health ?? this.toldOf((entry) => !isOfWork(entry));
  }

  private toldOf(isMeant: (entry: QuarantineEntry) => boolean): string | undefined {
    const undecided = this.quarantine.list().filter((entry) => isUndecided(entry) && isMeant(entry));
    if (undecided.length === 0) return undefined;
    const named = undecided.slice(0, MOST_NAMED).map(({ id, what }) => `${id} (${what.reason})`);
    const more = undecided.length > MOST_NAMED ? ` and ${undecided.length - MOST_NAMED} more` : '';
    return `${undecided.length} put aside: ${named.join(', ')}${more}; see fornax log quarantine list`;
  }
}
