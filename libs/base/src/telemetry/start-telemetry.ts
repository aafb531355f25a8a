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
import { TraceparentPropagator } from './traceparent-propagator.js';

export interface TelemetryOptions {
  readonly service: string;
  /** Base URL of an OTLP/HTTP collector. Without one, spans only lend their ids to events and logs, and cost next to nothing. */
  readonly otlpEndpoint?: string | undefined;
}

export interface Telemetry {
  /** All metrics in Prometheus' text format. */
  metricsText(): Promise<string>;
  /** Sends what is left. */
  shutdown(): Promise<void>;
}

let running: Telemetry | undefined;

/** Registers tracing and metrics for the process; a second call returns the first one's telemetry. */
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
  const contexts = new AsyncContextManager();
  context.setGlobalContextManager(contexts.enable());
  propagation.setGlobalPropagator(new TraceparentPropagator());
  trace.setGlobalTracerProvider(tracing);
  metrics.setGlobalMeterProvider(metering);
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    metricsText: async () => serializer.serialize((await prometheus.collect()).resourceMetrics),
    shutdown: async () => {
      await Promise.allSettled([tracing.shutdown(), metering.shutdown()]);
    },
  };
};

const urlAt = (base: string, path: string): string => new URL(path, base.endsWith('/') ? base : `${base}/`).href;
