import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Res } from '@nestjs/common';
import {
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiPaymentRequiredResponse,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import {
  bulkTaskResultSchema,
  createdSchema,
  taskCreationSchema,
  taskSchema,
  taskUpdateSchema,
  type BulkTaskResult,
  type TaskCreation,
  type TaskUpdate,
  type WireTask,
} from '@fornax/contracts';
import { Idempotent, type OneOrEach, WireBodies, WireBody } from '@fornax/service-kit';
import {
  type Account,
  BodyLimit,
  CurrentAccount,
  CurrentContext,
  LARGE_BODY,
  type RequestContext,
} from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ChangeTask } from '../commands/change-task.handler.js';
import { SubmitTask } from '../commands/submit-task.handler.js';
import { TaskLookup } from '../queries/task-lookup.js';
import { CreatesTasks } from './created-tasks.js';
import { TaskAnswers } from './task-answers.js';

const bulkResultsSchema = z.array(bulkTaskResultSchema);

/** One task: submit, read, change, end. */
@ApiTags('tasks')
@Controller('tasks')
export class TasksController {
  constructor(
    private readonly submissions: SubmitTask,
    private readonly changes: ChangeTask,
    private readonly lookup: TaskLookup,
    private readonly answers: TaskAnswers,
  ) {}

  @Post()
  @CreatesTasks()
  @ApiOperation({ summary: 'Submit a task, or several when the body is an array' })
  @ApiOkResponse({
    standardSchema: z.union([createdSchema, bulkResultsSchema]),
    description: 'The id of the task; for an array, one result for each item, in order',
    headers: { location: { description: 'Path of the task', schema: { type: 'string' } } },
  })
  @ApiResponse({ status: 207, standardSchema: bulkResultsSchema, description: 'Not all items of an array succeeded' })
  @ApiPaymentRequiredResponse()
  @ApiNotFoundResponse({ description: 'There is no such bucket' })
  async submit(
    @WireBodies(taskCreationSchema) body: OneOrEach<TaskCreation>,
    @CurrentContext() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ uuid: string } | readonly BulkTaskResult[]> {
    if ('one' in body) return { uuid: await this.submissions.submit(body.one, context) };
    const results = await this.submissions.submitAll(body.each, context);
    if (results.some(({ uuid }) => uuid === null)) reply.code(207);
    return results;
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a task by its id or shortname' })
  @ApiOkResponse({ standardSchema: taskSchema })
  async read(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireTask> {
    return this.answers.alone(await this.lookup.find(account, id));
  }

  @Put(':id')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Change constants and tags; everything else in the body is ignored' })
  async update(
    @Param('id') id: string,
    @WireBody(taskUpdateSchema) body: TaskUpdate,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.changes.update(id, body, context);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a task; a running one is cancelled first' })
  async delete(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.delete(id, context);
  }

  @Post(':id/abort')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: true })
  @ApiOperation({ summary: 'Cancel a task; 403 when it is finished' })
  async abort(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.abort(id, context);
  }

  @Patch(':id')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Fetch new and changed resources where the task runs; 400 when it does not run' })
  async updateResources(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.updateResources(id, context);
  }
}
