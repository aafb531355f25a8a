import { context, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { durationsOf, traceContextOf } from '@fornax/base';

/** Anybody may send any method that there is a word for; those of ours are told apart. */
const METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A method as a label: one of few (OpenTelemetry's `http.request.method`). */
export const methodLabel = (method: string | undefined): string =>
  METHODS.includes(method) ? (method ?? '') : '_OTHER';

const QUIET = /^\/(health|metrics)(\/|$)/;

/**
 * A server span, a duration (OpenTelemetry's `http.server.request.duration`) and, for debugging, a log line for each request; handlers
 * run inside the span.
 */
export const observeRequests = (fastify: FastifyInstance, logger: Logger): void => {
  const duration = durationsOf('http.server.request.duration');
  const spans = new WeakMap<FastifyRequest, Span>();
  const tracer = trace.getTracer('fornax');

  fastify.addHook('onRequest', (request, _, done) => {
    if (!QUIET.test(request.url)) {
      const parent = request.headers['traceparent'];
      const from = traceContextOf(typeof parent === 'string' ? parent : undefined);
      spans.set(request, tracer.startSpan(methodLabel(request.method), { kind: SpanKind.SERVER }, from));
    }
    done();
  });
  // Activated after the body was read: stream callbacks would lose it.
  fastify.addHook('preHandler', (request, _, done) => {
    const span = spans.get(request);
    if (span) context.with(trace.setSpan(context.active(), span), done);
    else done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    const route = request.routeOptions.url ?? 'unknown';
    const attributes = {
      'http.request.method': methodLabel(request.method),
      'http.route': route,
      'http.response.status_code': reply.statusCode,
    };
    if (span) {
      duration.record(reply.elapsedTime / 1000, attributes, span.spanContext());
      span.updateName(`${request.method} ${route}`).setAttributes(attributes);
      context.with(trace.setSpan(context.active(), span), () => logger.debug(attributes, 'answered'));
      if (reply.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    }
    done();
  });
};
