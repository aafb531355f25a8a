import { Readable } from 'node:stream';
import { Controller, Get, Inject, Res, type BeforeApplicationShutdown } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Conflict, type Clock, type MonotonicClock } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';
import { OperatorOnly } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { CLOCK, EVENT_LOG, MONOTONIC_CLOCK } from '../core/tokens.js';
import { EVENT_STREAM_CONTENT } from '../http/openapi/event-stream.js';
import { auditText } from './log-audit.js';

/** Lets an operator audit what the event log says: the platform looks at itself. */
@ApiTags('operations')
@Controller('fornax/v1/log')
export class LogAuditController implements BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private isRunning = false;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
  ) {}

  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  @OperatorOnly()
  @Get('audit')
  @ApiOperation({
    summary: 'Fold the event log from its beginning and check the invariants, as Server-Sent Events',
    description:
      'Messages: `progress`, each `finding` (what was run or billed twice, not billed, forgotten, written past the fence; with the task and the sequences), and at last ' +
      '`end` with how many there were, or `failed` with what kept the log from being read. One audit at a time.',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ content: EVENT_STREAM_CONTENT })
  @ApiConflictResponse({ description: 'An audit is under way' })
  audit(@Res() reply: FastifyReply): void {
    // Its `close` has been: nobody would say that this audit is over.
    if (reply.raw.destroyed) return;
    if (this.isRunning)
      throw new Conflict('An audit of the event log is under way: ask again when it is over', { code: 'audit-runs' });
    this.isRunning = true;
    const gone = new AbortController();
    reply.raw.once('close', () => {
      this.isRunning = false;
      gone.abort();
    });
    const text = auditText({
      log: this.log,
      now: () => this.clock.now(),
      elapsed: () => this.monotonic.elapsed(),
      signal: AbortSignal.any([gone.signal, this.stop.signal]),
    });
    void reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      // A connection kept alive after the stream would keep a process that ends from ending.
      .header('connection', 'close')
      .send(Readable.from(text, { objectMode: false }));
  }
}
