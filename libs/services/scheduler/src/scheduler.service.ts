import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '@fornax/base';
import { lead } from '@fornax/event-store';
import { CORE_CONFIG, LOGGER, NATS, type CoreConfig } from '@fornax/service-kit';
import { SCHEDULER_CONFIG, type SchedulerConfig } from './config/scheduler.config.js';
import type { Logger } from './ports/logger.js';
import type { NatsConnection } from './rpc/nats-connection.js';
import { Terms } from './term/terms.js';

/** Takes part in the election, and schedules while it leads. */
@Injectable()
export class SchedulerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(SCHEDULER_CONFIG) private readonly config: SchedulerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly terms: Terms,
  ) {}

  onApplicationBootstrap(): void {
    this.running = lead(
      this.nc,
      {
        name: 'scheduler',
        candidate: `${this.core.name}-${newId()}`,
        ttlMs: this.config.FORNAX_SCHEDULER_LEADER_TTL_MS,
        replicas: this.core.nats.replicas,
        signal: this.stop.signal,
        epochFloor: () => this.terms.epochFloor(),
        onError: (error) => this.logger.warn({ err: error }, 'the term as leader has failed'),
      },
      (epoch, signal) => this.terms.run(epoch, signal),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running.catch((error: unknown) =>
      this.logger.warn({ err: error }, 'the scheduler did not stop cleanly'),
    );
  }
}
