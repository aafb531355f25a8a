import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** A finished span as it came over OTLP/HTTP with JSON. */
export interface Span {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined for the first span of a trace. */
  readonly parentSpanId: string | undefined;
}

/** A log line as it came. */
export interface LogLine {
  readonly service: string;
  readonly text: string;
  readonly severity: string;
  /** Of the span in which it was written; empty outside any. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface OtlpReceiver {
  readonly url: string;
  spans(traceId: string): readonly Span[];
  /** Log lines that were written in that trace. */
  lines(traceId: string): readonly LogLine[];
  /** Names of all metrics that were pushed. */
  metrics(): ReadonlySet<string>;
  close(): Promise<void>;
}

interface Resource {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
}

/** The parts of ExportTraceServiceRequest, ExportMetricsServiceRequest and ExportLogsServiceRequest that are looked at (opentelemetry-proto 1.x). */
interface Exported {
  readonly resourceSpans?: readonly {
    readonly resource: Resource;
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
  readonly resourceLogs?: readonly {
    readonly resource: Resource;
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly body: { readonly stringValue?: string };
        readonly severityText?: string;
        readonly traceId?: string;
        readonly spanId?: string;
      }[];
    }[];
  }[];
}

const serviceOf = ({ attributes }: Resource): string =>
  attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';

const linesOf = ({ resourceLogs = [] }: Exported): readonly LogLine[] =>
  resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs
      .flatMap(({ logRecords }) => logRecords)
      .map(({ body, severityText = '', traceId = '', spanId = '' }) => ({
        service: serviceOf(resource),
        text: body.stringValue ?? '',
        severity: severityText,
        traceId,
        spanId,
      })),
  );

const bodyOf = async (request: IncomingMessage): Promise<Exported> => {
  const sent = await buffer(request);
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  return JSON.parse(body.toString('utf8')) as Exported;
};

const spansOf = ({ resourceSpans = [] }: Exported): readonly Span[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = serviceOf(resource);
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
  const lines: LogLine[] = [];
  const metrics = new Set<string>();
  const server = createServer((request, response) => {
    void bodyOf(request).then((exported) => {
      lines.push(...linesOf(exported));
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
    lines: (traceId) => lines.filter((line) => line.traceId === traceId),
    metrics: () => metrics,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
