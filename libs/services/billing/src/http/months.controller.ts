import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Conflict } from '@fornax/base';
import { closedMonthSchema, monthSchema, wireDate, type WireClosedMonth } from '@fornax/contracts';
import { CurrentContext, OperatorOnly, userMeta, type RequestContext } from '@fornax/identity';
import { Idempotent, ZodParam } from '@fornax/service-kit';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { readClosedMonths } from '../projections/ledger-state.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { RatingCommits } from '../ratings/rating-commits.js';

/** Months (UTC) that are closed: what is told of them later counts when it is told. */
@ApiTags('billing')
@Controller('fornax/v1/billing/months')
export class MonthsController {
  constructor(
    private readonly commits: RatingCommits,
    private readonly ledger: LedgerReader,
    @InjectDataSource('billing') private readonly db: DataSource,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'Months that are closed, the newest first; those before the oldest of them are closed as well',
  })
  @ApiOkResponse({ standardSchema: z.array(closedMonthSchema) })
  async list(): Promise<readonly WireClosedMonth[]> {
    await this.ledger.catchUp();
    return (await readClosedMonths(this.db)).map(({ month, closedAt, sequence }) => ({
      ...{ month, closedAt: wireDate(closedAt), sequence },
    }));
  }

  @OperatorOnly()
  @Post(':month/close')
  @HttpCode(200)
  @Idempotent({ service: 'billing', repeatable: true })
  @ApiOperation({ summary: 'Close a month that is over, and those before it; a month that is closed stays as it is' })
  @ApiOkResponse({ standardSchema: z.array(closedMonthSchema) })
  @ApiConflictResponse({ description: 'The difference of a rating is being booked' })
  async close(
    @ZodParam('month', monthSchema) month: string,
    @CurrentContext() context: RequestContext,
  ): Promise<readonly WireClosedMonth[]> {
    await this.commits.close(month, userMeta('billing', context));
    return this.list();
  }

  @OperatorOnly()
  @Delete(':month/close')
  @ApiOperation({ summary: 'Refused: a month that is closed stays closed' })
  @ApiConflictResponse()
  reopen(@Param('month') month: string): never {
    throw new Conflict(
      `The month ${month} cannot be opened again: what is wrong in it is corrected in the month that is open`,
      {
        code: 'month-stays-closed',
      },
    );
  }
}
