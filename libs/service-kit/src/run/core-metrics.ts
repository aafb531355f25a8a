import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { observeGauge } from '@fornax/base';
import type { JetStreamLog } from '@fornax/event-store';
import { DiskWatch } from '../disk/disk-watch.js';
import { EVENT_LOG } from '../core/tokens.js';
import { WriteStops } from '../core/write-stops.js';

/** Tells what concerns every service: the size of the log, free room, and why commands are refused. */
@Injectable()
export class CoreMetrics implements BeforeApplicationShutdown {
  private readonly stops: readonly (() => void)[];

  constructor(
    @Inject(EVENT_LOG) private readonly log: JetStreamLog,
    disks: DiskWatch,
    writeStops: WriteStops,
  ) {
    this.stops = [
      observeGauge('fornax.log.commits', async (result) => {
        const extent = await this.extent();
        if (extent) result.observe(extent.commits);
      }),
      observeGauge('fornax.log.size', async (result) => {
        const extent = await this.extent();
        if (extent) result.observe(extent.bytes);
      }),
      observeGauge('fornax.disk.free', (result) => {
        if (disks.freeBytes !== undefined) result.observe(disks.freeBytes);
      }),
      observeGauge('fornax.write.stops', (result) => {
        for (const { name } of writeStops.list()) result.observe(1, { reason: name });
      }),
    ];
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.stops) stop();
  }

  /** Nothing while the server is away: health says that. */
  private extent(): Promise<{ readonly commits: number; readonly bytes: number } | undefined> {
    return this.log.extent().catch(() => undefined);
  }
}
