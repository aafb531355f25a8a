import { Controller, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { ReindexReport } from '@fornax/object-store';
import { OperatorOnly } from '@fornax/service-kit';
import { z } from 'zod';
import { StoreWatch } from '../buckets/store-watch.js';

const count = z.int().min(0);
const reportSchema = z.object({
  files: count,
  restored: count,
  known: count,
  withoutBucket: count,
  damaged: count,
  setAside: count,
  missing: count,
  forgotten: z.boolean(),
  examples: z.array(z.string()),
});

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
  @ApiOkResponse({ standardSchema: reportSchema })
  reindex(@Query('forgetMissing') forgetMissing?: string): Promise<ReindexReport> {
    return this.watch.reindex(forgetMissing === 'true' || forgetMissing === '1');
  }
}
