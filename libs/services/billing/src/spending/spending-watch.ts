import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { delay, newId, RecurringTrouble, type Clock, type Logger } from '@fornax/base';
import { budgetDecider, creditsDecider, type Decision, type SpendingEvent } from '@fornax/domain';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { readLimits, type SpendingRow } from '../projections/spending-rows.js';
import { Consumption, type Counted } from '../queries/consumption.js';
import { SpendingCommands } from './spending-commands.js';

const countedOf = (row: SpendingRow): Counted =>
  row.kind === 'credits'
    ? { id: row.spendingId, account: row.spendingId }
    : { id: row.spendingId, projectId: row.state.projectId, from: row.state.from, until: row.state.until };

/** Compares what was used with credits and budgets, and says in the log when a limit is reached, or is no longer. */
@Injectable()
export class SpendingLook {
  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly consumption: Consumption,
    private readonly commands: SpendingCommands,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async once(): Promise<void> {
    const { limits, used } = await this.db.transaction('REPEATABLE READ', async (tx) => {
      const found = await readLimits(tx);
      return {
        limits: found,
        used: found.length === 0 ? new Map<string, number>() : await this.consumption.of(tx, found.map(countedOf)),
      };
    });
    const at = this.clock.now();
    const news = limits.filter((row) => changes(row, used.get(row.spendingId) ?? 0, at));
    await Promise.all(news.map((row) => this.note(row, used.get(row.spendingId) ?? 0)));
  }

  private async note({ kind, spendingId }: SpendingRow, consumedMicros: number): Promise<void> {
    const meta = { actor: 'service:billing', source: 'billing', correlationId: newId() } as const;
    if (kind === 'credits') await this.commands.credits(spendingId, { type: 'NoteCreditsUsed', consumedMicros }, meta);
    else await this.commands.budget(spendingId, { type: 'NoteBudgetUsed', consumedMicros }, meta);
  }
}

/**
 * Looks at credits and budgets again and again. What runs costs more with every moment and tells nobody, so time is what it wakes by; without limits
 * it asks nothing but whether there are any. Several of them do no harm: what is noted twice changes nothing.
 */
@Injectable()
export class SpendingWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;
  private readonly trouble: RecurringTrouble;

  constructor(
    private readonly look: SpendingLook,
    @Inject(BILLING_CONFIG) private readonly config: BillingConfig,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.trouble = new RecurringTrouble({
      failed: (error, more) => logger.warn({ err: error, more }, 'credits and budgets are not watched, trying again'),
      over: (more) => logger.info({ more }, 'credits and budgets are watched again'),
    });
  }

  onApplicationBootstrap(): void {
    this.running = this.repeat();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async repeat(): Promise<void> {
    const { signal } = this.stop;
    for (;;) {
      await delay(this.config.watchEveryMs, signal);
      if (signal.aborted) return;
      try {
        await this.look.once();
        this.trouble.succeeded();
      } catch (error) {
        if (!signal.aborted) this.trouble.failed(error);
      }
    }
  }
}

/** Whether it would be news: most of the time nothing is, and the log is not asked. */
const changes = (row: SpendingRow, consumedMicros: number, at: number): boolean => {
  const decision: Decision<SpendingEvent> =
    row.kind === 'credits'
      ? creditsDecider.decide(row.state, { type: 'NoteCreditsUsed', consumedMicros, at })
      : budgetDecider.decide(row.state, { type: 'NoteBudgetUsed', consumedMicros, at });
  return 'events' in decision && decision.events.length > 0;
};
