import type { Readable } from 'node:stream';
import { Controller, Get, Header, Headers, HttpCode, Param, Post, UseInterceptors } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Idempotent, JsonTextInterceptor } from '@fornax/service-kit';
import { type Account, CurrentAccount } from '@fornax/identity';
import { LogReader } from '../queries/log-reader.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { Asked, type AskedOutput } from './asked-output.js';
import { answerOf, KEPT_TEXT, PLAIN, TEXT, wholeOf } from './text-answer.js';

/** With a key, a reader that lost the answer gets the same bytes again; otherwise they are given once. */
const oncePerKey = { service: 'submission', repeatable: false, form: KEPT_TEXT } as const;

const STREAMS = ['stdout', 'stdout/:instance', 'stderr', 'stderr/:instance'];

/** What the instances of a task and the slots of a pool print: GET gives all of it, POST what is new since the last POST. */
@ApiTags('output')
@Controller(['tasks/:id', 'pools/:id', 'pool/:id'])
@UseInterceptors(JsonTextInterceptor)
export class OutputController {
  constructor(
    private readonly reader: LogReader,
    private readonly outputs: OutputLookup,
  ) {}

  @Get(STREAMS)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'What was printed so far' })
  @ApiOkResponse(TEXT)
  async whole(
    @CurrentAccount() account: Account,
    @Asked() asked: AskedOutput,
    @Param('id') id: string,
    @Param('instance') instance?: string,
  ): Promise<Buffer | Readable> {
    return answerOf(this.reader.whole(await this.outputs.find(account, id, asked, instance)));
  }

  @Post(STREAMS)
  @HttpCode(200)
  @Idempotent(oncePerKey)
  @Header('content-type', PLAIN)
  @ApiOperation({ summary: 'What was printed since the last POST' })
  @ApiOkResponse(TEXT)
  async fresh(
    @CurrentAccount() account: Account,
    @Asked() asked: AskedOutput,
    @Param('id') id: string,
    @Param('instance') instance?: string,
    @Headers('idempotency-key') key?: string,
  ): Promise<Buffer | Readable> {
    const of = await this.outputs.find(account, id, asked, instance, 'own');
    return key === undefined || key.trim() === ''
      ? answerOf(this.reader.fresh(of))
      : wholeOf(this.reader.fresh(of, true));
  }
}
