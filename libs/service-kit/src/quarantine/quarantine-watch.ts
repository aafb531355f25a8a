import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Quarantine, type QuarantineEntry } from '@fornax/event-store';
import type { Logger } from 'pino';
import { HealthRegistry } from '../core/health.registry.js';
import { LOGGER } from '../core/tokens.js';
import { meter } from '../telemetry/metrics.js';

const MOST_NAMED = 3;

/** Waits for an operator. */
export const isUndecided = ({ state }: QuarantineEntry): boolean => state === 'open' || state === 'retrying';

/** Tells of what is put aside: once in the log of each process, as a count in the metrics, and as `degraded` in health. */
@Injectable()
export class QuarantineWatch implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(
    private readonly quarantine: Quarantine,
    @Inject(LOGGER) logger: Logger,
    health: HealthRegistry,
  ) {
    health.part('quarantine', () => this.trouble());
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

  private trouble(): string | undefined {
    const { health } = this.quarantine;
    if (health !== undefined) return health;
    const undecided = this.quarantine.list().filter(isUndecided);
    if (undecided.length === 0) return undefined;
    const named = undecided.slice(0, MOST_NAMED).map(({ id, what }) => `${id} (${what.reason})`);
    const more = undecided.length > MOST_NAMED ? ` and ${undecided.length - MOST_NAMED} more` : '';
    return `${undecided.length} put aside: ${named.join(', ')}${more}; see fornax log quarantine list`;
  }
}
