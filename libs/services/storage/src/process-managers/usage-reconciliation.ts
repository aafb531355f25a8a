import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { LocalObjectStore, type ObjectStore, type UsageReconciliation as Reconciled } from '@fornax/object-store';
import { LOGGER } from '@fornax/service-kit';
import { OBJECT_STORE, type ServiceLogger } from '../config/tokens.js';
import { Repeated } from './repeated.js';

const HOUR_MS = 3_600_000;

/**
 * Compares what quotas count with the objects that there are, once a day: the counters are kept by triggers, and a restored table or a hand on the database
 * would leave them wrong for good. On an S3 service every count is a listing, and there is nothing to compare.
 */
@Injectable()
export class UsageReconciliation implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #repeated: Repeated;

  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {
    this.#repeated = new Repeated({
      work: (signal) => this.reconcile(signal),
      onError: (error) => logger.warn({ err: error }, 'counters of usage are compared later'),
      firstMs: 60_000,
      againMs: 24 * HOUR_MS,
      afterFailureMs: HOUR_MS,
    });
  }

  onApplicationBootstrap(): void {
    if (this.store instanceof LocalObjectStore) this.#repeated.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.#repeated.stop();
  }

  /** Compares and repairs once. Safe to repeat, and in several processes. @returns undefined: there are no counters */
  async reconcile(signal?: AbortSignal): Promise<Reconciled | undefined> {
    if (!(this.store instanceof LocalObjectStore)) return undefined;
    const reconciled = await this.store.reconcileUsage(signal);
    for (const difference of reconciled.differences)
      this.logger.warn(difference, 'the counters of a bucket were wrong, by so much, and are repaired');
    return reconciled;
  }
}
