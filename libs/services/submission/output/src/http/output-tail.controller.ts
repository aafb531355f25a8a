import { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { EVENT_STREAM_CONTENT } from '@fornax/service-kit';
import { CurrentAccount, type Account } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { OutputTail } from '../queries/output-tail.js';
import { parseTailPosition } from '../model/tail-events.js';
import { Asked, type AskedOutput } from './asked-output.js';
import { OutputLookup } from '../queries/output-lookup.js';

const EVENTS = {
  description: 'Server-sent events: pieces of output as JSON; `reset`; `end`',
  content: EVENT_STREAM_CONTENT,
};
const LAST_EVENT_ID = {
  name: 'last-event-id',
  required: false,
  description: 'The id of the last event that was read: the tail goes on behind it',
};
const QUERY_ID = { name: 'lastEventId', required: false, description: 'The same, for clients that set no headers' };

/** Output as it is printed, for a reader with a cursor of its own. */
@ApiTags('output')
@Controller(['fornax/v1/tasks/:id', 'fornax/v1/pools/:id'])
export class OutputTailController {
  constructor(
    private readonly tails: OutputTail,
    private readonly outputs: OutputLookup,
  ) {}

  @Get(['stdout/tail', 'stderr/tail', 'instances/:instance/stdout/tail', 'instances/:instance/stderr/tail'])
  @ApiOperation({ summary: 'A stream as it comes' })
  @ApiHeader(LAST_EVENT_ID)
  @ApiQuery(QUERY_ID)
  @ApiOkResponse(EVENTS)
  async tail(
    @CurrentAccount() account: Account,
    @Param() { id = '', instance }: Readonly<Record<string, string>>,
    @Asked() asked: AskedOutput,
    @Headers('last-event-id') header: string | undefined,
    @Query('lastEventId') query: unknown,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    const lastEventId = header ?? textOf(query);
    const first = await this.outputs.find(account, id, asked, instance);
    const gone = new AbortController();
    // By its id: a shortname may be another task's by then.
    const look = () => this.outputs.find(account, first.task.taskId, asked, instance);
    const from =
      lastEventId === undefined || lastEventId === '' ? undefined : (parseTailPosition(lastEventId) ?? 'unknown');
    const events = Readable.from(this.tails.open(first, { look, from, signal: gone.signal }), {
      objectMode: false,
      highWaterMark: 16 * 1024,
    });
    // The generator may be waiting for news; it is told that nobody listens any more.
    events.once('close', () => gone.abort());
    reply
      .header('content-type', 'text/event-stream')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no');
    return events;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
