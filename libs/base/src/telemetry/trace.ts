import {
  context,
  isSpanContextValid,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type SpanContext,
} from '@opentelemetry/api';

const TRACER = 'fornax';
const setter = {
  set: (carrier: Record<string, string>, key: string, value: string): void => void (carrier[key] = value),
};
const getter = {
  keys: (carrier: Readonly<Record<string, string>>): string[] => Object.keys(carrier),
  get: (carrier: Readonly<Record<string, string>>, key: string): string | undefined => carrier[key],
};

/** W3C `traceparent` of the span that is active here; undefined outside any span. */
export const activeTraceparent = (): string | undefined => {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier, setter);
  return carrier['traceparent'];
};

export const activeTraceId = (): string | undefined => {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? span.traceId : undefined;
};

/** The context that a `traceparent` stands for; the active one when there is none. */
export const traceContextOf = (traceparent: string | undefined): Context =>
  traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent }, getter);

/** The span that a `traceparent` names; undefined for none. */
export const spanContextOf = (traceparent: string | undefined): SpanContext | undefined =>
  traceparent === undefined ? undefined : trace.getSpanContext(traceContextOf(traceparent));

export interface SpanOptions {
  /** W3C traceparent of the cause; the active span when absent. */
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Runs `work` in a span of its own, which ends with it and records its error. */
export const inSpan = async <T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> => {
  const { parent, attributes = {}, kind = 'internal' } = options;
  const from = traceContextOf(parent);
  const span = trace.getTracer(TRACER).startSpan(name, { attributes, kind: KINDS[kind] }, from);
  try {
    return await context.with(trace.setSpan(from, span), work);
  } catch (error) {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
};
