import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import type { StorageConfig } from '../config/storage.config.js';
import { STORAGE_CONFIG, type ServiceLogger } from '../config/tokens.js';
import { StorageMeter } from '../metering/storage-meter.js';
import { Repeated } from './repeated.js';

/** What was sent is noted so often: so much of it is lost at most when the process dies. */
const SENT_EVERY_MS = 5_000;

/** Meters storage again and again. */
@Injectable()
export class StorageMetering implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly looks: Repeated;
  private readonly notes: Repeated;

  constructor(
    private readonly meter: StorageMeter,
    @Inject(STORAGE_CONFIG) private readonly config: StorageConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: ServiceLogger,
  ) {
    const repeated = (work: () => Promise<void>, everyMs: number): Repeated =>
      new Repeated({
        work,
        onError: (error) => logger.warn({ err: error }, 'storage is metered later'),
        ...{ firstMs: everyMs, againMs: everyMs, afterFailureMs: everyMs },
      });
    const { everyMs } = config.meter;
    this.looks = repeated(() => this.meter.meter(this.clock.now()), everyMs);
    this.notes = repeated(() => this.meter.noteSent(this.clock.now()), Math.min(everyMs, SENT_EVERY_MS));
  }

  onApplicationBootstrap(): void {
    if (this.config.meter.everyMs === 0) return;
    this.looks.start();
    this.notes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.looks.stop(), this.notes.stop()]);
    // With a database that is away, what was sent in the last seconds is lost.
    if (this.config.meter.everyMs > 0) await this.meter.noteSent(this.clock.now()).catch(() => undefined);
  }
}
