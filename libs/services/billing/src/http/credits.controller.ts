import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { budgetSchema, type WireBudget } from '@fornax/contracts';
import { ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import type { UsageTerms } from '@fornax/domain';
import { CurrentAccount, type Account } from '@fornax/identity';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { creditsSchema, euros } from '../queries/wire-ledger.js';
import { TermsLookup } from '../queries/terms-lookup.js';
import { SpendingReader } from '../queries/spending-reader.js';
import { wireBudget } from '../queries/wire-spending.js';
import { Budgets } from '../spending/budgets.js';

/** `True` of Python, `true` of .NET. */
const budgetsQuerySchema = z.object({ activeonly: z.string().toLowerCase().optional() });

/** What was consumed and what is left, in euros (contract, section 2.8). */
@ApiTags('credits')
@Controller('credits/v1')
export class CreditsController {
  constructor(
    private readonly ledger: LedgerReader,
    private readonly spending: SpendingReader,
    private readonly lookup: TermsLookup,
    private readonly ofProjects: Budgets,
    @Inject(BILLING_CONFIG) private readonly config: BillingConfig,
  ) {}

  @Get('accounts/credits')
  @ApiOperation({ summary: 'Remaining credits of the account, in euros' })
  @ApiOkResponse({ standardSchema: creditsSchema })
  async account(@CurrentAccount() account: Account): Promise<{ readonly credits: number }> {
    const { remainingMicros, consumedMicros } = await this.spending.credits(account.id);
    // Nothing holds an account back that was never granted anything: it reads what everybody is said to have.
    return { credits: euros(remainingMicros ?? this.config.grantMicros - consumedMicros) };
  }

  @Get('tasks/:id/credits')
  @ApiOperation({ summary: 'Credits consumed by a task, in euros' })
  @ApiOkResponse({ standardSchema: creditsSchema })
  async task(@CurrentAccount() account: Account, @Param('id') id: string): Promise<{ readonly credits: number }> {
    return this.consumed('task', account, id);
  }

  @Get('pools/:id/credits')
  @ApiOperation({ summary: 'Credits consumed by a pool, in euros: its slots, while they were held' })
  @ApiOkResponse({ standardSchema: creditsSchema })
  async pool(@CurrentAccount() account: Account, @Param('id') id: string): Promise<{ readonly credits: number }> {
    return this.consumed('pool', account, id);
  }

  @Get('projects/:id/budgets')
  @ApiOperation({ summary: 'Budgets of a project' })
  @ApiOkResponse({ standardSchema: z.object({ budgets: z.array(budgetSchema) }) })
  @ApiNotFoundResponse({ description: 'There is no such project' })
  async budgets(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @ZodQuery(budgetsQuerySchema) { activeonly }: z.output<typeof budgetsQuerySchema>,
  ): Promise<{ readonly budgets: readonly WireBudget[] }> {
    const all = await this.spending.budgets([(await this.ofProjects.projectFor(account, id)).id]);
    const wanted = activeonly === 'true' || activeonly === '1' ? all.filter(({ isActive }) => isActive) : all;
    return { budgets: wanted.map(wireBudget) };
  }

  private async consumed(kind: UsageTerms['kind'], account: Account, name: string) {
    const { id } = await this.lookup.find(kind, account, name);
    return { credits: euros(await this.ledger.consumedBy(id)) };
  }
}
