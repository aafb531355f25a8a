import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import type { z } from 'zod';
import { CarbonReader } from '../queries/carbon-reader.js';
import { carbonFactsSchema, carbonQuerySchema, type WireCarbonFacts } from '../queries/wire-carbon.js';

type CarbonQuery = z.output<typeof carbonQuerySchema>;

/** Energy and emissions (contract, sections 2.8 and 3.21). */
@ApiTags('carbon')
@Controller('carbon/v1')
export class CarbonController {
  constructor(private readonly carbon: CarbonReader) {}

  @Get('tasks/:id/carbon-facts')
  @ApiOperation({ summary: 'Energy that a task has drawn until now, and what it emitted' })
  @ApiOkResponse({ standardSchema: carbonFactsSchema })
  task(
    @CurrentAccount() caller: Account,
    @Param('id') name: string,
    @ZodQuery(carbonQuerySchema) query: CarbonQuery,
  ): Promise<WireCarbonFacts> {
    return this.carbon.facts({ kind: 'task', caller, name }, query.comparisondatacenter);
  }

  @Get('pools/:id/carbon-facts')
  @ApiOperation({ summary: 'Energy that the slots of a pool have drawn until now, and what it emitted' })
  @ApiOkResponse({ standardSchema: carbonFactsSchema })
  pool(
    @CurrentAccount() caller: Account,
    @Param('id') name: string,
    @ZodQuery(carbonQuerySchema) query: CarbonQuery,
  ): Promise<WireCarbonFacts> {
    return this.carbon.facts({ kind: 'pool', caller, name }, query.comparisondatacenter);
  }
}
