import { Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ProjectionBusy, ProjectionOutOfDate, RebuildInProgress, RebuildRefused } from '@fornax/projections';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { OperatorOnly } from '@fornax/identity';
import { Conflict, Unavailable } from '@fornax/base';
import { ProjectionHost, type ProjectionStatus } from '../projections/projection-host.js';

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

const isYes = (text: string | undefined): boolean => text === 'true' || text === '1';

/** Why a rebuild did not come about, as whoever asked for it is told; what is none of these stays what it is. */
const answerOf = (error: unknown): unknown => {
  if (error instanceof RebuildRefused) return new Conflict(error.message, { code: 'rebuild-refused', cause: error });
  if (error instanceof RebuildInProgress)
    return new Conflict(error.message, { code: 'rebuild-in-progress', cause: error });
  if (error instanceof ProjectionOutOfDate) return new Conflict(error.message, { code: 'out-of-date', cause: error });
  if (error instanceof ProjectionBusy) return new Unavailable(error.message, { code: 'projection-busy', cause: error });
  return error;
};

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
  @ApiQuery({ name: 'force', required: false, description: 'true: also where the log knows less than the rows' })
  @ApiOkResponse({ standardSchema: reportSchema })
  @ApiConflictResponse({
    description:
      'the log knows less than the rows, and the text names what would be lost; or somebody rebuilds it already; or its rows are of another log',
  })
  async rebuild(
    @Param('name') name: string,
    @Query('verify') verify?: string,
    @Query('force') force?: string,
  ): Promise<unknown> {
    const options = { verify: isYes(verify), force: isYes(force) };
    return this.host.rebuild(name, options).catch((error: unknown) => {
      throw answerOf(error);
    });
  }
}
