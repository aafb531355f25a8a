import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { OperatorOnly } from '../accounts/auth.guard.js';
import { ProjectionHost, type ProjectionStatus } from './projection-host.js';

const statusesSchema = z.array(
  z.object({
    name: z.string(),
    service: z.string(),
    sequence: z.int(),
    lag: z.int(),
    rebuilding: z.object({ sequence: z.int(), of: z.int() }).optional(),
  }),
);
const reportSchema = z.looseObject({ swapped: z.boolean() });

/** What an operator asks about and does to read models. */
@ApiTags('operations')
@OperatorOnly()
@Controller('fornax/v1/projections')
export class ProjectionsController {
  constructor(private readonly host: ProjectionHost) {}

  @Get()
  @ApiOperation({ summary: 'Projections of this process, where they stand and how far they are behind' })
  @ApiOkResponse({ standardSchema: statusesSchema })
  list(): Promise<readonly ProjectionStatus[]> {
    return this.host.statuses();
  }

  /** Rebuilds beside the live rows; with `verify=true` only compares, else swaps the rebuilt rows in. */
  @Post(':name/rebuild')
  @ApiOperation({ summary: 'Rebuild a projection from the log, compare, and swap unless verify=true' })
  @ApiQuery({ name: 'verify', required: false, description: 'true: only compare' })
  @ApiOkResponse({ standardSchema: reportSchema })
  async rebuild(@Param('name') name: string, @Query('verify') verify?: string): Promise<unknown> {
    return this.host.runner(name).rebuild({ verify: verify === 'true' || verify === '1' });
  }
}
