import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { observeGauge } from '@fornax/base';
import { WebhookStore } from './webhook-store.js';

/** Tells how many webhooks deliver, fail at it, or have been given up. */
@Injectable()
export class WebhookMetrics implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(store: WebhookStore) {
    this.stop = observeGauge('fornax.webhooks', async (result) => {
      const counts = await store.countByState().catch(() => undefined);
      for (const [state, count] of Object.entries(counts ?? {})) result.observe(count, { state });
    });
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }
}
