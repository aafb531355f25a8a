import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable, type Clock } from '@fornax/base';
import { creditsDecider, isActiveBudget, remainingCredits, type BudgetState, type CreditsState } from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { CLOCK, ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { readBudgets, readEntries, readSpending } from '../projections/spending-rows.js';
import { Consumption } from './consumption.js';
import { LedgerReader } from './ledger-reader.js';

/** A budget, and what it has been used for until now. */
export interface UsedBudget {
  readonly budget: BudgetState;
  readonly consumedMicros: number;
  readonly isActive: boolean;
}

export interface AccountCredits {
  /** With all of its entries. */
  readonly state: CreditsState;
  readonly consumedMicros: number;
  /** Undefined: unlimited. */
  readonly remainingMicros: number | undefined;
}

/** Answers about credits and budgets as they are once everything is seen that is in the log now. */
@Injectable()
export class SpendingReader {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly ledger: LedgerReader,
    private readonly consumption: Consumption,
    @Inject(CLOCK) private readonly clock: Clock,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('spending');
  }

  async credits(accountId: string): Promise<AccountCredits> {
    await this.caughtUp();
    return this.ledger.atOneMoment(async (tx) => {
      const [row] = await readSpending(tx, [accountId]);
      const known = row?.kind === 'credits' ? row.state : creditsDecider.initial;
      const state = { ...known, entries: await readEntries(tx, accountId) };
      const used = await this.consumption.of(tx, [{ id: accountId, account: accountId }]);
      const consumedMicros = used.get(accountId) ?? 0;
      return { state, consumedMicros, remainingMicros: remainingCredits(state, consumedMicros) };
    });
  }

  /** All of these projects, in the order of their beginnings. */
  async budgets(projects: readonly string[]): Promise<readonly UsedBudget[]> {
    await this.caughtUp();
    return this.ledger.atOneMoment(async (tx) => {
      const budgets = await readBudgets(tx, projects);
      const used = await this.consumption.of(
        tx,
        budgets.map((budget) => ({ id: budget.budgetId, ...budget })),
      );
      const now = this.clock.now();
      return budgets.map((budget) => ({
        budget,
        consumedMicros: used.get(budget.budgetId) ?? 0,
        isActive: isActiveBudget(budget, now),
      }));
    });
  }

  /** Undefined: there is none. */
  async budget(budgetId: string): Promise<UsedBudget | undefined> {
    await this.caughtUp();
    const [row] = await readSpending(this.db, [budgetId]);
    if (row?.kind !== 'budget') return undefined;
    return (await this.budgets([row.state.projectId])).find(({ budget }) => budget.budgetId === budgetId);
  }

  /** What a project has cost in a time of whole days. */
  async usedBy(projectId: string, from: number, until: number | null): Promise<number> {
    const used = await this.ledger.atOneMoment((tx) =>
      this.consumption.of(tx, [{ id: projectId, projectId, from, until }]),
    );
    return used.get(projectId) ?? 0;
  }

  private async caughtUp(): Promise<void> {
    if (!(await this.barrier.caughtUp()))
      throw new Unavailable('Credits and budgets are catching up with the log', { code: 'ledger-behind' });
  }
}
