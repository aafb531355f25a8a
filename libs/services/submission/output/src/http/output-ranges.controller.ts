import type { Readable } from 'node:stream';
import {
  applyDecorators,
  Controller,
  createParamDecorator,
  Get,
  Param,
  Res,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { CurrentAccount, type Account } from '@fornax/identity';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LogReader } from '../queries/log-reader.js';
import { RangeReader } from '../queries/range-reader.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { Asked, type AskedOutput } from './asked-output.js';
import { isSatisfiable, rangeOf, type RangeQuery, type RangeWish } from './output-range.js';
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

/** Parameter: the bytes that are wanted. @throws Invalid */
const AskedRange = createParamDecorator((_: unknown, context: ExecutionContext): RangeWish => {
  const { query, headers } = context.switchToHttp().getRequest<FastifyRequest<{ Querystring: RangeQuery }>>();
  return rangeOf({ ...query, range: headers.range });
});

/** Output beyond the contract: all of it, however much, and any part of an instance's by byte offset. */
@ApiTags('output')
@Controller(['fornax/v1/tasks/:id', 'fornax/v1/pools/:id'])
export class OutputRangesController {
  constructor(
    private readonly reader: LogReader,
    private readonly ranges: RangeReader,
    private readonly outputs: OutputLookup,
  ) {}

  @Get(['stdout', 'stderr'])
  @ApiOperation({ summary: 'All of a stream so far, however much' })
  @ApiOkResponse(TEXT)
  async all(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Asked() asked: AskedOutput,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    const of = await this.outputs.find(account, id, asked, undefined);
    const answer = await answerOf(this.reader.whole(of, true));
    reply.header('content-type', PLAIN);
    return answer;
  }

  @Get(['instances/:instance/stdout', 'instances/:instance/stderr'])
  @ApiOperation({ summary: 'A stream of an instance, or a range of its bytes' })
  @AnswersRange()
  async part(
    @CurrentAccount() account: Account,
    @Param('id') id: string,
    @Param('instance') instance: string,
    @Asked() asked: AskedOutput,
    @AskedRange() wish: RangeWish,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    const output = await this.outputs.findInstance(account, id, asked, instance);
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
