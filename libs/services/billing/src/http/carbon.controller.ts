import { Controller, Get, Param } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiForbiddenResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import { NotBuilt } from '@fornax/base';
import { LedgerReader } from '../queries/ledger-reader.js';

const WHAT = 'The calculation of carbon facts';

/** Carbon facts (contract, section 2.8): the routes are ours, the answer is not built. A 5xx would make clients retry for half a minute. */
@ApiTags('carbon')
@Controller('carbon/v1')
export class CarbonController {
  constructor(private readonly ledger: LedgerReader) {}

  @Get('tasks/:id/carbon-facts')
  @ApiOperation({ summary: 'Carbon facts of a task: not built yet, answers 403' })
  @ApiForbiddenResponse()
  async task(@CurrentAccount() account: Account, @Param('id') id: string): Promise<never> {
    await this.ledger.terms('task', account.id, id);
    throw new NotBuilt(WHAT);
  }

  @Get('pools/:id/carbon-facts')
  @ApiOperation({ summary: 'Carbon facts of a pool: not built yet, answers 403' })
  @ApiForbiddenResponse()
  async pool(@CurrentAccount() account: Account, @Param('id') id: string): Promise<never> {
    await this.ledger.terms('pool', account.id, id);
    throw new NotBuilt(WHAT);
  }

  /** Of other methods the two routes above would lose their 405. */
  @Get(['', '*'])
  @ApiExcludeEndpoint()
  rest(): never {
    throw new NotBuilt(WHAT);
  }
}
