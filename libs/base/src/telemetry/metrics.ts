import { metrics, type Histogram, type Meter } from '@opentelemetry/api';

const METER = 'fornax';
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The meter of the process; call it after telemetry has started. Ids never label a metric. */
export const meter = (): Meter => metrics.getMeter(METER);

/** Duration histogram in seconds with the bounds that all Fornax durations share. */
export const durationHistogram = (name: string, description: string): Histogram =>
  meter().createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: DURATION_BUCKETS_S } });
