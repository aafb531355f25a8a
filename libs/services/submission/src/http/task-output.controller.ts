import { Controller, Get, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { has } from '@fornax/domain';
import type { OutputStream } from '@fornax/contracts';
import { CurrentAccount, NotFound, type Account } from '@fornax/service-kit';
import { LogReader, type OutputOf } from '../logs/log-reader.js';
import { TaskLookup } from '../queries/task-lookup.js';

const PLAIN = 'text/plain; charset=utf-8';
const TEXT = { description: 'The text, raw', content: { 'text/plain': { schema: { type: 'string' as const } } } };

/** What the instances of a task print: GET gives all of it, POST what is new since the last POST. */
@ApiTags('tasks')
@Controller('tasks/:id')
export class TaskOutputController {
  constructor(
    private readonly reader: LogReader,
    private readonly lookup: TaskLookup,
  ) {}

  @Get(['stdout', 'stdout/:instance'])
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard output so far' })
  @ApiOkResponse(TEXT)
  async stdout(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer> {
    return this.reader.whole(await this.find(account, id, 'stdout', instance));
  }

  @Post(['stdout', 'stdout/:instance'])
  @HttpCode(200)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard output since the last POST' })
  @ApiOkResponse(TEXT)
  async freshStdout(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer> {
    return this.reader.fresh(await this.find(account, id, 'stdout', instance));
  }

  @Get(['stderr', 'stderr/:instance'])
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard error so far' })
  @ApiOkResponse(TEXT)
  async stderr(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer> {
    return this.reader.whole(await this.find(account, id, 'stderr', instance));
  }

  @Post(['stderr', 'stderr/:instance'])
  @HttpCode(200)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard error since the last POST' })
  @ApiOkResponse(TEXT)
  async freshStderr(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer> {
    return this.reader.fresh(await this.find(account, id, 'stderr', instance));
  }

  /** @throws NotFound no such task, or an instance number that it does not have */
  private async find(
    account: Account,
    id: string,
    stream: OutputStream,
    instance: string | undefined,
  ): Promise<OutputOf> {
    const task = await this.lookup.find(account.id, id);
    if (instance === undefined) return { task, stream };
    const number = /^\d{1,10}$/.test(instance) ? Number(instance) : Number.NaN;
    if (Number.isNaN(number) || !has(task.fold.all, number))
      throw new NotFound(`No such instance of task ${id}: ${instance}`);
    return { task, stream, instance: number };
  }
}
