import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  pageOf,
  pageRequestSchema,
  poolSchema,
  poolSummarySchema,
  searchRequestSchema,
  type Page,
  type PageRequest,
  type SearchRequest,
  type WirePool,
  type WirePoolSummary,
} from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { type Account, BodyLimit, CurrentAccount, LARGE_BODY } from '@fornax/identity';
import { cutTo, TAG_QUERY, tagsOf } from '@fornax/tasks';
import { z } from 'zod';
import { PoolAnswers } from '../queries/pool-answers.js';
import { PoolLists } from '../queries/pool-lists.js';

/** What the clients cannot do without, or cannot take as null, stays in every answer (contract, section 3.0). */
const ALWAYS = [
  'uuid',
  'creationDate',
  'errors',
  'constants',
  'hardwareConstraints',
  'forcedNetworkRules',
  'instanceCount',
  'elasticProperty',
  'privileges',
  'defaultRetrySettings',
  'secretsAccessRights',
  'stateTransitionTime',
  'previousStateTransitionTime',
  'lastModified',
  'endDate',
  'autoDeleteOnCompletion',
  'completionTimeToLive',
  'poolUsage',
  'totalSlotCapacity',
  'queuedOrRunningTaskInstancesCount',
] as const satisfies readonly (keyof WirePool)[];
const selectionOf = cutTo<WirePool, (typeof ALWAYS)[number]>(ALWAYS);
type SelectedPool = ReturnType<ReturnType<typeof selectionOf>>;

/** The pools of an account, listed, paged and searched. */
@ApiTags('pools')
@Controller(['pools', 'pool'])
export class PoolListsController {
  constructor(
    private readonly lists: PoolLists,
    private readonly answers: PoolAnswers,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All pools, newest first' })
  @ApiQuery(TAG_QUERY)
  @ApiOkResponse({ standardSchema: z.array(poolSchema) })
  async list(@CurrentAccount() account: Account, @Query('tag') tag?: string | string[]): Promise<WirePool[]> {
    return this.answers.whole(await this.lists.byTags(account.id, tagsOf(tag)));
  }

  @Get('summaries')
  @ApiOperation({ summary: 'All pools in short, newest first' })
  @ApiQuery(TAG_QUERY)
  @ApiOkResponse({ standardSchema: z.array(poolSummarySchema) })
  async summaries(
    @CurrentAccount() account: Account,
    @Query('tag') tag?: string | string[],
  ): Promise<WirePoolSummary[]> {
    return this.answers.summaries(await this.lists.byTags(account.id, tagsOf(tag)));
  }

  @Post('paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'One page of pools' })
  @ApiOkResponse({ standardSchema: pageOf(poolSchema) })
  async page(
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WirePool>> {
    const page = await this.lists.page(account.id, request);
    return { ...page, data: await this.answers.whole(page.data) };
  }

  @Post('summaries/paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'One page of pools in short' })
  @ApiOkResponse({ standardSchema: pageOf(poolSummarySchema) })
  async summaryPage(
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WirePoolSummary>> {
    const page = await this.lists.page(account.id, request);
    return { ...page, data: await this.answers.summaries(page.data) };
  }

  @Post('search')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'Pools that match a filter' })
  @ApiOkResponse({ standardSchema: z.array(poolSchema.partial()) })
  async search(
    @WireBody(searchRequestSchema) request: SearchRequest,
    @CurrentAccount() account: Account,
  ): Promise<SelectedPool[]> {
    const pools = await this.lists.search(account.id, request.filter, request.maximumResults);
    return (await this.answers.whole(pools)).map(selectionOf(request.select));
  }
}
