import { applyDecorators, Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import {
  createdSchema,
  jobDocumentJsonSchema,
  jobDocumentSchema,
  jobGraphSchema,
  jobRepetitionSchema,
  rightsSchema,
  type JobDocument,
  type JobRepetition,
  type WireJobGraph,
  type WireRights,
} from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { CLOCK, DocumentBody } from '@fornax/service-kit';
import {
  type Account,
  BodyLimit,
  CurrentAccount,
  CurrentContext,
  LARGE_BODY,
  type RequestContext,
} from '@fornax/identity';
import { ValidationFailed, type Clock } from '@fornax/base';
import { TasksOfJobs } from '@fornax/tasks';
import type { FastifyReply } from 'fastify';
import { CreateJob } from '../commands/create-job.handler.js';
import { RepeatJob } from '../commands/repeat-job.handler.js';
import { inFieldsOf } from '../model/document-fields.js';
import { tasksOfDocument } from '../model/tasks-of-document.js';
import { dotOf, jobGraph } from '../queries/job-graph.js';
import { JobLookup } from '../queries/job-lookup.js';
import { CreatesJob } from './creates-job.js';

interface Created {
  readonly uuid: string;
}

/** A route that makes a job of this one. */
const Makes = (kind: OriginKind, summary: string): MethodDecorator =>
  applyDecorators(
    CreatesJob(`:id/${kind}`),
    ApiOperation({ summary }),
    ApiOkResponse({ standardSchema: createdSchema }),
  );

/** Jobs as a whole: created with their tasks from a document, shown as a graph, run again. */
@ApiTags('jobs')
@Controller('fornax/v1/jobs')
export class WholeJobsController {
  @Inject(CLOCK) private readonly clock!: Clock;

  constructor(
    private readonly creations: CreateJob,
    private readonly repetitions: RepeatJob,
    private readonly lookup: JobLookup,
    private readonly tasks: TasksOfJobs,
  ) {}

  @CreatesJob()
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Create a job with all of its tasks from one document, or nothing' })
  @ApiOkResponse({ standardSchema: createdSchema })
  async create(
    @DocumentBody(jobDocumentSchema) document: JobDocument,
    @CurrentContext() context: RequestContext,
  ): Promise<Created> {
    const { name, shortname, tags, pool, maxWallTime, autoDeleteOnCompletion, completionTimeToLive } = document;
    const creation = {
      name,
      shortname,
      tags,
      poolUuid: pool,
      maxWallTime,
      autoDeleteOnCompletion,
      completionTimeToLive,
    };
    const asked = { creation: { ...creation, useDependencies: true }, body: document, way: ['job-document'] };
    const uuid = await this.creations
      .createAsked({ ...asked, ...tasksOfDocument(document) }, context)
      .catch((error: unknown) => {
        throw error instanceof ValidationFailed ? new ValidationFailed(inFieldsOf(document, error.errors)) : error;
      });
    return { uuid };
  }

  @Get('schema')
  @ApiOperation({ summary: 'The JSON Schema of job documents' })
  schema(): object {
    return jobDocumentJsonSchema();
  }

  @Get(':id/graph')
  @ApiOperation({ summary: 'The tasks of a job and what they wait for, with the critical path and the expected end' })
  @ApiQuery({ name: 'format', required: false, description: 'json (default), or dot: the language of Graphviz' })
  @ApiProduces('application/json', 'text/vnd.graphviz')
  @ApiOkResponse({ standardSchema: jobGraphSchema })
  async graph(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query('format') format: unknown = 'json',
  ): Promise<WireJobGraph | string> {
    if (format !== 'json' && format !== 'dot') throw new ValidationFailed({ format: ['must be json or dot'] });
    const job = await this.lookup.find(account, id);
    const graph = jobGraph(job, await this.tasks.shape(job.job_id), this.clock.now());
    if (format === 'json') return graph;
    reply.header('content-type', 'text/vnd.graphviz; charset=utf-8');
    return dotOf(graph);
  }

  @Get(':id/rights')
  @ApiOperation({ summary: 'Whose a job is, and what you may do with it' })
  @ApiOkResponse({ standardSchema: rightsSchema })
  rights(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireRights> {
    return this.lookup.rights(account, id);
  }

  @Makes('clone', 'Make a job like this one, with copies of all of its tasks')
  clone(
    @Param('id') id: string,
    @DocumentBody(jobRepetitionSchema) changes: JobRepetition,
    @CurrentContext() context: RequestContext,
  ): Promise<Created> {
    return this.repeat('clone', id, changes, context);
  }

  @Makes('retry', 'Make a job of the tasks of a finished one that failed, or could not start because of it')
  retry(
    @Param('id') id: string,
    @DocumentBody(jobRepetitionSchema) changes: JobRepetition,
    @CurrentContext() context: RequestContext,
  ): Promise<Created> {
    return this.repeat('retry', id, changes, context);
  }

  @Makes('resume', 'Make a job of the cancelled tasks of a finished one')
  resume(
    @Param('id') id: string,
    @DocumentBody(jobRepetitionSchema) changes: JobRepetition,
    @CurrentContext() context: RequestContext,
  ): Promise<Created> {
    return this.repeat('resume', id, changes, context);
  }

  @Makes('recover', 'Make a job of the failed and cancelled tasks of a finished one')
  recover(
    @Param('id') id: string,
    @DocumentBody(jobRepetitionSchema) changes: JobRepetition,
    @CurrentContext() context: RequestContext,
  ): Promise<Created> {
    return this.repeat('recover', id, changes, context);
  }

  private async repeat(
    kind: OriginKind,
    id: string,
    changes: JobRepetition,
    context: RequestContext,
  ): Promise<Created> {
    return { uuid: await this.repetitions.repeat(kind, id, changes, context) };
  }
}
