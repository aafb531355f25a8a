import { type Attributes, context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** W3C `traceparent` of the span that is active here. */
export const activeTraceparent = (): string | undefined => {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'];
};

/** Runs `work` in a span; `parent` is a traceparent from elsewhere, else the active span is the parent. */
export const inSpan = async <T>(
  name: string,
  { parent, attributes = {} }: { readonly parent?: string | undefined; readonly attributes?: Attributes },
  work: () => Promise<T>,
): Promise<T> => {
  const from = parent === undefined ? context.active() : propagation.extract(context.active(), { traceparent: parent });
  const span = trace
    .getTracer('fornax')
    .startSpan(name, { attributes, kind: parent === undefined ? SpanKind.INTERNAL : SpanKind.CONSUMER }, from);
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
