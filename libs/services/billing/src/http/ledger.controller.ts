import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ZodQuery } from '@fornax/service-kit';
import { CurrentAccount, type Account } from '@fornax/identity';
import { LedgerReader } from './ledger-reader.js';
import { ledgerPageSchema, linesQuerySchema, type LedgerPage, type LinesQuery } from './wire-ledger.js';

/** The bill in full: every line with the event, the rule and the price list behind it. */
@ApiTags('billing')
@Controller('fornax/v1/billing')
export class LedgerController {
  constructor(private readonly ledger: LedgerReader) {}

  @Get('tasks/:id/lines')
  @ApiOperation({ summary: 'Ledger lines of a task, one for each attempt of an instance' })
  @ApiOkResponse({ standardSchema: ledgerPageSchema })
  async lines(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @ZodQuery(linesQuerySchema) page: LinesQuery,
  ): Promise<LedgerPage> {
    const { taskId, plan, constrained } = await this.ledger.task(account.id, id);
    return { taskId, plan, constrained, ...(await this.ledger.lines(taskId, page)) };
  }
}
