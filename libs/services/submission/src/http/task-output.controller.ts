import type { Readable } from 'node:stream';
import { Controller, Get, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/service-kit';
import { LogReader } from '../logs/log-reader.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { answerOf, PLAIN, TEXT } from './text-answer.js';

/** What the instances of a task print: GET gives all of it, POST what is new since the last POST. */
@ApiTags('tasks')
@Controller('tasks/:id')
export class TaskOutputController {
  constructor(
    private readonly reader: LogReader,
    private readonly outputs: OutputLookup,
  ) {}

  @Get(['stdout', 'stdout/:instance'])
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard output so far' })
  @ApiOkResponse(TEXT)
  async stdout(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer | Readable> {
    return answerOf(this.reader.whole(await this.outputs.find(account, id, 'stdout', instance)));
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
  ): Promise<Buffer | Readable> {
    return answerOf(this.reader.fresh(await this.outputs.find(account, id, 'stdout', instance)));
  }

  @Get(['stderr', 'stderr/:instance'])
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard error so far' })
  @ApiOkResponse(TEXT)
  async stderr(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer | Readable> {
    return answerOf(this.reader.whole(await this.outputs.find(account, id, 'stderr', instance)));
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
  ): Promise<Buffer | Readable> {
    return answerOf(this.reader.fresh(await this.outputs.find(account, id, 'stderr', instance)));
  }
}
