import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiForbiddenResponse, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  createdSchema,
  jobCreationSchema,
  jobSchema,
  taskSchema,
  type JobCreation,
  type WireJob,
  type WireTask,
} from '@fornax/contracts';
import { Idempotent, WireBody } from '@fornax/service-kit';
import { type Account, CurrentAccount, CurrentContext, type RequestContext } from '@fornax/identity';
import { TaskAnswers, TasksOfJobs } from '@fornax/tasks';
import { z } from 'zod';
import { CreateJob } from '../commands/create-job.handler.js';
import { EndJob } from '../commands/end-job.handler.js';
import { JobLookup } from '../queries/job-lookup.js';
import { jobView } from '../queries/job-view.js';
import { CreatesJob } from './creates-job.js';

/** `True`, `true` and `1`: one client sends the first, another the second (contract, section 2.4). */
const isYes = (value: unknown): boolean => typeof value === 'string' && ['true', '1'].includes(value.toLowerCase());

/** One job: create, read, end. */
@ApiTags('jobs')
@Controller('jobs')
export class JobsController {
  constructor(
    private readonly creations: CreateJob,
    private readonly ends: EndJob,
    private readonly lookup: JobLookup,
    private readonly tasks: TasksOfJobs,
    private readonly answers: TaskAnswers,
  ) {}

  @CreatesJob()
  @ApiOperation({ summary: 'Create a job, which tasks name as they are submitted' })
  @ApiOkResponse({
    standardSchema: createdSchema,
    headers: { location: { description: 'Path of the job', schema: { type: 'string' } } },
  })
  @ApiForbiddenResponse({ description: 'The account has as many jobs as it may' })
  async create(
    @WireBody(jobCreationSchema) body: JobCreation,
    @CurrentContext() context: RequestContext,
  ): Promise<{ readonly uuid: string }> {
    return { uuid: await this.creations.create(body, context) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a job by its id or shortname' })
  @ApiOkResponse({ standardSchema: jobSchema })
  async read(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireJob> {
    const job = await this.lookup.find(account, id);
    const { tasks = 0, unfinished = 0 } = (await this.tasks.counts([job.job_id])).get(job.job_id) ?? {};
    return { ...jobView(job), fornax: { taskCount: tasks, unfinishedTaskCount: unfinished } };
  }

  @Get(':id/tasks')
  @ApiOperation({ summary: 'The tasks of a job, oldest first' })
  @ApiOkResponse({ standardSchema: z.array(taskSchema) })
  async tasksOf(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireTask[]> {
    const { job_id: jobId } = await this.lookup.find(account, id);
    return this.answers.whole(await this.tasks.list(jobId));
  }

  @Post(':id/terminate')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: true })
  @ApiOperation({
    summary: 'End a job: what has not ended of its tasks is cancelled, in a large job behind the answer',
  })
  async terminate(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.ends.terminate(id, context);
  }

  @Delete(':id')
  @ApiOperation({
    summary:
      'Delete a job; with force its tasks, too, running ones included: those of a large job go behind the answer',
  })
  @ApiQuery({
    name: 'force',
    required: false,
    description: 'true: also while tasks of it are not over, and with all of them',
  })
  @ApiOkResponse()
  @ApiForbiddenResponse({ description: 'Tasks of it are not over, and force is not used' })
  async delete(
    @Param('id') id: string,
    @CurrentContext() context: RequestContext,
    @Query('force') force?: unknown,
  ): Promise<void> {
    await this.ends.delete(id, isYes(force), context);
  }
}
