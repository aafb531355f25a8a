import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  jobSchema,
  pageOf,
  pageRequestSchema,
  searchRequestSchema,
  type Page,
  type PageRequest,
  type SearchRequest,
  type WireJob,
} from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { type Account, BodyLimit, CurrentAccount, LARGE_BODY } from '@fornax/identity';
import { cutTo, TAG_QUERY, tagsOf } from '@fornax/tasks';
import { z } from 'zod';
import { JobLists } from '../queries/job-lists.js';
import { jobView } from '../queries/job-view.js';

/** What the clients cannot do without, or cannot take as null, stays in every answer (contract, section 3.0). */
const ALWAYS = [
  'uuid',
  'creationDate',
  'useDependencies',
  'stateTransitionTime',
  'previousStateTransitionTime',
  'lastModified',
  'autoDeleteOnCompletion',
  'completionTimeToLive',
] as const satisfies readonly (keyof WireJob)[];
type Always = (typeof ALWAYS)[number];
type SelectedJob = Pick<WireJob, Always> & Partial<Omit<WireJob, Always>>;
const selectedJobSchema = jobSchema
  .partial()
  .required(Object.fromEntries(ALWAYS.map((field) => [field, true])) as Record<Always, true>);
const selectionOf = cutTo<WireJob, Always>(ALWAYS);

/** The jobs of an account, listed, paged and searched. */
@ApiTags('jobs')
@Controller('jobs')
export class JobListsController {
  constructor(private readonly lists: JobLists) {}

  @Get()
  @ApiOperation({ summary: 'All jobs, newest first' })
  @ApiQuery(TAG_QUERY)
  @ApiOkResponse({ standardSchema: z.array(jobSchema) })
  async list(@CurrentAccount() account: Account, @Query('tag') tag?: string | string[]): Promise<WireJob[]> {
    return (await this.lists.byTags(account.id, tagsOf(tag))).map(jobView);
  }

  @Post('paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'One page of jobs' })
  @ApiOkResponse({ standardSchema: pageOf(jobSchema) })
  async page(
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WireJob>> {
    const page = await this.lists.page(account.id, request);
    return { ...page, data: page.data.map(jobView) };
  }

  @Post('search')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'Jobs that match a filter' })
  @ApiOkResponse({ standardSchema: z.array(selectedJobSchema) })
  async search(
    @WireBody(searchRequestSchema) request: SearchRequest,
    @CurrentAccount() account: Account,
  ): Promise<SelectedJob[]> {
    const jobs = await this.lists.search(account.id, request.filter, request.maximumResults);
    return jobs.map(jobView).map(selectionOf(request.select));
  }
}
