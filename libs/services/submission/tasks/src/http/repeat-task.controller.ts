import { applyDecorators, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { createdSchema, taskCloneSchema, taskRetrySchema, type TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { WireBody } from '@fornax/service-kit';
import { type Account, CurrentAccount, CurrentContext, type RequestContext } from '@fornax/identity';
import { Invalid } from '@fornax/base';
import { RepeatTask } from '../commands/repeat-task.handler.js';
import { TaskLookup } from '../queries/task-lookup.js';
import { CreatesTasks } from './created-tasks.js';

interface Created {
  readonly uuid: string;
}

/** A route that makes a task of this one. */
const Makes = (kind: OriginKind, summary: string): MethodDecorator =>
  applyDecorators(
    Post(kind),
    CreatesTasks(),
    ApiOperation({ summary }),
    ApiOkResponse({ standardSchema: createdSchema }),
  );
const Clone = (): ParameterDecorator => WireBody(taskCloneSchema);
const Retry = (): ParameterDecorator => WireBody(taskRetrySchema);

/** Tasks made from other tasks. A body is optional: what it names is changed in the copy. */
@ApiTags('tasks')
@Controller('tasks/:id')
export class RepeatTaskController {
  constructor(
    private readonly repetitions: RepeatTask,
    private readonly lookup: TaskLookup,
  ) {}

  @Makes('clone', 'Make a copy of a task, with all its instances')
  clone(@Param('id') id: string, @Clone() changes: TaskRepetition, @CurrentContext() context: RequestContext) {
    return this.repeat('clone', id, changes, context);
  }

  @Makes('retry', 'Make a task of the failed instances of a finished one')
  retry(@Param('id') id: string, @Retry() changes: TaskRepetition, @CurrentContext() context: RequestContext) {
    return this.repeat('retry', id, changes, context);
  }

  @Makes('resume', 'Make a task of the cancelled instances of a finished one')
  resume(@Param('id') id: string, @Retry() changes: TaskRepetition, @CurrentContext() context: RequestContext) {
    return this.repeat('resume', id, changes, context);
  }

  @Makes('recover', 'Make a task of the failed and cancelled instances of a finished one')
  recover(@Param('id') id: string, @Retry() changes: TaskRepetition, @CurrentContext() context: RequestContext) {
    return this.repeat('recover', id, changes, context);
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
    context: RequestContext,
  ): Promise<Created> {
    return { uuid: await this.repetitions.repeat(kind, id, changes, context) };
  }
}
