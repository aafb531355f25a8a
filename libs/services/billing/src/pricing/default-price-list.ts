import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { defaultPriceList } from '@fornax/domain';
import { CommandRejected, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, WriteStops } from '@fornax/service-kit';
import { newId, type Clock } from '@fornax/base';
import { publishPriceList } from './publish-price-list.handler.js';

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
    const meta = { actor: 'service:billing', source: 'billing', correlationId: newId() } as const;
    try {
      await publishPriceList(this.log, { priceList: defaultPriceList, commitId: COMMIT_ID, meta }, this.clock.now());
    } catch (error) {
      // Somebody has published one already: nothing to do.
      if (!(error instanceof CommandRejected && error.rejection.code === 'price-list-version')) throw error;
    }
  }
}
