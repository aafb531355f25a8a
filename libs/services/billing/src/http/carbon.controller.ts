import { Controller, Get, Param } from '@nestjs/common';
import { ApiForbiddenResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import { NotBuilt } from '@fornax/base';
import { LedgerReader } from './ledger-reader.js';

/** Carbon facts (contract, section 2.8): the route is ours, the answer is not built. A 5xx would make clients retry for half a minute. */
@ApiTags('carbon')
@Controller('carbon/v1')
export class CarbonController {
  constructor(private readonly ledger: LedgerReader) {}

  @Get('tasks/:id/carbon-facts')
  @ApiOperation({ summary: 'Carbon facts of a task: not built yet, answers 403' })
  @ApiForbiddenResponse()
  async task(@CurrentAccount() account: Account, @Param('id') id: string): Promise<never> {
    await this.ledger.task(account.id, id);
    throw new NotBuilt('The calculation of carbon facts');
  }
}
