import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiPaymentRequiredResponse, ApiTags } from '@nestjs/swagger';
import {
  createdSchema,
  jobSchema,
  poolCloneSchema,
  poolCreationSchema,
  poolSchema,
  poolUpdateSchema,
  taskSchema,
  type PoolCreation,
  type PoolUpdate,
  type WireJob,
  type WirePool,
  type WireTask,
} from '@fornax/contracts';
import {
  type Account,
  BodyLimit,
  CurrentAccount,
  CurrentContext,
  LARGE_BODY,
  type RequestContext,
} from '@fornax/identity';
import { JobLists, jobView } from '@fornax/jobs';
import { Idempotent, WireBody } from '@fornax/service-kit';
import { PoolTasks, TaskAnswers } from '@fornax/tasks';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ChangePool } from '../commands/change-pool.handler.js';
import { ClonePool } from '../commands/clone-pool.handler.js';
import { CreatePool } from '../commands/create-pool.handler.js';
import type { PoolCopy } from '../commands/pool-copy.js';
import { PoolAnswers } from '../queries/pool-answers.js';
import { PoolLookup } from '../queries/pool-lookup.js';

const scalingSchema = poolSchema.shape.scaling;
const repeatable = {
  service: 'submission',
  repeatable: true,
  objectsOf: (body: unknown) => {
    const made = createdSchema.safeParse(body);
    return made.success ? [made.data.uuid] : [];
  },
} as const;

/** One pool: create, read, change, end. `/pool` is what one client says (contract, 5.28). */
@ApiTags('pools')
@Controller(['pools', 'pool'])
export class PoolsController {
  constructor(
    private readonly creation: CreatePool,
    private readonly clones: ClonePool,
    private readonly changes: ChangePool,
    private readonly lookup: PoolLookup,
    private readonly answers: PoolAnswers,
  ) {}

  @Post()
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @Idempotent(repeatable)
  @ApiOperation({ summary: 'Create a pool' })
  @ApiOkResponse({
    standardSchema: createdSchema,
    headers: { location: { description: 'Path of the pool', schema: { type: 'string' } } },
  })
  @ApiPaymentRequiredResponse()
  @ApiNotFoundResponse({ description: 'There is no such bucket' })
  async create(
    @WireBody(poolCreationSchema) body: PoolCreation,
    @CurrentContext() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ uuid: string }> {
    const uuid = await this.creation.create(body, context);
    reply.header('location', `/pools/${uuid}`);
    return { uuid };
  }

  @Post(':id/clone')
  @BodyLimit(LARGE_BODY)
  @HttpCode(200)
  @Idempotent(repeatable)
  @ApiOperation({ summary: 'Create a pool like this one, but for what the body says' })
  @ApiOkResponse({ standardSchema: createdSchema })
  async clone(
    @Param('id') id: string,
    @WireBody(poolCloneSchema) body: PoolCopy,
    @CurrentContext() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ uuid: string }> {
    const uuid = await this.clones.clone(id, body, context);
    reply.header('location', `/pools/${uuid}`);
    return { uuid };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a pool by its id or shortname' })
  @ApiOkResponse({ standardSchema: poolSchema })
  async read(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WirePool> {
    return this.answers.alone(await this.lookup.find(account, id));
  }

  @Put(':id')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Change constants, tags and the size, where given; everything else in the body is ignored' })
  async update(
    @Param('id') id: string,
    @WireBody(poolUpdateSchema) body: PoolUpdate,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.changes.update(id, body, context);
  }

  @Patch(':id')
  @BodyLimit(LARGE_BODY)
  @ApiOperation({ summary: 'Fetch new and changed resources in all slots; 400 when the pool ends or is over' })
  async updateResources(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.updateResources(id, context);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Delete a pool; its tasks are cancelled first' })
  async delete(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.delete(id, context);
  }

  @Post(':id/close')
  @HttpCode(200)
  @Idempotent({ service: 'submission', repeatable: true })
  @ApiOperation({
    summary: 'Close a pool: running tasks are finished, new ones are refused; 403 when it is not running',
  })
  async close(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<void> {
    await this.changes.close(id, context);
  }

  @Get(':id/scaling')
  @ApiOperation({ summary: 'The scaling of a pool, as it was sent, with the active policy' })
  @ApiOkResponse({ standardSchema: scalingSchema })
  async scaling(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WirePool['scaling']> {
    return (await this.answers.alone(await this.lookup.find(account, id))).scaling;
  }

  @Put(':id/scaling')
  @ApiOperation({ summary: 'Change the scaling of a pool' })
  async scale(
    @Param('id') id: string,
    @Body() scaling: unknown,
    @CurrentContext() context: RequestContext,
  ): Promise<void> {
    await this.changes.scale(id, scaling, context);
  }
}

/** What is in a pool. */
@ApiTags('pools')
@Controller(['pools', 'pool'])
export class PoolContentsController {
  constructor(
    private readonly lookup: PoolLookup,
    private readonly tasks: PoolTasks,
    private readonly jobLists: JobLists,
    private readonly shown: TaskAnswers,
  ) {}

  @Get(':id/jobs')
  @ApiOperation({ summary: 'The jobs whose tasks run in a pool, newest first' })
  @ApiOkResponse({ standardSchema: z.array(jobSchema) })
  async jobs(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireJob[]> {
    const { poolId, fold } = await this.lookup.find(account, id);
    return (await this.jobLists.ofPool(fold.owner, poolId)).map(jobView);
  }

  @Get(':id/tasks')
  @ApiOperation({ summary: 'The tasks of a pool, newest first' })
  @ApiOkResponse({ standardSchema: z.array(taskSchema) })
  async list(@Param('id') id: string, @CurrentAccount() account: Account): Promise<WireTask[]> {
    const { poolId } = await this.lookup.find(account, id);
    return this.shown.whole(await this.tasks.of(poolId));
  }
}
