import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  pageOf,
  pageRequestSchema,
  searchRequestSchema,
  taskSchema,
  taskSummarySchema,
  type Page,
  type PageRequest,
  type SearchRequest,
  type WireTask,
  type WireTaskSummary,
} from '@fornax/contracts';
import { WireBody } from '@fornax/service-kit';
import { type Account, BodyLimit, CurrentAccount, LARGE_BODY } from '@fornax/identity';
import { z } from 'zod';
import { TaskLists } from '../queries/task-lists.js';
import { selectedTaskSchema, selectionOf, type SelectedTask } from './selected-fields.js';
import { TAG_QUERY, tagsOf } from './tag-query.js';
import { TaskAnswers } from './task-answers.js';

/** The tasks of an account, listed, paged and searched. */
@ApiTags('tasks')
@Controller('tasks')
export class TaskListsController {
  constructor(
    private readonly lists: TaskLists,
    private readonly answers: TaskAnswers,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All tasks, newest first' })
  @ApiQuery(TAG_QUERY)
  @ApiOkResponse({ standardSchema: z.array(taskSchema) })
  async list(@CurrentAccount() account: Account, @Query('tag') tag?: string | string[]): Promise<WireTask[]> {
    return this.answers.whole(await this.lists.byTags(account.id, tagsOf(tag)));
  }

  @Get('summaries')
  @ApiOperation({ summary: 'All tasks in short, newest first' })
  @ApiQuery(TAG_QUERY)
  @ApiOkResponse({ standardSchema: z.array(taskSummarySchema) })
  async summaries(
    @CurrentAccount() account: Account,
    @Query('tag') tag?: string | string[],
  ): Promise<WireTaskSummary[]> {
    return this.answers.summaries(await this.lists.summariesByTags(account.id, tagsOf(tag)));
  }

  @Post('paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'One page of tasks' })
  @ApiOkResponse({ standardSchema: pageOf(taskSchema) })
  async page(
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WireTask>> {
    const page = await this.lists.page(account.id, request);
    return { ...page, data: await this.answers.whole(page.data) };
  }

  @Post('summaries/paginate')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'One page of tasks in short' })
  @ApiOkResponse({ standardSchema: pageOf(taskSummarySchema) })
  async summaryPage(
    @WireBody(pageRequestSchema) request: PageRequest,
    @CurrentAccount() account: Account,
  ): Promise<Page<WireTaskSummary>> {
    const page = await this.lists.summaryPage(account.id, request);
    return { ...page, data: this.answers.summaries(page.data) };
  }

  @Post('search')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @ApiOperation({ summary: 'Tasks that match a filter' })
  @ApiOkResponse({ standardSchema: z.array(selectedTaskSchema) })
  async search(
    @WireBody(searchRequestSchema) request: SearchRequest,
    @CurrentAccount() account: Account,
  ): Promise<SelectedTask[]> {
    const tasks = await this.lists.search(account.id, request.filter, request.maximumResults);
    return (await this.answers.whole(tasks)).map(selectionOf(request.select));
  }
}
