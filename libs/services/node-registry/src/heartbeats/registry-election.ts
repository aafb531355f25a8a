import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { newId } from '@fornax/base';
import { lead } from '@fornax/event-store';
import { CORE_CONFIG, LOGGER, NATS, type CoreConfig } from '@fornax/service-kit';
import type { Logger } from 'pino';
import { NODE_REGISTRY_CONFIG, type NodeRegistryConfig } from '../config/node-registry.config.js';
import type { NatsConnection } from '../connection/nats-connection.js';
import { LossDetector } from './loss-detector.js';

/** Takes part in the election of the registry that declares nodes lost. */
@Injectable()
export class RegistryElection implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(NODE_REGISTRY_CONFIG) private readonly config: NodeRegistryConfig,
    private readonly detector: LossDetector,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = lead(
      this.nc,
      {
        name: 'node-registry',
        candidate: `${this.core.name}-${newId()}`,
        ttlMs: this.config.FORNAX_NODE_REGISTRY_LEADER_TTL_MS,
        replicas: this.core.nats.replicas,
        signal: this.stop.signal,
        onError: (error) => this.logger.warn({ err: error }, 'the term as leading node registry has failed'),
      },
      (_epoch, leadership) => this.detector.detect(leadership),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running.catch((error: unknown) =>
      this.logger.warn({ err: error }, 'the loss detector did not stop cleanly'),
    );
  }
}
