import type { Readable } from 'node:stream';
import { Controller, Get, Header, Headers, HttpCode, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { OutputStream } from '@fornax/contracts';
import { Idempotent, JsonTextInterceptor } from '@fornax/service-kit';
import { type Account, CurrentAccount } from '@fornax/identity';
import { LogReader } from '../queries/log-reader.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { answerOf, KEPT_TEXT, PLAIN, TEXT, wholeOf } from './text-answer.js';

/** With a key, a reader that lost the answer gets the same bytes again; otherwise they are given once. */
const oncePerKey = { service: 'submission', repeatable: false, form: KEPT_TEXT } as const;

/** What the instances of a task print: GET gives all of it, POST what is new since the last POST. */
@ApiTags('tasks')
@Controller('tasks/:id')
@UseInterceptors(JsonTextInterceptor)
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
  @Idempotent(oncePerKey)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard output since the last POST' })
  @ApiOkResponse(TEXT)
  freshStdout(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
    @Headers('idempotency-key') key?: string,
  ): Promise<Buffer | Readable> {
    return this.fresh(account, id, 'stdout', instance, key);
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
  @Idempotent(oncePerKey)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'Standard error since the last POST' })
  @ApiOkResponse(TEXT)
  freshStderr(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance?: string,
    @Headers('idempotency-key') key?: string,
  ): Promise<Buffer | Readable> {
    return this.fresh(account, id, 'stderr', instance, key);
  }

  private async fresh(
    account: Account,
    id: string,
    stream: OutputStream,
    instance: string | undefined,
    key: string | undefined,
  ): Promise<Buffer | Readable> {
    const of = await this.outputs.find(account, id, stream, instance, 'own');
    return key === undefined || key.trim() === ''
      ? answerOf(this.reader.fresh(of))
      : wholeOf(this.reader.fresh(of, true));
  }
}
