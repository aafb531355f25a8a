import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  AlwaysOnSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { AsyncContextManager } from './async-context.js';
import { copyLines } from './logger.js';
import { LogPush } from './log-push.js';
import { exemplars } from './metrics.js';
import { OPEN_METRICS_TYPE, openMetricsOf, TEXT_TYPE, wantsOpenMetrics } from './open-metrics.js';
import { TraceparentPropagator } from './traceparent-propagator.js';

export interface TelemetryOptions {
  readonly service: string;
  /** Base URL of an OTLP/HTTP collector. Without one, spans only lend their ids to events and logs, and cost next to nothing. */
  readonly otlpEndpoint?: string | undefined;
}

/** What a scraper gets. */
export interface MetricsAnswer {
  /** Its content type. */
  readonly type: string;
  readonly text: string;
}

export interface Telemetry {
  /** All metrics: as OpenMetrics with exemplars for who accepts that, else in Prometheus' text format. */
  metrics(accept?: string): Promise<MetricsAnswer>;
  /** Sends what is left. */
  shutdown(): Promise<void>;
}

let running: Telemetry | undefined;

/** Registers tracing and metrics for the process, and sends log lines on where there is a collector; a second call returns the first one's telemetry. */
export const startTelemetry = (options: TelemetryOptions): Telemetry => {
  running ??= start(options);
  return running;
};

const start = ({ service, otlpEndpoint }: TelemetryOptions): Telemetry => {
  const resource = resourceFromAttributes({ [ATTR_SERVICE_NAME]: `fornax-${service}` });
  const tracing =
    otlpEndpoint === undefined
      ? new TracerProvider({ resource, sampler: new AlwaysOffSampler() })
      : new TracerProvider({
          resource,
          sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
          spanProcessors: [
            new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: urlAt(otlpEndpoint, 'v1/traces') }) }),
          ],
        });
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const pushing =
    otlpEndpoint === undefined
      ? []
      : [
          new PeriodicExportingMetricReader({
            exporter: new OTLPMetricExporter({ url: urlAt(otlpEndpoint, 'v1/metrics') }),
          }),
        ];
  const metering = new MeterProvider({ resource, readers: [prometheus, ...pushing] });
  const logs =
    otlpEndpoint === undefined
      ? undefined
      : new LogPush({ url: urlAt(otlpEndpoint, 'v1/logs'), service: `fornax-${service}` });
  if (logs) copyLines((line) => logs.take(line));
  const contexts = new AsyncContextManager();
  context.setGlobalContextManager(contexts.enable());
  propagation.setGlobalPropagator(new TraceparentPropagator());
  trace.setGlobalTracerProvider(tracing);
  metrics.setGlobalMeterProvider(metering);
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    metrics: async (accept) => {
      const text = serializer.serialize((await prometheus.collect()).resourceMetrics);
      return wantsOpenMetrics(accept)
        ? { type: OPEN_METRICS_TYPE, text: openMetricsOf(text, (series, bound) => exemplars.of(series, bound)) }
        : { type: TEXT_TYPE, text };
    },
    shutdown: async () => {
      await Promise.allSettled([tracing.shutdown(), metering.shutdown(), logs?.close()]);
    },
  };
};

const urlAt = (base: string, path: string): string => new URL(path, base.endsWith('/') ? base : `${base}/`).href;
