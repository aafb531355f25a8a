import { Readable } from 'node:stream';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { Conflict, type MonotonicClock } from '@fornax/base';
import type { EventLog } from '@fornax/event-store';
import type { FastifyReply } from 'fastify';
import { EVENT_LOG, MONOTONIC_CLOCK } from '../core/tokens.js';
import { auditText, type Auditor } from './log-audit.js';

/** Answers requests with audits, one at a time. */
@Injectable()
export class AuditAnswers implements BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private isRunning = false;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(MONOTONIC_CLOCK) private readonly monotonic: MonotonicClock,
  ) {}

  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  /** Sends what an audit tells as it goes on; it ends with the connection. @throws Conflict while another one is under way */
  send(reply: FastifyReply, auditor: () => Auditor): void {
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
      auditor: auditor(),
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
