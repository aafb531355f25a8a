import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { throwError, type Observable } from 'rxjs';
import { LOGGER } from '../core/tokens.js';
import { LogContext } from '../log/log-context.js';
import { activeTraceId } from '@fornax/base';
import { wireErrorOf, type WireError } from './wire-error.js';

/** The only place where errors become HTTP statuses and bodies (contract, 1.2 and 1.7), or RPC error replies. */
@Catch()
export class WireExceptionFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): Observable<never> | void {
    if (host.getType() === 'http') return this.answer(error, host);
    // A log handler's error goes back to the log's subscription, which retries the batch and logs it.
    if (host.switchToRpc().getContext<unknown>() instanceof LogContext) return throwError(() => error);
    const wire = this.describe(error, 'request over NATS failed');
    return throwError(() => ({ code: wire.code, message: wire.message }));
  }

  private answer(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const wire = this.describe(error, `${request.method} ${pathOf(request.url)} failed`);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const isProblem = wire.errors !== undefined;
    void reply
      .status(wire.status)
      .header('content-type', isProblem ? 'application/problem+json; charset=utf-8' : 'application/json; charset=utf-8')
      .send(JSON.stringify(errorBody(wire)));
  }

  private describe(error: unknown, what: string): WireError {
    const wire = wireErrorOf(error);
    if (!wire.expected) this.logger.error({ err: error }, what);
    else if (wire.status >= 500) this.logger.warn({ err: error }, what);
    return wire;
  }
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** The body of an error answer. Every one has a top-level `message`; 401 and validation errors add what their readers expect. */
export const errorBody = (wire: WireError): Readonly<Record<string, unknown>> => {
  if (wire.errors) {
    return {
      type: 'about:blank',
      title: 'One or more validation errors occurred.',
      status: wire.status,
      traceId: activeTraceId() ?? '',
      message: wire.message,
      errors: wire.errors,
    };
  }
  if (wire.status === 401) return { message: wire.message, error: { message: wire.message, code: 401 }, data: {} };
  return { message: wire.message };
};
