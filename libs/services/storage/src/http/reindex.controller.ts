import { Controller, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { objectsReindexSchema, type ObjectsReindex } from '@fornax/contracts';
import { OperatorOnly } from '@fornax/identity';
import { StoreWatch } from '../store/store-watch.js';

/** What an operator does to the index of objects. */
@ApiTags('operations')
@OperatorOnly()
@Controller('fornax/v1/buckets')
export class ReindexController {
  constructor(private readonly watch: StoreWatch) {}

  @Post('reindex')
  @HttpCode(200)
  @ApiOperation({ summary: 'Make the index of objects again from the files on disk; deletes nothing, safe to repeat' })
  @ApiQuery({
    name: 'forgetMissing',
    required: false,
    description: 'true: take objects out of the index whose files are missing or short',
  })
  @ApiOkResponse({ standardSchema: objectsReindexSchema })
  reindex(@Query('forgetMissing') forgetMissing?: string): Promise<ObjectsReindex> {
    return this.watch.reindex(forgetMissing === 'true' || forgetMissing === '1');
  }
}
