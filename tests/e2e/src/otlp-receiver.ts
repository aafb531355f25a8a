import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A finished span as it came over OTLP/HTTP with JSON. */
export interface Span {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined for the first span of a trace. */
  readonly parentSpanId: string | undefined;
}

export interface OtlpReceiver {
  readonly url: string;
  spans(traceId: string): readonly Span[];
  /** Names of all metrics that were pushed. */
  metrics(): ReadonlySet<string>;
  close(): Promise<void>;
}

/** The parts of ExportTraceServiceRequest and ExportMetricsServiceRequest that are looked at (opentelemetry-proto 1.x). */
interface Exported {
  readonly resourceSpans?: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

const spansOf = ({ resourceSpans = [] }: Exported): readonly Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId }) => ({
        service,
        name,
        traceId,
        spanId,
        parentSpanId: parentSpanId || undefined,
      })),
    );
  });

/** A collector that only remembers: the peer of the OTLP/HTTP exporters. */
export const startOtlpReceiver = async (): Promise<OtlpReceiver> => {
  const spans: Span[] = [];
  const metrics = new Set<string>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const exported = JSON.parse(body) as Exported;
      spans.push(...spansOf(exported));
      for (const { scopeMetrics } of exported.resourceMetrics ?? [])
        for (const scope of scopeMetrics) for (const { name } of scope.metrics) metrics.add(name);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans: (traceId) => spans.filter((span) => span.traceId === traceId),
    metrics: () => metrics,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
