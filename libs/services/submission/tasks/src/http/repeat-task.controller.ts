import { applyDecorators, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { createdSchema, taskCloneSchema, taskRetrySchema, type TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import {
  type Account,
  BodyLimit,
  contextOf,
  CurrentAccount,
  Idempotent,
  LARGE_BODY,
  WireBody,
} from '@fornax/service-kit';
import { Invalid } from '@fornax/base';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RepeatTask } from '../commands/repeat-task.handler.js';
import { TaskLookup } from '../queries/task-lookup.js';
import { createsTasks } from './created-tasks.js';

interface Created {
  readonly uuid: string;
}

/** A route that makes a task of this one, once for each key. */
const Makes = (kind: OriginKind, summary: string): MethodDecorator =>
  applyDecorators(
    Post(kind),
    BodyLimit(LARGE_BODY),
    HttpCode(200),
    Idempotent(createsTasks),
    ApiOperation({ summary }),
    ApiOkResponse({ standardSchema: createdSchema }),
  );

/** Tasks made from other tasks. A body is optional: what it names is changed in the copy. */
@ApiTags('tasks')
@Controller('tasks/:id')
export class RepeatTaskController {
  constructor(
    private readonly repetitions: RepeatTask,
    private readonly lookup: TaskLookup,
  ) {}

  @Makes('clone', 'Make a copy of a task, with all its instances')
  clone(
    @Param('id') id: string,
    @WireBody(taskCloneSchema) changes: TaskRepetition,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Created> {
    return this.repeat('clone', id, changes, account, request, reply);
  }

  @Makes('retry', 'Make a task of the failed instances of a finished one')
  retry(
    @Param('id') id: string,
    @WireBody(taskRetrySchema) changes: TaskRepetition,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Created> {
    return this.repeat('retry', id, changes, account, request, reply);
  }

  @Makes('resume', 'Make a task of the cancelled instances of a finished one')
  resume(
    @Param('id') id: string,
    @WireBody(taskRetrySchema) changes: TaskRepetition,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Created> {
    return this.repeat('resume', id, changes, account, request, reply);
  }

  @Makes('recover', 'Make a task of the failed and cancelled instances of a finished one')
  recover(
    @Param('id') id: string,
    @WireBody(taskRetrySchema) changes: TaskRepetition,
    @CurrentAccount() account: Account,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Created> {
    return this.repeat('recover', id, changes, account, request, reply);
  }

  @Post('restart')
  @HttpCode(200)
  @ApiOperation({ summary: 'Not offered: retry, resume, recover and clone say what is meant', deprecated: true })
  @ApiBadRequestResponse()
  async restart(@Param('id') id: string, @CurrentAccount() account: Account): Promise<never> {
    await this.lookup.find(account, id);
    throw new Invalid('restart is deprecated and not offered: use clone, retry, resume or recover', {
      code: 'restart-deprecated',
    });
  }

  private async repeat(
    kind: OriginKind,
    id: string,
    changes: TaskRepetition,
    account: Account,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Created> {
    const uuid = await this.repetitions.repeat(kind, id, changes, contextOf(request, account));
    reply.header('location', `/tasks/${uuid}`);
    return { uuid };
  }
}
