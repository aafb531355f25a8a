import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { observeGauge } from '@fornax/base';
import type { Nats } from '@fornax/event-store';
import { NATS } from '@fornax/service-kit';
import { IngestedOutput } from '../model/ingested-output.js';
import { logStreamHead } from '../stream/log-stream.js';

/** Tells how far the rows are behind the stream of output. */
@Injectable()
export class OutputMetrics implements BeforeApplicationShutdown {
  private readonly stop: () => void;

  constructor(@Inject(NATS) nats: Nats, output: IngestedOutput) {
    this.stop = observeGauge('fornax.output.behind', async (result) => {
      const head = await logStreamHead(nats).catch(() => undefined);
      if (head !== undefined) result.observe(Math.max(0, head.sequence - output.progress.position));
    });
  }

  beforeApplicationShutdown(): void {
    this.stop();
  }
}
