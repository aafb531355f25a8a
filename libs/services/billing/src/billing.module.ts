import { Module } from '@nestjs/common';
import {
  ENV,
  ExactAnswers1790000810000,
  IdempotencyKeys1790000600000,
  provideProjection,
  serviceDatabase,
} from '@fornax/service-kit';
import { BILLING_CONFIG, loadBillingConfig } from './config/billing.config.js';
import { CARBON_ASSUMPTIONS, loadCarbonAssumptions } from './config/carbon-assumptions.js';
import { CarbonReader } from './queries/carbon-reader.js';
import { CarbonController } from './http/carbon.controller.js';
import { CreditsController } from './http/credits.controller.js';
import { LedgerController } from './http/ledger.controller.js';
import { RunningCosts } from './queries/running-costs.js';
import { Corrections1790001610000 } from './migrations/1790001610000-corrections.migration.js';
import { RatingCommits } from './ratings/rating-commits.js';
import { RatingWork } from './ratings/rating-work.js';
import { RatingRuns } from './ratings/rating-runs.js';
import { MonthsController } from './http/months.controller.js';
import { RatingsController } from './http/ratings.controller.js';
import { LiveProgress } from './queries/live-progress.js';
import { TaskCosts } from './queries/task-costs.js';
import { BookedLines1790001660000 } from './migrations/1790001660000-booked-lines.migration.js';
import { RatedLater1790001640000 } from './migrations/1790001640000-rated-later.migration.js';
import { StatementReader } from './queries/statement-reader.js';
import { StatementProofs } from './queries/statement-proofs.js';
import { StatementScopes } from './queries/statement-scopes.js';
import { MeterReader } from './queries/meter-reader.js';
import { MetersController } from './http/meters.controller.js';
import { Meters1790001650000 } from './migrations/1790001650000-meters.migration.js';
import { InvoicesController } from './http/invoices.controller.js';
import { StatementsController } from './http/statements.controller.js';
import { LedgerReader } from './queries/ledger-reader.js';
import { Running1790001510000 } from './migrations/1790001510000-running.migration.js';
import { Spending1790001530000 } from './migrations/1790001530000-spending.migration.js';
import { LinesByLease1790001550000 } from './migrations/1790001550000-lines-by-lease.migration.js';
import { Statements1790001570000 } from './migrations/1790001570000-statements.migration.js';
import { CreditEntries1790001590000 } from './migrations/1790001590000-credit-entries.migration.js';
import { Forecast1790001630000 } from './migrations/1790001630000-forecast.migration.js';
import { Ratings1790001600000 } from './migrations/1790001600000-ratings.migration.js';
import { UsageTaskDay1790001620000 } from './migrations/1790001620000-usage-task-day.migration.js';
import { TermsLookup } from './queries/terms-lookup.js';
import { UsageTaskNodeDay1790001670000 } from './migrations/1790001670000-usage-task-node-day.migration.js';
import { SpendingProjection } from './projections/spending.projection.js';
import { Consumption } from './queries/consumption.js';
import { SpendingReader } from './queries/spending-reader.js';
import { AccountCreditsController } from './http/account-credits.controller.js';
import { BudgetsController } from './http/budgets.controller.js';
import { SpendingCommands } from './spending/spending-commands.js';
import { SpendingLook, SpendingWatch } from './spending/spending-watch.js';
import { Budgets } from './spending/budgets.js';
import { Power1790001520000 } from './migrations/1790001520000-power.migration.js';
import { Bill1790001500000 } from './migrations/1790001500000-bill.migration.js';
import { LedgerTables1767225900000 } from './migrations/ledger-tables.migration.js';
import { LedgerAudits } from './audit/ledger-auditor.js';
import { BillingMetrics } from './metrics/billing-metrics.js';
import { StandingAudit } from './audit/standing-audit.js';
import { BillAuditController } from './http/bill-audit.controller.js';
import { PricesController } from './http/prices.controller.js';
import { PublishPriceList } from './pricing/publish-price-list.handler.js';
import { DefaultPriceList } from './pricing/default-price-list.js';
import { RunningProjection } from './projections/running.projection.js';
import { LedgerProjection } from './projections/ledger.projection.js';

/** What computing costs: price lists, the ledger, credits. */
@Module({
  imports: [
    serviceDatabase('billing', [
      LedgerTables1767225900000,
      Bill1790001500000,
      Running1790001510000,
      Power1790001520000,
      Spending1790001530000,
      LinesByLease1790001550000,
      Statements1790001570000,
      CreditEntries1790001590000,
      IdempotencyKeys1790000600000,
      ExactAnswers1790000810000,
      Ratings1790001600000,
      UsageTaskDay1790001620000,
      Forecast1790001630000,
      Corrections1790001610000,
      RatedLater1790001640000,
      Meters1790001650000,
      BookedLines1790001660000,
      UsageTaskNodeDay1790001670000,
    ]),
  ],
  controllers: [
    CreditsController,
    LedgerController,
    StatementsController,
    MetersController,
    InvoicesController,
    RatingsController,
    MonthsController,
    PricesController,
    BillAuditController,
    CarbonController,
    AccountCreditsController,
    BudgetsController,
  ],
  providers: [
    { provide: BILLING_CONFIG, inject: [ENV], useFactory: loadBillingConfig },
    DefaultPriceList,
    PublishPriceList,
    LedgerAudits,
    BillingMetrics,
    StandingAudit,
    LedgerReader,
    TermsLookup,
    StatementReader,
    StatementScopes,
    StatementProofs,
    MeterReader,
    RatingCommits,
    RatingWork,
    RatingRuns,
    RunningCosts,
    LiveProgress,
    TaskCosts,
    { provide: CARBON_ASSUMPTIONS, inject: [ENV], useFactory: loadCarbonAssumptions },
    CarbonReader,
    ...provideProjection('billing', LedgerProjection),
    ...provideProjection('billing', RunningProjection),
    ...provideProjection('billing', SpendingProjection),
    Consumption,
    SpendingReader,
    SpendingCommands,
    SpendingLook,
    SpendingWatch,
    Budgets,
  ],
})
export class BillingModule {}
