import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiForbiddenResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { NotBuilt } from '@fornax/base';
import { CurrentAccount, type Account } from '@fornax/identity';
import { BILLING_CONFIG, type BillingConfig } from '../config/billing.config.js';
import { LedgerReader } from './ledger-reader.js';
import { creditsSchema, euros } from './wire-ledger.js';

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
    const { taskId } = await this.ledger.task(account.id, id);
    return { credits: euros(await this.ledger.consumedByTask(taskId)) };
  }

  @Get('pools/:id/credits')
  @ApiOperation({ summary: 'Credits consumed by a pool: not built yet, answers 403' })
  @ApiForbiddenResponse()
  pool(): never {
    throw new NotBuilt('The bill of a pool');
  }
}
