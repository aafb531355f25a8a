import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { lead, type Nats } from '@fornax/event-store';
import { CORE_CONFIG, type CoreConfig, LOGGER, NATS } from '@fornax/service-kit';
import { type Logger, newId } from '@fornax/base';
import { NOTIFY_CONFIG, type NotifyConfig } from '../config/notify-config.js';
import { ActiveWebhooks } from './active-webhooks.js';

/** Delivers all webhooks while it leads; of the replicas of the service one does. A successor begins where the positions stand. */
@Injectable()
export class WebhookDeliverer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private leading: Promise<void> = Promise.resolve();

  constructor(
    @Inject(NATS) private readonly nats: Nats,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(NOTIFY_CONFIG) private readonly config: NotifyConfig,
    private readonly webhooks: ActiveWebhooks,
  ) {}

  onApplicationBootstrap(): void {
    const options = {
      name: 'webhooks',
      candidate: `${this.core.name}-${newId()}`,
      ttlMs: this.config.webhooks.leaderTtlMs,
      replicas: this.core.nats.replicas,
      signal: this.stop.signal,
      onError: (error: unknown) => this.logger.warn({ err: error }, 'delivering webhooks was interrupted'),
    };
    this.leading = lead(this.nats, options, (_, signal) => this.webhooks.deliver(signal));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.leading.catch((error: unknown) => this.logger.warn({ err: error }, 'webhooks did not stop cleanly'));
  }
}
