import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { rightsSchema, type WireRights } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { PoolLookup } from '../queries/pool-lookup.js';

/** What members of a project may do with each other's pools. */
@ApiTags('pools')
@Controller('fornax/v1/pools/:id')
export class PoolRightsController {
  constructor(private readonly lookup: PoolLookup) {}

  @Get('rights')
  @ApiOperation({ summary: 'Whose a pool is, and what you may do with it' })
  @ApiOkResponse({ standardSchema: rightsSchema })
  rights(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireRights> {
    return this.lookup.rights(account, id);
  }
}
