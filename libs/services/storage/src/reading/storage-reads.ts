import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { CORE_CONFIG, EVENT_LOG, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import { BUCKETS_PROJECTION } from '../projections/buckets.projection.js';
import { ReadBarrier } from './read-barrier.js';

/** When reads of this service show what was committed. */
@Injectable()
export class StorageReads {
  readonly #barrier: ReadBarrier;

  constructor(
    @Inject(EVENT_LOG) log: EventLog,
    private readonly projections: ProjectionHost,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {
    this.#barrier = new ReadBarrier({ head: () => log.head(), waitFor: (sequence) => this.waitFor(sequence) });
  }

  /** Bounded by FORNAX_READ_YOUR_WRITES_TIMEOUT_MS. @returns false when it took longer */
  waitFor(sequence: number): Promise<boolean> {
    return this.projections.waitFor(BUCKETS_PROJECTION, sequence, this.config.readYourWritesTimeoutMs);
  }

  /** Waits, bounded, for everything that is in the log now. */
  catchUp(): Promise<void> {
    return this.#barrier.pass();
  }
}
