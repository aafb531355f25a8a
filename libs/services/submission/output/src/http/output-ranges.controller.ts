import type { Readable } from 'node:stream';
import { applyDecorators, Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { OutputStream } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { LogReader } from '../queries/log-reader.js';
import { RangeReader } from '../queries/range-reader.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { isSatisfiable, rangeOf, type RangeQuery } from './output-range.js';
import { answerOf, PLAIN, TEXT } from './text-answer.js';

const HEADERS = {
  'Fornax-Attempt': 'the attempt that printed it',
  'Fornax-Offset': 'where the bytes begin',
  'Fornax-Next-Offset': 'where the next read goes on',
  'Fornax-Total-Bytes': 'what the attempt has printed so far',
  'Fornax-End': '`true` when nothing will follow these bytes',
};
const RANGE = {
  ...TEXT,
  headers: Object.fromEntries(
    Object.entries(HEADERS).map(([name, description]) => [name, { description, schema: { type: 'string' as const } }]),
  ),
};

/** For the OpenAPI document: what may be asked for, and what comes. */
const AnswersRange = (): MethodDecorator =>
  applyDecorators(
    ApiQuery({ name: 'offset', required: false, schema: { type: 'integer', minimum: 0 } }),
    ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 0 } }),
    ApiHeader({ name: 'range', required: false, description: 'bytes=<first>-<last>, instead of offset and limit' }),
    ApiOkResponse(RANGE),
    ApiResponse({ ...RANGE, status: 206, description: 'The part that `Range` named' }),
    ApiResponse({ status: 416, description: 'The output ends before the range begins' }),
  );

/** Output beyond the contract: all of it, however much, and any part of an instance's by byte offset. */
@ApiTags('output')
@Controller('fornax/v1/tasks/:id')
export class OutputRangesController {
  constructor(
    private readonly reader: LogReader,
    private readonly ranges: RangeReader,
    private readonly outputs: OutputLookup,
  ) {}

  @Get('stdout')
  @ApiOperation({ summary: 'All standard output so far, however much' })
  @ApiOkResponse(TEXT)
  stdout(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    return this.all(account, id, 'stdout', reply);
  }

  @Get('stderr')
  @ApiOperation({ summary: 'All standard error so far, however much' })
  @ApiOkResponse(TEXT)
  stderr(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    return this.all(account, id, 'stderr', reply);
  }

  @Get('instances/:instance/stdout')
  @ApiOperation({ summary: 'Standard output of an instance, or a range of its bytes' })
  @AnswersRange()
  instanceStdout(
    @CurrentAccount() account: Account,
    @Param() { id = '', instance = '' }: Readonly<Record<string, string>>,
    @Query() query: RangeQuery,
    @Headers('range') range: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    return this.part(account, { id, instance, stream: 'stdout' }, { ...query, range }, reply);
  }

  @Get('instances/:instance/stderr')
  @ApiOperation({ summary: 'Standard error of an instance, or a range of its bytes' })
  @AnswersRange()
  instanceStderr(
    @CurrentAccount() account: Account,
    @Param() { id = '', instance = '' }: Readonly<Record<string, string>>,
    @Query() query: RangeQuery,
    @Headers('range') range: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    return this.part(account, { id, instance, stream: 'stderr' }, { ...query, range }, reply);
  }

  private async all(
    account: Account,
    id: string,
    stream: OutputStream,
    reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    const of = await this.outputs.find(account, id, stream, undefined);
    const answer = await answerOf(this.reader.whole(of, true));
    reply.header('content-type', PLAIN);
    return answer;
  }

  private async part(
    account: Account,
    of: { readonly id: string; readonly instance: string; readonly stream: OutputStream },
    query: RangeQuery & { readonly range: string | undefined },
    reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    const wish = rangeOf(query);
    const output = await this.outputs.findInstance(account, of.id, of.stream, of.instance);
    const found =
      wish.kind === 'last'
        ? await this.ranges.readLast(output, wish.bytes)
        : await this.ranges.read(output, wish.from, wish.to);
    if (wish.isHttpRange && !isSatisfiable(wish, found)) {
      reply.code(416).header('content-range', `bytes */${found.totalBytes}`).header('content-type', 'application/json');
      return Buffer.from(JSON.stringify({ message: `The output has ${found.totalBytes} bytes so far` }));
    }
    const answer = await answerOf(found.bytes);
    const { attempt, offset, nextOffset, totalBytes, isOver } = found;
    reply
      .header('content-type', PLAIN)
      .header('accept-ranges', 'bytes')
      .header('fornax-attempt', String(attempt))
      .header('fornax-offset', String(offset))
      .header('fornax-next-offset', String(nextOffset))
      .header('fornax-total-bytes', String(totalBytes))
      .header('fornax-end', String(isOver && nextOffset === totalBytes));
    if (wish.isHttpRange)
      reply.code(206).header('content-range', `bytes ${offset}-${nextOffset - 1}/${isOver ? totalBytes : '*'}`);
    return answer;
  }
}
