import { once } from 'node:events';
import type { Server } from 'node:http';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { S3Error } from '@fornax/s3';
import { HealthRegistry, LOGGER } from '@fornax/service-kit';
import { durationsOf, inSpan } from '@fornax/base';
import type { StorageConfig } from '../config/storage.config.js';
import { STORAGE_CONFIG, type ServiceLogger } from '../config/tokens.js';
import type { S3Parts } from '../s3/exchange.js';
import { DoorParts } from './door-parts.js';
import { createFrontDoor } from './front-door.js';

/** How long requests in progress may take to end when the process stops. */
const STOP_GRACE_MS = 4_000;

const durations = durationsOf('fornax.s3.duration');

/** Spans and durations of requests; a refusal is an answer, not a failure of the span. */
const observed: S3Parts['observe'] = async ({ operation, parent }, run) => {
  const startedAt = performance.now();
  let refusal: S3Error | undefined;
  await inSpan(`S3 ${operation}`, { kind: 'server', parent }, async () => {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      refusal = error;
    } finally {
      durations.record((performance.now() - startedAt) / 1000, { operation });
    }
  });
  if (refusal) throw refusal;
};

/** The S3 endpoint as a part of the process: listens when the application is up, stops first when it ends. */
@Injectable()
export class FrontDoorHost implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #server: Server;

  constructor(
    @Inject(STORAGE_CONFIG) private readonly config: StorageConfig,
    parts: DoorParts,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
    health: HealthRegistry,
  ) {
    const endpoint: Parameters<DoorParts['with']>[0] = {
      baseHosts: config.baseHosts,
      observe: observed,
      onReadAs: (use) => logger.info(use, 'files are read as another account'),
      onError: (error, request) => logger.error({ err: error, ...request }, 'S3 request failed'),
    };
    this.#server = createFrontDoor(parts.with(endpoint), { ...config.door, requestsPerS: config.requestsPerS });
    health.readiness('s3', () => (this.#server.listening ? undefined : 'not listening yet'));
  }

  /** Of the listening server. */
  port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async onApplicationBootstrap(): Promise<void> {
    const listening = once(this.#server, 'listening');
    this.#server.listen(this.config.port, this.config.host);
    await listening.catch((cause: unknown) => {
      throw new Error(`the S3 endpoint cannot listen on port ${this.config.port} (FORNAX_STORAGE_PORT)`, { cause });
    });
    this.logger.info({ port: this.port() }, 'S3 endpoint listens');
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOP_GRACE_MS);
    await closed;
    clearTimeout(timer);
  }
}
