import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { delay, newId, RecurringTrouble, type Clock, type Logger } from '@fornax/base';
import { budgetDecider, creditsDecider, type Decision, type SpendingEvent } from '@fornax/domain';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { readLimits, type SpendingRow } from '../projections/spending-rows.js';
import { Consumption, type Counted } from '../queries/consumption.js';
import type { Queries } from '../projections/ledger-state.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { SpendingCommands } from './spending-commands.js';

const countedOf = (row: SpendingRow): Counted =>
  row.kind === 'credits'
    ? { id: row.spendingId, account: row.spendingId }
    : { id: row.spendingId, projectId: row.state.projectId, from: row.state.from, until: row.state.until };

/** A limit about which something is to be noted. */
interface News {
  readonly row: SpendingRow;
  readonly consumedMicros: number;
  /** Whether it lets go of what was held back. */
  readonly releases: boolean;
}

/** Compares what was used with credits and budgets, and says in the log when a limit is reached, or is no longer. */
@Injectable()
export class SpendingLook {
  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly consumption: Consumption,
    private readonly ledger: LedgerReader,
    private readonly commands: SpendingCommands,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Unavailable something may be released, and the ledger was behind */
  async once(): Promise<void> {
    const news = await this.db.transaction('REPEATABLE READ', (tx) => this.look(tx));
    await this.noteAll(news.filter(({ releases }) => !releases));
    if (!news.some(({ releases }) => releases)) return;
    // What left its node may have no line yet, and was used all the same: that would let somebody go on, and hold them back again.
    await this.noteAll(await this.ledger.atOneMoment((tx) => this.look(tx)));
  }

  private async look(tx: Queries): Promise<readonly News[]> {
    const limits = await readLimits(tx);
    if (limits.length === 0) return [];
    const used = await this.consumption.of(tx, limits.map(countedOf));
    const at = this.clock.now();
    return limits.flatMap((row) => {
      const consumedMicros = used.get(row.spendingId) ?? 0;
      const types = newsOf(row, consumedMicros, at);
      const releases = types.some((type) => type === 'CreditsRestored' || type === 'BudgetReleased');
      return types.length === 0 ? [] : [{ row, consumedMicros, releases }];
    });
  }

  private async noteAll(news: readonly News[]): Promise<void> {
    await Promise.all(news.map(({ row, consumedMicros }) => this.note(row, consumedMicros)));
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

/** What it would be news of: most of the time nothing is, and the log is not asked. */
const newsOf = (row: SpendingRow, consumedMicros: number, at: number): readonly SpendingEvent['type'][] => {
  const decision: Decision<SpendingEvent> =
    row.kind === 'credits'
      ? creditsDecider.decide(row.state, { type: 'NoteCreditsUsed', consumedMicros, at })
      : budgetDecider.decide(row.state, { type: 'NoteBudgetUsed', consumedMicros, at });
  return 'events' in decision ? decision.events.map(({ type }) => type) : [];
};
