import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { jobSchema, type WireJob } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { parseAsOf } from '@fornax/tasks';
import type { FastifyReply } from 'fastify';
import { JobHistory, jobHistorySchema, type JobHistoryAnswer } from '../queries/job-history.js';
import { JobLookup } from '../queries/job-lookup.js';
import { jobView } from '../queries/job-view.js';

/** What the log tells about one job: what happened, and how it stood at any time. */
@ApiTags('history')
@Controller('fornax/v1/jobs/:id')
export class JobHistoryController {
  constructor(
    private readonly lookup: JobLookup,
    private readonly history: JobHistory,
  ) {}

  @Get()
  @ApiOperation({ summary: 'A job itself as it is now, or as it stood at a moment of the past' })
  @ApiQuery({ name: 'asOf', required: false, description: 'Sequence of the log, or instant (RFC 3339)' })
  @ApiOkResponse({ standardSchema: jobSchema })
  async read(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query('asof') asOf?: unknown,
  ): Promise<WireJob> {
    if (asOf === undefined) return jobView(await this.lookup.find(account, id));
    const { status, now } = await this.history.asOf(account, id, parseAsOf(String(asOf)));
    reply.header('fornax-sequence', String(status.sequence)).header('fornax-as-of', new Date(now).toISOString());
    return jobView(status);
  }

  @Get('events')
  @ApiOperation({
    summary: 'Everything that happened to a job itself, in order: who, when, why. Deleted jobs too, by id',
  })
  @ApiOkResponse({ standardSchema: jobHistorySchema })
  events(@Param('id') id: string, @CurrentAccount() account: Account): Promise<JobHistoryAnswer> {
    return this.history.read(account, id);
  }
}
