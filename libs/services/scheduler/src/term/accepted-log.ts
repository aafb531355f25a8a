import { Inject, Injectable } from '@nestjs/common';
import { delay } from '@fornax/base';
import { LOGGER, LogWatch } from '@fornax/service-kit';
import { SCHEDULER_CONFIG, type SchedulerConfig } from '../config/scheduler.config.js';
import type { Logger } from '../ports/logger.js';

/** Holds a term back until the log may be written, and, where operators accepted an older one, until nodes know nothing else any more. */
@Injectable()
export class AcceptedLog {
  private forgetting = false;

  constructor(
    private readonly watch: LogWatch,
    @Inject(SCHEDULER_CONFIG) private readonly config: SchedulerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Whether nodes still have time to end what the accepted log does not know. */
  get isForgetting(): boolean {
    return this.forgetting;
  }

  /** When an older log was accepted last, as far as Postgres knows; 0 if never. An instant, in milliseconds. */
  get lastAcceptedAt(): number {
    return this.watch.lastAcceptedAt ?? 0;
  }

  /** Tells when the log is not the one any more that was opened. @returns ends the telling */
  onTrouble(tell: () => void): () => void {
    return this.watch.onTrouble(tell);
  }

  /** Resolves when a term may begin, or its signal aborts. */
  async opened(term: AbortSignal): Promise<void> {
    await this.watch.opened(term);
    await this.letNodesForget(term);
  }

  /**
   * After an operator accepted an older log nodes may run what it does not know of. Each ends all that it runs when it asks for its session the
   * next time, which is once in a grace period, or when it is cut off for two thirds of one: nothing is placed before.
   */
  private async letNodesForget(term: AbortSignal): Promise<void> {
    const { acceptedForMs = Number.POSITIVE_INFINITY } = this.watch;
    const mostMs = 2 * this.config.FORNAX_NODE_GRACE_MS;
    const leftMs = mostMs - acceptedForMs;
    if (leftMs <= 0) return;
    this.logger.warn(
      { leftMs },
      'the event log was accepted as it is: nothing is placed until nodes have ended what it does not know',
    );
    this.forgetting = true;
    await delay(Math.min(leftMs, mostMs), term);
    this.forgetting = false;
  }
}
