import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { delay, observeGauge, type MonotonicClock } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';
import { auditLog, EVENT_LOG, LOGGER, MONOTONIC_CLOCK } from '@fornax/service-kit';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { LedgerAudits } from './ledger-auditor.js';

/** More of them in the log of a process say no more; all are counted. */
const MOST_TOLD = 100;

/** What it uses of the process's logger. */
export interface AuditLogger {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** Audits the ledger again and again, and tells what it finds: as a metric, and in the log of the process. */
@Injectable()
export class StandingAudit implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;
  private findings: number | undefined;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(LOGGER) private readonly logger: AuditLogger,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
    @Inject(BILLING_CONFIG) private readonly config: BillingConfig,
    private readonly audits: LedgerAudits,
  ) {
    observeGauge('fornax.billing.findings', (result) => {
      if (this.findings !== undefined) result.observe(this.findings);
    });
    observeGauge('fornax.billing.unrated', async (result) => {
      const count = await this.audits.unrated().catch(() => undefined);
      if (count !== undefined) result.observe(count);
    });
  }

  onApplicationBootstrap(): void {
    if (this.config.auditEveryMs > 0) this.running = this.repeat();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async repeat(): Promise<void> {
    const { auditEveryMs, auditSoonMs } = this.config;
    const { signal } = this.stop;
    let waitMs = auditSoonMs;
    for (;;) {
      await delay(waitMs, signal);
      if (signal.aborted) return;
      waitMs = (await this.succeeds()) ? auditEveryMs : auditSoonMs;
    }
  }

  private async succeeds(): Promise<boolean> {
    try {
      await this.once();
      return true;
    } catch (error) {
      if (!this.stop.signal.aborted)
        this.logger.warn({ err: error }, 'the ledger could not be audited; it is tried again');
      return false;
    }
  }

  /** @returns how much was found */
  async once(): Promise<number> {
    const { signal } = this.stop;
    let count = 0;
    const elapsed = (): number => this.monotonic.elapsed();
    for await (const message of auditLog({ log: this.log, auditor: this.audits.begin(), elapsed, signal })) {
      if (message.type !== 'finding') continue;
      count += 1;
      if (count <= MOST_TOLD) this.logger.error(message.finding, 'the ledger differs from the log');
    }
    // An audit that was ended has not seen everything.
    if (signal.aborted) return count;
    this.findings = count;
    const unrated = await this.audits.unrated();
    if (unrated > 0) this.logger.warn({ unrated }, 'attempts have no price: fornax billing unrated lists them');
    return count;
  }
}
