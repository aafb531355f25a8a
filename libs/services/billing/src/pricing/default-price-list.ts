import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { defaultPriceList, pricingDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, WriteStops } from '@fornax/service-kit';
import { newId, type Clock } from '@fornax/base';

/** Id of the one pricing aggregate there is. */
const PRICING_ID = 'default';
/** The same for every replica and every start: whoever comes second repeats the first one's commit. */
const COMMIT_ID = 'price-list-default-1';

/** Publishes the default price list when the log has none yet. */
@Injectable()
export class DefaultPriceList implements OnApplicationBootstrap {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly stops: WriteStops,
  ) {}

  onApplicationBootstrap(): Promise<void> {
    return this.stops.onceAllowed('the default price list', () => this.publish());
  }

  private async publish(): Promise<void> {
    const at = this.clock.now();
    try {
      await decideAndAppend({
        log: this.log,
        aggregate: 'pricing',
        id: PRICING_ID,
        decider: pricingDecider,
        command: { type: 'PublishPriceList', priceList: defaultPriceList, at },
        commitId: COMMIT_ID,
        meta: { actor: 'service:billing', source: 'billing', correlationId: newId() },
        at,
      });
    } catch (error) {
      // Somebody has published one already: nothing to do.
      if (!(error instanceof CommandRejected && error.rejection.code === 'price-list-version')) throw error;
    }
  }
}
