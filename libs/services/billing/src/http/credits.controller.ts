import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiForbiddenResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NotBuilt } from '@fornax/base';
import type { UsageTerms } from '@fornax/domain';
import { CurrentAccount, type Account } from '@fornax/identity';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { creditsSchema, euros } from '../queries/wire-ledger.js';

/** What was consumed and what is left, in euros (contract, section 2.8). */
@ApiTags('credits')
@Controller('credits/v1')
export class CreditsController {
  constructor(
    private readonly ledger: LedgerReader,
    @Inject(BILLING_CONFIG) private readonly config: BillingConfig,
  ) {}

  @Get('accounts/credits')
  @ApiOperation({ summary: 'Remaining credits of the account, in euros' })
  @ApiOkResponse({ standardSchema: creditsSchema })
  async account(@CurrentAccount() account: Account): Promise<{ readonly credits: number }> {
    return { credits: euros(this.config.grantMicros - (await this.ledger.consumedByAccount(account.id))) };
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
  @ApiOperation({ summary: 'Budgets of a project: not built yet, answers 403' })
  @ApiForbiddenResponse()
  budgets(): never {
    throw new NotBuilt('The list of budgets of a project');
  }

  private async consumed(kind: UsageTerms['kind'], account: Account, name: string) {
    const { id } = await this.ledger.terms(kind, account.id, name);
    return { credits: euros(await this.ledger.consumedBy(id)) };
  }
}
