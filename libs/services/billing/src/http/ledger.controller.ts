import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { UsageTerms } from '@fornax/domain';
import { ZodQuery } from '@fornax/service-kit';
import { CurrentAccount, OperatorOnly, type Account } from '@fornax/identity';
import { taskCostSchema, type TaskCost } from '@fornax/contracts';
import { TermsLookup } from '../queries/terms-lookup.js';
import { TaskCosts } from '../queries/task-costs.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import {
  ledgerPageSchema,
  linesQuerySchema,
  unratedPageSchema,
  type LedgerPage,
  type LinesQuery,
  type WireUnrated,
} from '../queries/wire-ledger.js';

/** Most attempts without a price that are listed; all are counted. */
const MOST_UNRATED = 1_000;

/** The bill in full: every line with the event, the rule and the price list behind it. */
@ApiTags('billing')
@Controller('fornax/v1/billing')
export class LedgerController {
  constructor(
    private readonly ledger: LedgerReader,
    private readonly costs: TaskCosts,
    private readonly lookup: TermsLookup,
  ) {}

  @Get('tasks/:id/lines')
  @ApiOperation({ summary: 'Ledger lines of a task, one for each attempt of an instance' })
  @ApiOkResponse({ standardSchema: ledgerPageSchema })
  task(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @ZodQuery(linesQuerySchema) page: LinesQuery,
  ): Promise<LedgerPage> {
    return this.page('task', account, id, page);
  }

  @Get('tasks/:id/cost')
  @ApiOperation({
    summary: 'What a task has cost, what it will, and what it would have under other plans and on other hardware',
  })
  @ApiOkResponse({ standardSchema: taskCostSchema })
  async cost(@CurrentAccount() account: Account, @Param('id') id: string): Promise<TaskCost> {
    return this.costs.of(await this.lookup.find('task', account, id));
  }

  @Get('pools/:id/lines')
  @ApiOperation({ summary: 'Ledger lines of a pool, one for each time that a slot was held' })
  @ApiOkResponse({ standardSchema: ledgerPageSchema })
  pool(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @ZodQuery(linesQuerySchema) page: LinesQuery,
  ): Promise<LedgerPage> {
    return this.page('pool', account, id, page);
  }

  @OperatorOnly()
  @Get('unrated')
  @ApiOperation({
    summary: 'Attempts, and readings of meters, that have no price yet: a price list that gives one rates them',
  })
  @ApiOkResponse({ standardSchema: unratedPageSchema })
  async unrated(): Promise<{
    readonly count: number;
    readonly attempts: readonly WireUnrated[];
    readonly readings: number;
  }> {
    const { attempts, readings } = await this.ledger.unrated();
    return { count: attempts.length + readings, attempts: attempts.slice(0, MOST_UNRATED), readings };
  }

  private async page(kind: UsageTerms['kind'], account: Account, name: string, page: LinesQuery): Promise<LedgerPage> {
    const { id, plan, constrained } = await this.lookup.find(kind, account, name);
    return { taskId: id, plan, constrained, ...(await this.ledger.lines(id, page)) };
  }
}
